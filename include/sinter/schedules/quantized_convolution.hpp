#pragma once

#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/quantized_product.hpp>

#include <vector>

/// sinter.QuantizedConv with one group, one or two spatial axes, NCHW16c of 8-bit integers in and out: the grids of
/// convolution.hpp, whose tiles multiply integers.
namespace sinter {
namespace detail {

inline convolution_shape shape_of_quantized(scheduled_node const& n) {
  auto const& a = n.op.attributes_as<quantized_convolution::attributes>().geometry;
  return shape_of_convolution(a, n.inputs[0].shape(), n.outputs[0].shape());
}

inline fragment quantized_convolution_build(scheduled_node const& n, convolution_shape const& s, target const& t) {
  fragment code;
  quantized_product const product(n,
                                  {.outputs = s.out_channels,
                                   .channels = s.in_channels,
                                   .taps = s.taps(),
                                   .output_step = s.in_channels * s.taps(),
                                   .channel_step = s.taps()},
                                  n.op.attributes_as<quantized_convolution::attributes>().bounds);
  convolution_code(s, n, product.tile(), product.bias(), product.scale(), t, code).add([&](block_group const&) {
    return product.weights(convolution_interleave);
  });
  return code;
}

inline std::vector<candidate> quantized_convolution_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "QuantizedConv" || !has_quantized_operands(n)) return {};
  auto const rank = n.inputs[0].shape().rank();
  if (rank != 3 && rank != 4) return {};
  auto const s = shape_of_quantized(n);
  if (s.groups != 1 || !sums_fit(n, 0)) return {};
  layout_choice choice;
  choice.inputs.assign(n.inputs.size(), layout::row_major);
  choice.inputs[0] = layout::blocked;
  choice.outputs = {layout::blocked};
  return {{.layouts = std::move(choice),
           .cost = direct_convolution_cost(s) / 4 + far_traffic_cost(n),
           .build = [s, t](scheduled_node const& at) { return quantized_convolution_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule quantized_convolution_schedule{.name = "quantized convolution",
                                                         .offer = detail::quantized_convolution_offer};

}  // namespace sinter
