#pragma once

#include <sinter/ops/pad.hpp>
#include <sinter/program/device_pad.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/moves.hpp>
#include <sinter/schedules/kernel_call.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Pad in all modes, and Slice where it goes backwards: kernels of the form `pad`.
namespace sinter::detail::cuda {

inline device_padding device_padding_of(kernels::pad_mode mode) {
  switch (mode) {
    case kernels::pad_mode::reflect: return device_padding::reflect;
    case kernels::pad_mode::edge: return device_padding::edge;
    case kernels::pad_mode::wrap: return device_padding::wrap;
    default: return device_padding::value;
  }
}

/// Of a Pad. The value of old models, an attribute, must be zero.
inline std::optional<device_pad> padding_of(scheduled_node const& n, kernel_call const& call) {
  if (call.reals[0] != 0) return std::nullopt;
  device_pad p{.sizes = sizes_of(n.outputs[0].shape()),
               .extents = sizes_of(n.inputs[0].shape()),
               .step = device_sizes(n.inputs[0].shape().rank(), 1),
               .padding = device_padding_of(static_cast<kernels::pad_mode>(call.integers[0])),
               .valued = has_input(n, 2)};
  for (std::size_t axis = 0; axis < p.sizes.size(); ++axis) p.first.push_back(-call.integers[axis + 1]);
  return p;
}

/// Of a Slice: the offset in `call` is that of the first element, the other numbers are sizes and strides.
inline std::optional<device_pad> backward_slice_of(scheduled_node const& n, kernel_call const& call) {
  auto const& x = n.inputs[0].shape();
  auto const strides = row_major_strides(sizes_of(x));
  auto const rank = x.rank();
  device_pad p{.sizes = sizes_of(n.outputs[0].shape()), .extents = sizes_of(x)};
  auto offset = call.integers[0];
  for (std::size_t axis = 0; axis < rank; ++axis) {
    p.first.push_back(offset / strides[axis]);
    offset %= strides[axis];
    p.step.push_back(call.integers[1 + rank + axis] / strides[axis]);
  }
  return p;
}

inline std::optional<device_pad> pad_of(scheduled_node const& n) {
  if (!is_movable(n) || n.inputs[0].shape().rank() == 0 || n.inputs[0].shape().elements() == 0) return std::nullopt;
  auto const call = kernel_call_of(n);
  auto p = call.kernel.name == "pad"                                           ? padding_of(n, call)
           : call.kernel.name == "move" && is_standard_operator(*n.n, "Slice") ? backward_slice_of(n, call)
                                                                               : std::nullopt;
  if (p) p->bytes = element_bytes(n.inputs[0]);
  return p;
}

inline fragment build_pad(scheduled_node const& n) {
  auto const p = *pad_of(n);
  std::vector<address> places{input_of(n, 0), output_of()};
  if (p.valued) places.push_back(input_of(n, 2));
  fragment f;
  f.add(pad_call(p), std::move(places));
  return f;
}

inline std::vector<candidate> pad_offer(scheduled_node const& n, target const&) {
  if (!pad_of(n) || strided_move_of(n)) return {};
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}};
  return {{.layouts = std::move(layouts), .cost = traffic_cost(n), .build = build_pad}};
}

inline constexpr schedule pad_schedule{.name = "cuda pad", .offer = pad_offer};

}  // namespace sinter::detail::cuda
