#pragma once

#include <sinter/schedules/depthwise.hpp>
#include <sinter/schedules/quantized_convolution.hpp>

#include <fmt/format.h>

#include <utility>
#include <vector>

/// sinter.QuantizedConv with one input channel and one output channel a group, NCHW16c of 8-bit integers in and out:
/// the grids of depthwise.hpp, whose integers are float32 until their products are summed.
namespace sinter {
namespace detail {

inline fragment quantized_depthwise_build(scheduled_node const& n, convolution_shape const& s, target const& t) {
  auto const product = product_of_quantized(n, s, false);
  auto weights = pack_quantized_depthwise("quantized depthwise:" + product.key_of_weights(), product.weights());
  return depthwise_code(s, n, product.tile(), product.zero(),
                        {std::move(weights), product.bias(product.zero()), product.scale()}, t)
      .build();
}

inline std::vector<candidate> quantized_depthwise_offer(scheduled_node const& n, target const& t) {
  if (!is_quantized_convolution(n)) return {};
  auto const s = shape_of_quantized(n);
  // So many products of 255 · 128 are integers below 2^24, which float32 holds.
  if (s.groups == 1 || s.group_inputs() != 1 || s.group_outputs() != 1 || s.taps() > 49) return {};
  return {{.layouts = quantized_convolution_layouts(n),
           .cost = depthwise_cost(s) + far_traffic_cost(n),
           .build = [s, t](scheduled_node const& at) { return quantized_depthwise_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule quantized_depthwise_schedule{.name = "quantized depthwise",
                                                       .offer = detail::quantized_depthwise_offer};

}  // namespace sinter
