#pragma once

#include <sinter/program/device_copy.hpp>
#include <sinter/schedules/cuda/operands.hpp>

namespace sinter::detail::cuda {

/// Copies a tensor into another layout.
inline fragment build_reorder(operand_info const& from, operand_info const& to) {
  auto const& s = from.shape();
  auto const axes = axes_in_memory(s.rank(), to.how);
  fragment f;
  f.add(copy_call({.sizes = in_order(sizes_of(s), axes),
                   .from = in_order(strides_of(from), axes),
                   .to = in_order(strides_of(to), axes),
                   .bytes = static_cast<std::int64_t>(size_of(from.type.element)),
                   .alignment = std::min(from.alignment, to.alignment)}),
        {{.in = space::input}, {.in = space::output}});
  return f;
}

}  // namespace sinter::detail::cuda
