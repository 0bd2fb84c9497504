#pragma once

#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/cuda/filters.hpp>
#include <sinter/schedules/cuda/product.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Convolutions of one or two spatial axes: kernels of the form `convolution`, channels last.
namespace sinter::detail::cuda {

/// Numbers of the axes images, rows, columns and channels; with one spatial axis there is one row.
inline device_sizes image_strides(device_sizes const& strides) {
  if (strides.size() == 3) return {strides[0], 0, strides[2], strides[1]};
  return {strides[0], strides[2], strides[3], strides[1]};
}

inline device_convolution device_convolution_of(scheduled_node const& n, convolution_shape const& s) {
  auto const x = image_strides(strides_of(n.inputs[0]));
  auto const &h = s.window.y, &w = s.window.x;
  return {.n = s.items,
          .groups = s.groups,
          .c = s.group_inputs(),
          .f = s.group_outputs(),
          .h = h.in,
          .w = w.in,
          .r = h.kernel,
          .s = w.kernel,
          .p = h.out,
          .q = w.out,
          .stride_h = h.stride,
          .stride_w = w.stride,
          .pad_h = h.pad_begin,
          .pad_w = w.pad_begin,
          .dilation_h = h.dilation,
          .dilation_w = w.dilation,
          .x_n = x[0],
          .x_c = x[3],
          .x_h = x[1],
          .x_w = x[2],
          .element = n.inputs[0].element()};
}

inline product_epilogue image_epilogue(scheduled_node const& n) {
  auto const rank = n.outputs[0].shape().rank();
  return epilogue_of(n, n.op.attributes_as<fused_convolution::attributes>().epilogue,
                     [&](operand_info const& o, bool is_bias) {
                       if (is_bias) return device_sizes{0, 0, 0, o.shape()[0] == 1 ? 0 : 1};
                       return image_strides(broadcast_strides(o, rank));
                     });
}

inline fragment build_convolution(scheduled_node const& n, precision how) {
  auto const s = shape_of_convolution(n);
  auto const c = device_convolution_of(n, s);
  auto const tiles = choose_tiles({s.groups, c.n * c.p * c.q, c.f, c.k()}, how);
  fragment f;
  auto const filters = convolution_filters(s.groups, s.taps(), s.group_inputs(), s.group_outputs());
  auto const weights = filters_in_order(f, n, filters, c.element);
  add_product(
      f, tiles, c.sizes(), [&](device_epilogue e) { return convolution_call(c, tiles, std::move(e)); }, input_of(n, 0),
      weights, image_epilogue(n));
  return f;
}

inline std::vector<candidate> convolution_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "Conv" || !is_float_tensor(n.inputs[0])) return {};
  auto const rank = n.inputs[0].shape().rank();
  if ((rank != 3 && rank != 4) || !is_float_tensor(n.outputs[0])) return {};
  if (!is_float_tensor(n.inputs[1]) || !has_plain_extras(n)) return {};
  auto const layouts = [&](precision how) {
    constexpr std::int64_t few_channels = 4;  // which are not worth bringing together
    layout_choice choice{.outputs = {layout::channels_last}, .slices = true, .rounds = true};
    auto const &x = n.inputs[0], &w = n.inputs[1];
    auto const element = factor_element({&x, &w}, how);
    bool const as_is = x.how.order == element_order::row_major && x.shape()[1] < few_channels;
    for (auto const& in : n.inputs) choice.inputs.push_back(device_layout(in));
    choice.inputs[0] = (as_is ? layout::row_major : layout::channels_last).as(element);
    choice.inputs[1] = layout::row_major.as(element);
    return choice;
  };
  auto const s = shape_of_convolution(n);
  auto offered = product_candidates(layouts, direct_convolution_cost(s), t, build_convolution);
  constexpr std::int64_t least_depth = 8;  // of groups that fill matrix units; others gain nothing by them
  if (s.groups > 1 && s.group_inputs() < least_depth)
    for (auto& each : offered) each.cost = offered[0].cost;
  return offered;
}

inline constexpr schedule convolution_schedule{.name = "cuda convolution", .offer = convolution_offer};

}  // namespace sinter::detail::cuda
