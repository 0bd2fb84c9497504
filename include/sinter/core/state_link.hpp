#pragma once

#include <cstddef>
#include <optional>

namespace sinter {

/// By position, an input of a model that is kept from run to run, and the output that gives its next value.
struct state_link {
  std::size_t input = 0;
  std::size_t output = 0;
  std::optional<std::size_t> axis{};  ///< along which the output has more; none: both have one shape
};

}  // namespace sinter
