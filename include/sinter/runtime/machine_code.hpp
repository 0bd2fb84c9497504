#pragma once

#include <sinter/emit/x86/emit.hpp>
#include <sinter/runtime/linked_grid.hpp>

#include <memory>
#include <utility>

namespace sinter {

/// Emitted code in the form that an executable runs; it keeps the block alive.
inline kernel_code machine_code(code_block block) {
  auto const owner = std::make_shared<code_block const>(std::move(block));
  kernel_code code{.entries = {}, .owner = owner, .bytes = owner->bytes().size(), .interpret = nullptr};
  for (std::size_t i = 0; i < owner->size(); ++i) code.entries.push_back(owner->entry(i));
  return code;
}

}  // namespace sinter
