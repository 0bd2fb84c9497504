#pragma once

#include <sinter/ops/channel_shuffle.hpp>
#include <sinter/schedules/channel_moves.hpp>
#include <sinter/schedules/tasks.hpp>

#include <optional>
#include <vector>

/// sinter.ChannelShuffle in blocked layout: the loop nest of channel_moves.hpp.
namespace sinter {

inline constexpr schedule channel_shuffle_schedule{
    .name = "channel_shuffle",
    .applies = [](scheduled_node const& n, target const&) -> std::optional<layout_choice> {
      if (n.n->domain != "sinter" || n.n->op != "ChannelShuffle" || !is_float_tensor(n.inputs[0])) return std::nullopt;
      return layout_choice{.inputs = {layout::blocked}, .outputs = {layout::blocked}};
    },
    .build =
        [](scheduled_node const& n, target const& t) {
          auto const groups = n.op.attributes_as<channel_shuffle::attributes>().groups;
          auto const channels = n.inputs[0].shape()[1], run = channels / groups;
          std::vector<detail::channel_source> map;
          for (std::int64_t c = 0; c < channels; ++c) map.push_back({0, c % groups * run + c / groups});
          scheduled_code code;
          code.regions = {detail::move_channels(n, 0, map, t)};
          return code;
        }};

}  // namespace sinter
