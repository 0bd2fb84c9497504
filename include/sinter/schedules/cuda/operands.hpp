#pragma once

#include <sinter/program/device_forms.hpp>
#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Operands of nodes as schedules for CUDA see them: strides along coordinates, and places.
namespace sinter::detail::cuda {

/// The axes of a tensor from the outermost in memory to the innermost.
inline std::vector<std::size_t> axes_in_memory(std::size_t rank, layout how) {
  std::vector<std::size_t> axes;
  bool const channels_last = how.is_channels_last() && rank > 2;
  for (std::size_t axis = 0; axis < rank; ++axis)
    if (axis != 1 || !channels_last) axes.push_back(axis);
  if (channels_last) axes.push_back(1);
  return axes;
}

/// Elements for one step of each axis of a tensor in a layout.
inline device_sizes strides_of(shape const& s, layout how) {
  device_sizes strides(s.rank(), 0);
  std::int64_t next = 1;
  auto const axes = axes_in_memory(s.rank(), how);
  for (auto i = axes.size(); i-- > 0;) {
    strides[axes[i]] = next;
    next = checked_mul(next, s[axes[i]]);
  }
  return strides;
}

/// The same for an operand, which may be a slice.
inline device_sizes strides_of(operand_info const& o) {
  auto strides = strides_of(o.shape(), o.how);
  for (auto& stride : strides)
    if (o.slice.run > 0 && stride >= o.slice.run) stride = stride / o.slice.run * o.slice.pitch;
  return strides;
}

/// The same for an operand that broadcasts to `rank` axes: 0 where it has one element only.
inline device_sizes broadcast_strides(operand_info const& o, std::size_t rank) {
  auto const own = strides_of(o);
  device_sizes strides(rank, 0);
  for (std::size_t i = 0; i < own.size(); ++i)
    if (o.shape()[i] != 1) strides[rank - own.size() + i] = own[i];
  return strides;
}

/// Bytes that divide the addresses of all operands of a node.
inline std::int64_t alignment_of(scheduled_node const& n) {
  std::int64_t least = 16;
  for (auto const* operands : {&n.inputs, &n.outputs})
    for (auto const& o : *operands) least = std::min(least, o.alignment);
  return least;
}

/// Numbers of axes in another order; a scalar gets one coordinate.
inline device_sizes in_order(device_sizes const& numbers, std::vector<std::size_t> const& axes) {
  device_sizes result;
  for (auto const axis : axes) result.push_back(numbers[axis]);
  return result;
}

/// An argument for a function, whose coordinates are `axes` of the result's shape.
inline device_argument argument_of(operand_info const& o, std::vector<std::size_t> const& axes, bool written = false) {
  auto const rank = axes.size();
  return {o.element(), written, 0, in_order(broadcast_strides(o, rank), axes)};
}

inline device_sizes sizes_of(shape const& s) { return {s.begin(), s.end()}; }

/// Operand `i` of a node, and its results.
inline address input_of(scheduled_node const& n, std::size_t i) {
  return {.in = space::input, .index = n.first_input + static_cast<std::uint32_t>(i)};
}
inline address output_of(std::size_t i = 0) { return {.in = space::output, .index = static_cast<std::uint32_t>(i)}; }

/// The layout in which a schedule that takes any of the device's reads an operand, and row-major as it is stored.
inline layout device_layout(operand_info const& o) {
  if (!o.present() || o.constant) return layout::row_major;
  return o.how.is_channels_last() ? o.how : layout::row_major.as(o.how.stored);
}
inline layout row_major_of(operand_info const& o) { return layout::row_major.as(device_layout(o).stored); }

/// Row-major operands as they are stored.
inline std::vector<layout> rows_as_stored(std::vector<operand_info> const& operands) {
  std::vector<layout> all;
  for (auto const& o : operands) all.push_back(row_major_of(o));
  return all;
}

/// The layouts of a node whose result is laid out as its first input, rounded where that is wanted; other inputs are
/// row-major.
inline layout_choice layouts_as_first(scheduled_node const& n) {
  auto const how = device_layout(n.inputs[0]);
  layout_choice choice{.inputs = std::vector(n.inputs.size(), layout::row_major),
                       .outputs = {how.as(dtype::undefined)},
                       .slices = true,
                       .rounds = true};
  choice.inputs[0] = how;
  return choice;
}

}  // namespace sinter::detail::cuda
