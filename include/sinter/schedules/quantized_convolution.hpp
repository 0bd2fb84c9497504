#pragma once

#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/quantized_product.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// sinter.QuantizedConv over one or two spatial axes, NCHW16c of 8-bit integers in and out, or a row-major image in:
/// the grids of convolution_code.hpp, whose tiles multiply integers.
namespace sinter {
namespace detail {

inline convolution_shape shape_of_quantized(scheduled_node const& n) {
  auto const& a = n.op.attributes_as<quantized_convolution::attributes>().geometry;
  return shape_of_convolution(a, n.inputs[0].shape(), n.outputs[0].shape());
}

inline quantized_product product_of_quantized(scheduled_node const& n, convolution_shape const& s, bool words) {
  return {n,
          {.outputs = s.out_channels,
           .channels = s.group_inputs(),
           .taps = s.taps(),
           .output_step = s.group_inputs() * s.taps(),
           .channel_step = s.taps()},
          n.op.attributes_as<quantized_convolution::attributes>().result,
          words};
}

/// The weights of one block of a grouped convolution, dense over the channels that it reads.
inline packing grouped_weights(quantized_product const& product, convolution_shape const& s, block_group const& g) {
  auto const values = product.weights().values();
  any_tensor bytes(dtype::int8, {s.out_channels, s.group_inputs(), s.taps()});
  std::ranges::transform(values, static_cast<std::int8_t*>(bytes.data()),
                         [](std::int32_t w) { return static_cast<std::int8_t>(w); });
  quantized_weights const dense{.tensor = dense_weights<std::int8_t>(bytes, s, g),
                                .zero_point = any_tensor(dtype::int8, shape{}),
                                .outputs = std::min(channel_block, s.out_channels - g.first_block * channel_block),
                                .channels = g.inputs,
                                .taps = s.taps(),
                                .output_step = g.inputs * s.taps(),
                                .channel_step = s.taps()};
  return pack_products("quantized group", fmt::format("{}:{}:{}", product.key_of_weights(), s.groups, g.first_block),
                       dense, convolution_interleave, channel_block, product.tile().words);
}

inline fragment quantized_convolution_build(scheduled_node const& n, convolution_shape const& s, target const& t) {
  fragment code;
  auto const product = product_of_quantized(n, s, multiplies_words(t));
  convolution_code(s, n, product.tile(), product.bias(product.zero_of_bytes()), product.scale(), t, code)
      .add([&](block_group const& g) {
        return s.groups == 1 ? product.weights(convolution_interleave, channel_block) : grouped_weights(product, s, g);
      });
  return code;
}

/// Whether a node is one that schedules of quantised convolutions take.
inline bool is_quantized_convolution(scheduled_node const& n) {
  if (n.n->domain != "sinter" || n.n->op != "QuantizedConv" || !has_quantized_operands(n)) return false;
  auto const rank = n.inputs[0].shape().rank();
  return (rank == 3 || rank == 4) && sums_fit(n, 0);
}

/// The layouts of such a convolution in NCHW16c.
inline layout_choice quantized_convolution_layouts(scheduled_node const& n) {
  layout_choice choice;
  choice.inputs.assign(n.inputs.size(), layout::row_major);
  choice.inputs[0] = layout::blocked;
  choice.in_place = overwritable_addend(n);
  if (constexpr auto r = quantized_product_result::addend; has_input(n, r)) choice.inputs[r] = layout::blocked;
  choice.outputs = {layout::blocked};
  return choice;
}

inline double quantized_convolution_cost(convolution_shape const& s, target const& t) {
  return direct_convolution_cost(s) / byte_products_at_once(t);
}

inline std::vector<candidate> quantized_convolution_offer(scheduled_node const& n, target const& t) {
  if (!is_quantized_convolution(n)) return {};
  auto const s = shape_of_quantized(n);
  auto layouts = quantized_convolution_layouts(n);
  bool const image = s.groups == 1 && s.in_channels <= byte_image::most_channels;
  if (image && n.inputs[0].how == layout::row_major) layouts.inputs[0] = layout::row_major;
  return {{.layouts = std::move(layouts),
           .cost = quantized_convolution_cost(s, t) + far_traffic_cost(n),
           .build = [s, t](scheduled_node const& at) { return quantized_convolution_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule quantized_convolution_schedule{.name = "quantized convolution",
                                                         .offer = detail::quantized_convolution_offer};

}  // namespace sinter
