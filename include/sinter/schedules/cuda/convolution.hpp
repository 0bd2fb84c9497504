#pragma once

#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/cuda/product.hpp>
#include <sinter/schedules/rounded.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

/// Convolutions of one or two spatial axes with constant weights: kernels of the form `convolution`, channels last.
namespace sinter::detail::cuda {

/// The weights of a filter for each group, `c` to `f` channels.
struct group_weights {
  std::int64_t groups = 1, c = 1, f = 1, taps = 1;
};

/// Weights [group][tap][channel][output channel] or, of 16 bits, [group][output channel][tap][channel]; at(group,
/// output channel, channel, tap) is where one is in the constant.
template <typename At>
packing pack_group_weights(operand_info const& w, std::string_view kind, group_weights const& s, dtype element, At at) {
  return {.key = fmt::format("cuda:{}:{}:{}:{}", kind, name(element), s.groups, w.constant_key),
          .bytes = static_cast<std::int64_t>(w.shape().elements() * size_of(element)),
          .fill = [t = *w.constant, s, element, at](std::byte* to) {
            write_elements(to, element, [&](auto const& put) {
              auto const* const x = static_cast<float const*>(t.data());
              auto const rows = b_along_k(element) ? s.f : 1, columns = b_along_k(element) ? 1 : s.f;
              for (std::int64_t g = 0; g < s.groups; ++g)
                for (std::int64_t row = 0; row < rows; ++row)
                  for (std::int64_t tap = 0; tap < s.taps; ++tap)
                    for (std::int64_t i = 0; i < s.c; ++i)
                      for (std::int64_t o = row; o < row + columns; ++o) put(x[at(g, o, i, tap)]);
            });
          }};
}

/// From ONNX's [output channel][channel][tap].
inline packing pack_convolution_weights(operand_info const& w, convolution_shape const& s, dtype element) {
  group_weights const g{s.groups, s.group_inputs(), s.group_outputs(), s.taps()};
  return pack_group_weights(w, "convolution", g, element, [g](auto group, auto o, auto i, auto tap) {
    return ((group * g.f + o) * g.c + i) * g.taps + tap;
  });
}

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
  auto const weights = f.weight(pack_convolution_weights(n.inputs[1], s, c.element));
  add_product(
      f, tiles, c.sizes(), [&](device_epilogue e) { return convolution_call(c, tiles, std::move(e)); }, input_of(n, 0),
      weights, image_epilogue(n));
  return f;
}

inline std::vector<candidate> convolution_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "Conv" || !is_float_tensor(n.inputs[0])) return {};
  auto const rank = n.inputs[0].shape().rank();
  if ((rank != 3 && rank != 4) || !n.inputs[1].constant || !is_float_tensor(n.outputs[0])) return {};
  if (n.inputs[1].shape().elements() == 0 || !has_plain_extras(n)) return {};
  auto const layouts = [&](precision how) {
    constexpr std::int64_t few_channels = 4;  // which are not worth bringing together
    layout_choice choice{.outputs = {layout::channels_last}, .slices = true, .rounds = true};
    auto const& x = n.inputs[0];
    bool const as_is = x.how.order == element_order::row_major && x.shape()[1] < few_channels;
    for (auto const& in : n.inputs) choice.inputs.push_back(device_layout(in));
    choice.inputs[0] = (as_is ? layout::row_major : layout::channels_last).as(factor_element({&x}, how));
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
