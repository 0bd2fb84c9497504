#pragma once

#include <sinter/ops/channel_shuffle.hpp>
#include <sinter/ops/concat.hpp>
#include <sinter/schedules/channel_moves.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

/// sinter.ChannelShuffle in blocked layout, alone or of the parts of a Concat of channels: the loop nest of
/// channel_moves.hpp.
namespace sinter {

namespace detail {

/// What the channels are read from: the node, or the Concat before it.
inline scheduled_node const& shuffled_parts(scheduled_node const& n) { return n.before.empty() ? n : n.before[0]; }

inline fragment channel_shuffle_build(scheduled_node const& n, target const& t) {
  auto parts = shuffled_parts(n);
  parts.outputs = n.outputs;
  std::vector<channel_source> joined;
  for (std::uint32_t i = 0; i < parts.inputs.size(); ++i)
    for (std::int64_t c = 0; c < parts.inputs[i].shape()[1]; ++c) joined.push_back({i, c});
  auto const groups = n.op.attributes_as<channel_shuffle::attributes>().groups;
  auto const channels = static_cast<std::int64_t>(joined.size()), run = channels / groups;
  std::vector<channel_source> map;
  for (std::int64_t c = 0; c < channels; ++c)
    map.push_back(joined[static_cast<std::size_t>(c % groups * run + c / groups)]);
  fragment code;
  move_channels(code, parts, 0, map, t);
  return code;
}

inline std::vector<candidate> channel_shuffle_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "ChannelShuffle") return {};
  auto const& parts = shuffled_parts(n);
  auto const is_moved = [](operand_info const& o) { return is_movable_tensor(o) && !o.constant; };
  if (!std::ranges::all_of(parts.inputs, is_moved)) return {};
  if (!n.before.empty() &&
      normalize_axis(parts.op.attributes_as<concat::attributes>().axis, n.inputs[0].shape().rank()) != 1)
    return {};
  return {{.layouts = {.inputs = std::vector(n.first_input + n.inputs.size(), layout::blocked),
                       .outputs = {layout::blocked}},
           .cost = traffic_cost(n),
           .build = [t](scheduled_node const& at) { return channel_shuffle_build(at, t); }}};
}

/// The Concat before a shuffle that alone reads its result.
inline std::vector<node_id> joined_shuffle_match(graph const& g, node_id id) {
  auto const& n = g.at(id);
  if (n.domain != "sinter" || n.op != "ChannelShuffle") return {};
  auto const& x = g.at(n.inputs[0]);
  if (!x.producer || x.users.size() != 1 || g.is_output(n.inputs[0])) return {};
  return is_standard_operator(g.at(x.producer), "Concat") ? std::vector{x.producer} : std::vector<node_id>{};
}

}  // namespace detail

inline constexpr schedule channel_shuffle_schedule{.name = "channel shuffle", .offer = detail::channel_shuffle_offer};

inline constexpr schedule joined_shuffle_schedule{
    .name = "channel shuffle of parts", .offer = detail::channel_shuffle_offer, .match = detail::joined_shuffle_match};

}  // namespace sinter
