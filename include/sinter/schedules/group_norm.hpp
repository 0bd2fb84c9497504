#pragma once

#include <sinter/ops/instance_normalization.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/group_norm_kernels.hpp>
#include <sinter/schedules/tasks.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

/// InstanceNormalization and GroupNormalization with constant scale and bias.
///
///     for item, group (blocked: channel block, or the blocks of a group):      (grid)
///       mean = sum x / count
///       factor = 1 / sqrt(sum (x - mean)^2 / count + epsilon)
///       for channel, pixel: y = x * (factor * scale) + (bias - mean * factor * scale)
///
/// Blocked where groups do not straddle blocks: groups of a power of two of channels, or of whole blocks.
namespace sinter {

namespace detail {

inline std::optional<group_norm_shape> group_norm_shape_of(scheduled_node const& n) {
  bool const grouped = is_standard_operator(*n.n, "GroupNormalization");
  if (!grouped && !is_standard_operator(*n.n, "InstanceNormalization")) return std::nullopt;
  auto const& s = n.inputs[0].shape();
  if (!is_float_tensor(n.inputs[0]) || s.rank() < 3) return std::nullopt;
  for (std::size_t i = 1; i < 3; ++i)
    if (!n.inputs[i].constant || !is_float_tensor(n.inputs[i])) return std::nullopt;
  // Both operators have attributes of one layout, but of two types.
  auto const read = [](auto const& a) { return std::pair(a.groups, a.epsilon); };
  auto const [groups, epsilon] = grouped ? read(n.op.attributes_as<group_normalization::attributes>())
                                         : read(n.op.attributes_as<instance_normalization::attributes>());
  return group_norm_shape{
      .items = s[0], .channels = s[1], .groups = grouped ? groups : s[1], .plane = pixels_of(s), .epsilon = epsilon};
}

/// A value for each channel from one for each channel or group, in whole blocks.
inline packing pack_channels(operand_info const& values, group_norm_shape const& s) {
  auto const bytes = round_up(s.channels, channel_block) * 4;
  return {.key = fmt::format("group_norm:{}:{}", values.constant_key, s.channels),
          .bytes = bytes,
          .fill = [tensor = *values.constant, s, bytes](std::byte* to) {
            std::memset(to, 0, static_cast<std::size_t>(bytes));
            auto const given = static_cast<std::int64_t>(tensor.elements());
            auto const* const from = static_cast<float const*>(tensor.data());
            for (std::int64_t c = 0; c < s.channels; ++c) std::memcpy(to + c * 4, from + c / (s.channels / given), 4);
          }};
}

inline fragment group_norm_build(group_norm_shape const& s, scheduled_node const& n, target const& t) {
  fragment code;
  auto scale = code.weight(pack_channels(n.inputs[1], s)), bias = code.weight(pack_channels(n.inputs[2], s));
  bool const blocked = n.inputs[0].how == layout::blocked;
  auto const channels = blocked ? s.blocks_of_task() * channel_block : s.width();
  auto const bytes = channels * s.plane * 4;
  scale.stride[1] = bias.stride[1] = channels * 4;
  address const x{.in = space::input, .stride = {item_stride(n.inputs[0]), bytes}};
  address const y{.in = space::output, .stride = {item_stride(n.outputs[0]), bytes}};
  vector::recipe_key key(blocked ? "group_norm_blocks" : "group_norm_rows", t);
  key.add(s.width()).add(s.plane).add(s.epsilon);
  auto const tasks = blocked ? ceil_div(s.channels, channels) : s.groups;
  code.add({key.take(),
            [s, blocked, t] { return blocked ? group_norm_blocks(s, t).build() : group_norm_rows(s, t).build(); }},
           {s.items, tasks}, {x, scale, bias, y, code.weight(pack_lane_mask())});
  return code;
}

inline std::vector<candidate> group_norm_offer(scheduled_node const& n, target const& t) {
  auto const s = group_norm_shape_of(n);
  if (!s) return {};
  std::vector<candidate> offered;
  for (auto const how : {layout::blocked, layout::row_major}) {
    if (how == layout::blocked && !s->fits_blocks()) continue;
    layout_choice layouts{.inputs = {how, layout::row_major, layout::row_major}, .outputs = {how}, .in_place = {0}};
    offered.push_back({.layouts = std::move(layouts),
                       .cost = 2 * traffic_cost(n),
                       .build = [s = *s, t](scheduled_node const& at) { return group_norm_build(s, at, t); }});
  }
  return offered;
}

}  // namespace detail

inline constexpr schedule group_norm_schedule{.name = "group norm", .offer = detail::group_norm_offer};

}  // namespace sinter
