#pragma once

#include <sinter/program/device_copy.hpp>
#include <sinter/schedules/cuda/operands.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace sinter::detail::cuda {

/// Copies a tensor into another layout; into elements of another type by the form `pointwise`.
inline fragment build_reorder(operand_info const& from, operand_info const& to) {
  auto const& s = from.shape();
  auto const axes = axes_in_memory(s.rank(), to.how);
  auto const alignment = std::min(from.alignment, to.alignment);
  fragment f;
  if (from.element() != to.element()) {
    device_epilogue each{.arguments = {argument_of(from, axes), argument_of(to, axes, true)}, .alignment = alignment};
    f.add(pointwise_call(in_order(sizes_of(s), axes), std::move(each)), {{.in = space::input}, {.in = space::output}});
    return f;
  }
  f.add(copy_call({.sizes = in_order(sizes_of(s), axes),
                   .from = in_order(strides_of(from), axes),
                   .to = in_order(strides_of(to), axes),
                   .bytes = static_cast<std::int64_t>(size_of(from.element())),
                   .alignment = alignment}),
        {{.in = space::input}, {.in = space::output}});
  return f;
}

}  // namespace sinter::detail::cuda
