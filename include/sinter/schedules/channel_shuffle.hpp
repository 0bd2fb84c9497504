#pragma once

#include <sinter/ops/channel_shuffle.hpp>
#include <sinter/schedules/channel_moves.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/tasks.hpp>

#include <optional>
#include <vector>

/// sinter.ChannelShuffle in blocked layout: the loop nest of channel_moves.hpp.
namespace sinter {

namespace detail {

inline fragment channel_shuffle_build(scheduled_node const& n, target const& t) {
  auto const groups = n.op.attributes_as<channel_shuffle::attributes>().groups;
  auto const channels = n.inputs[0].shape()[1], run = channels / groups;
  std::vector<channel_source> map;
  for (std::int64_t c = 0; c < channels; ++c) map.push_back({0, c % groups * run + c / groups});
  fragment code;
  move_channels(code, n, 0, map, t);
  return code;
}

inline std::vector<candidate> channel_shuffle_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "ChannelShuffle" || !is_movable_tensor(n.inputs[0])) return {};
  return {{.layouts = {.inputs = {layout::blocked}, .outputs = {layout::blocked}},
           .cost = traffic_cost(n),
           .build = [t](scheduled_node const& at) { return channel_shuffle_build(at, t); }}};
}

}  // namespace detail

inline constexpr schedule channel_shuffle_schedule{.name = "channel shuffle", .offer = detail::channel_shuffle_offer};

}  // namespace sinter
