#pragma once

#include <sinter/program/device_forms.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/schedules/strides.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Operands of nodes as schedules for CUDA see them: places, arguments and layouts.
namespace sinter::detail::cuda {

/// Bytes that divide the addresses of all operands of a node.
inline std::int64_t alignment_of(scheduled_node const& n) {
  std::int64_t least = 16;
  for (auto const* operands : {&n.inputs, &n.outputs})
    for (auto const& o : *operands) least = std::min(least, o.alignment);
  return least;
}

/// An argument for a function, whose coordinates are `axes` of the result's shape.
inline device_argument argument_of(operand_info const& o, std::vector<std::size_t> const& axes, bool written = false) {
  auto const rank = axes.size();
  return {o.element(), written, 0, in_order(broadcast_strides(o, rank), axes)};
}

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
