#pragma once

#include <sinter/schedules/convolution_code.hpp>
#include <sinter/schedules/half_weights.hpp>

#include <utility>
#include <vector>

/// Direct convolution in float32, with weights in 16 bits, and with weights of bfloat16 and an input that is rounded to
/// it.
namespace sinter {
namespace detail {

inline fragment direct_convolution_build(scheduled_node const& n, convolution_shape const& s, target const& t,
                                         tile_factors factors = tile_factors::own) {
  fragment code;
  auto const& epilogue = n.op.attributes_as<fused_convolution::attributes>().epilogue;
  convolution_code(s, n, epilogue, t, code, factors).add([&](block_group const& g) {
    return stored(pack_convolution(n.inputs[1], s, g, n.inputs[0].how == layout::blocked), factors);
  });
  return code;
}

/// The same in bfloat16; sums are float32.
inline fragment bfloat16_convolution_build(scheduled_node const& n, convolution_shape const& s, target const& t) {
  fragment code;
  auto const& epilogue = n.op.attributes_as<fused_convolution::attributes>().epilogue;
  convolution_code grids(s, n, epilogue, t, code);
  grids.use_pairs();
  grids.add([&](block_group const& g) {
    return paired(pack_convolution(n.inputs[1], s, g, true, true), convolution_interleave * channel_block);
  });
  return code;
}

inline std::vector<candidate> bfloat16_convolution_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_pairs(t) || !is_plain_convolution(n)) return {};
  auto const s = shape_of_convolution(n);
  if (s.groups != 1 || s.in_channels % 2 != 0 || s.in_channels <= few_channels) return {};
  return {{.layouts = blocked_convolution_layouts(n, layout::blocked),
           .cost = pairs_cost(n, direct_convolution_cost(s)) + far_traffic_cost(n),
           .weight_growth = 0.5,
           .precision = precision::bfloat16,
           .build = [s, t](scheduled_node const& at) { return bfloat16_convolution_build(at, s, t); }}};
}

inline std::vector<candidate> direct_convolution_offer(scheduled_node const& n, target const& t) {
  if (!is_plain_convolution(n)) return {};
  bool const image = n.inputs[0].shape()[1] <= few_channels && n.inputs[0].how == layout::row_major;
  auto const s = shape_of_convolution(n);
  return {{.layouts = blocked_convolution_layouts(n, image ? layout::row_major : layout::blocked),
           .cost = direct_convolution_cost(s) + far_traffic_cost(n),
           .build = [s, t](scheduled_node const& at) { return direct_convolution_build(at, s, t); }}};
}

inline std::vector<candidate> half_convolution_offer(scheduled_node const& n, target const& t) {
  std::vector<candidate> offered;
  if (!is_plain_convolution(n)) return offered;
  for (auto const& [factors, rounds] : half_storages(*n.inputs[1].constant)) {
    auto how = direct_convolution_offer(n, t)[0];
    how.cost *= half_weights_cost;
    how.weight_growth = 0.5;
    how.precision = rounds;
    how.build = [s = shape_of_convolution(n), t, f = factors](scheduled_node const& at) {
      return direct_convolution_build(at, s, t, f);
    };
    offered.push_back(std::move(how));
  }
  return offered;
}

}  // namespace detail

inline constexpr schedule convolution_schedule{.name = "direct convolution", .offer = detail::direct_convolution_offer};
inline constexpr schedule half_convolution_schedule{.name = "half convolution",
                                                    .offer = detail::half_convolution_offer};
inline constexpr schedule bfloat16_convolution_schedule{.name = "bf16 convolution",
                                                        .offer = detail::bfloat16_convolution_offer};

}  // namespace sinter
