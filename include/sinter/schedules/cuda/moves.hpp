#pragma once

#include <sinter/ops/channel_shuffle.hpp>
#include <sinter/program/device_copy.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/operands.hpp>
#include <sinter/schedules/kernel_call.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Operators that move elements of any type but strings in a way that strides describe: a kernel of the form `copy`.
namespace sinter::detail::cuda {

/// Whether all operands are of known shapes, none of them strings, and the result has elements.
inline bool is_movable(scheduled_node const& n) {
  auto const movable = [](operand_info const& o) { return !o.present() || (o.type.shape && is_plain(o.type.element)); };
  return std::ranges::all_of(n.inputs, movable) && std::ranges::all_of(n.outputs, movable) && n.outputs[0].type.shape &&
         n.outputs[0].shape().elements() > 0;
}

inline std::int64_t element_bytes(operand_info const& o) { return static_cast<std::int64_t>(size_of(o.element())); }
/// The largest power of two up to 16 that divides an offset: what alignment an address has.
inline std::int64_t alignment_at(std::int64_t offset) { return offset % 16 == 0 ? 16 : offset & -offset; }

/// Elements that strides say the places of, from `offset` bytes on.
struct strided_move {
  device_copy copy{};
  std::int64_t offset = 0;

  /// Whether the elements lie side by side already, where other tensors may begin, too.
  bool is_view() const {
    auto whole = copy;
    device_sizes* const strides[] = {&whole.from, &whole.to};
    merge_axes(whole.sizes, strides);
    return offset % arena_alignment == 0 && whole.sizes.size() == 1 && (whole.from[0] == 1 || whole.sizes[0] == 1);
  }
};

/// What Transpose, Slice, Expand, Tile, DepthToSpace and others do; none: a stride is negative, or it is another node.
inline std::optional<strided_move> strided_move_of(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  auto const negative = [](std::int64_t number) { return number < 0; };
  if (call.kernel.name != "move" || std::ranges::any_of(call.integers, negative)) return std::nullopt;
  auto const rank = (call.integers.size() - 1) / 2;
  auto const numbers = [&](std::size_t first) {
    auto const begin = call.integers.begin() + static_cast<std::ptrdiff_t>(first);
    return device_sizes(begin, begin + static_cast<std::ptrdiff_t>(rank));
  };
  strided_move m{{.sizes = numbers(1), .from = numbers(1 + rank), .bytes = element_bytes(n.inputs[0])}};
  m.copy.to = row_major_strides(m.copy.sizes);
  m.offset = call.integers[0] * m.copy.bytes;
  m.copy.alignment = alignment_at(m.offset);
  if (rank == 0) m.copy.sizes = m.copy.from = m.copy.to = {1};
  return m;
}

inline fragment build_strided_move(scheduled_node const& n) {
  auto m = *strided_move_of(n);
  auto from = input_of(n, 0);
  from.offset = m.offset;
  fragment f;
  f.add(copy_call(std::move(m.copy)), {from, output_of()});
  return f;
}

/// A shuffle of channels that are neighbours.
inline fragment build_channel_shuffle(scheduled_node const& n) {
  auto const& s = n.inputs[0].shape();
  auto const groups = n.op.attributes_as<channel_shuffle::attributes>().groups, each = s[1] / groups;
  auto const coordinates = [&](operand_info const& o, std::int64_t of_group, std::int64_t within) {
    auto strides = in_order(strides_of(o), axes_in_memory(s.rank(), o.how));
    strides.back() = within;
    strides.push_back(of_group);
    return strides;
  };
  auto sizes = in_order(sizes_of(s), axes_in_memory(s.rank(), layout::channels_last));
  sizes.back() = each;
  sizes.push_back(groups);
  fragment f;
  f.add(copy_call({.sizes = std::move(sizes),
                   .from = coordinates(n.inputs[0], each, 1),
                   .to = coordinates(n.outputs[0], 1, groups),
                   .bytes = element_bytes(n.inputs[0]),
                   .alignment = alignment_of(n)}),
        {input_of(n, 0), output_of()});
  return f;
}

inline std::vector<candidate> moves_offer(scheduled_node const& n, target const&) {
  if (!is_movable(n)) return {};
  auto const offer = [&](layout_choice const& layouts, auto build) {
    return std::vector<candidate>{{.layouts = layouts, .cost = traffic_cost(n), .build = build}};
  };
  auto const how = device_layout(n.inputs[0]);
  if (n.n->op == "ChannelShuffle" && how.is_channels_last())
    return offer({.inputs = {how}, .outputs = {how}, .slices = true}, build_channel_shuffle);
  auto const move = strided_move_of(n);
  if (!move) return {};
  auto const rows = row_major_of(n.inputs[0]);
  layout_choice layouts{.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {rows}};
  layouts.inputs[0] = rows;
  if (!move->is_view()) return offer(std::move(layouts), build_strided_move);
  layouts.view = move->offset;
  return {{.layouts = std::move(layouts)}};
}

inline constexpr schedule moves_schedule{.name = "cuda copy", .offer = moves_offer};

}  // namespace sinter::detail::cuda
