#pragma once

#include <sinter/ops/conv_transpose.hpp>
#include <sinter/schedules/cuda/convolution.hpp>
#include <sinter/schedules/kernel_call.hpp>

#include <cstdint>
#include <utility>

/// ConvTranspose of one or two spatial axes: kernels of the form `transposed_convolution`, channels last.
namespace sinter::detail::cuda {

/// The convolution from a result to its operand that ConvTranspose is the transpose of.
struct transposed_shape {
  kernels::window window{};
  std::int64_t groups = 1, c = 1, f = 1;  ///< input and output channels of a group
};

inline transposed_shape transposed_shape_of(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  transposed_shape s{.window = kernels::window_of(call.integers), .groups = call.integers[kernels::window_numbers]};
  s.c = n.inputs[0].shape()[1] / s.groups;
  s.f = n.inputs[1].shape()[1];
  return s;
}

inline device_convolution device_transposed_of(scheduled_node const& n, transposed_shape const& s) {
  auto const x = image_strides(strides_of(n.inputs[0]));
  auto const& w = s.window;
  return {.n = n.inputs[0].shape()[0],
          .groups = s.groups,
          .c = s.c,
          .f = s.f,
          .h = w.out[1],
          .w = w.out[2],
          .r = w.kernel[1],
          .s = w.kernel[2],
          .p = w.in[1],
          .q = w.in[2],
          .stride_h = w.stride[1],
          .stride_w = w.stride[2],
          .pad_h = w.pad_begin[1],
          .pad_w = w.pad_begin[2],
          .dilation_h = w.dilation[1],
          .dilation_w = w.dilation[2],
          .x_n = x[0],
          .x_c = x[3],
          .x_h = x[1],
          .x_w = x[2],
          .element = n.inputs[0].element()};
}

inline fragment build_transposed_convolution(scheduled_node const& n, precision how) {
  auto const s = transposed_shape_of(n);
  auto const c = device_transposed_of(n, s);
  auto const phases = c.stride_h * c.stride_w;
  auto const outputs = c.n * divide_up(c.p, c.stride_h) * divide_up(c.q, c.stride_w);
  auto const tiles = choose_tiles({s.groups * phases, outputs, c.f, divide_up(c.k(), phases)}, how);
  auto const rank = n.outputs[0].shape().rank();
  auto e = epilogue_of(n, std::nullopt, [&](operand_info const& o, bool is_bias) {
    return is_bias ? device_sizes{0, 0, 0, 1} : image_strides(broadcast_strides(o, rank));
  });
  fragment f;
  auto const filters = transposed_filters(s.groups, s.window.kernel_size(), s.c, s.f);
  auto const weights = filters_in_order(f, n, filters, c.element);
  add_product(
      f, tiles, c.sizes(),
      [&](device_epilogue after) { return transposed_convolution_call(c, tiles, std::move(after)); }, input_of(n, 0),
      weights, std::move(e));
  return f;
}

inline std::vector<candidate> transposed_convolution_offer(scheduled_node const& n, target const& t) {
  if (!is_standard_operator(*n.n, "ConvTranspose") || !is_float_tensor(n.inputs[0])) return {};
  auto const rank = n.inputs[0].shape().rank();
  if ((rank != 3 && rank != 4) || !is_float_tensor(n.inputs[1])) return {};
  if (!is_float_tensor(n.outputs[0]) || !has_plain_extras(n)) return {};
  auto const layouts = [&](precision how) {
    layout_choice choice{
        .inputs = rows_as_stored(n.inputs), .outputs = {layout::channels_last}, .slices = true, .rounds = true};
    auto const element = factor_element({&n.inputs[0], &n.inputs[1]}, how);
    choice.inputs[0] = layout::channels_last.as(element);
    choice.inputs[1] = layout::row_major.as(element);
    return choice;
  };
  return product_candidates(layouts, traffic_cost(n), t, build_transposed_convolution);
}

inline constexpr schedule transposed_convolution_schedule{.name = "cuda transposed convolution",
                                                          .offer = transposed_convolution_offer};

}  // namespace sinter::detail::cuda
