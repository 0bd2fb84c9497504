#pragma once

#include <sinter/program/device_windows.hpp>
#include <sinter/schedules/cuda/convolution.hpp>
#include <sinter/schedules/pooling.hpp>
#include <sinter/schedules/rounded.hpp>

#include <fmt/format.h>

#include <cstdint>
#include <utility>
#include <vector>

/// Depthwise convolutions and pools: kernels of the forms `depthwise` and `pool`.
namespace sinter::detail::cuda {

/// Sets where the images of operand 0 have their elements, and their type.
inline void set_image_strides(device_window& w, operand_info const& x) {
  auto const strides = image_strides(strides_of(x));
  w.x_n = strides[0], w.x_h = strides[1], w.x_w = strides[2], w.x_c = strides[3];
  w.element = x.element();
}

/// Along one axis: anything that has extents, kernel, stride, dilation and padding.
inline void set_axes(device_window& window, auto const& y, auto const& x) {
  window.h = y.in, window.w = x.in, window.r = y.kernel, window.s = x.kernel, window.p = y.out, window.q = x.out;
  window.stride_h = y.stride, window.stride_w = x.stride, window.pad_h = y.pad_begin, window.pad_w = x.pad_begin;
  window.dilation_h = y.dilation, window.dilation_w = x.dilation;
}

/// Weights [tap][channel], from ONNX's [channel][1][tap].
inline packing pack_depthwise_weights(operand_info const& w, convolution_shape const& s, dtype element) {
  return {.key = fmt::format("cuda:depthwise:{}:{}", name(element), w.constant_key),
          .bytes = static_cast<std::int64_t>(w.shape().elements() * size_of(element)),
          .fill = [t = *w.constant, taps = s.taps(), channels = s.in_channels, element](std::byte* to) {
            write_elements(to, element, [&](auto const& put) {
              auto const* const x = static_cast<float const*>(t.data());
              for (std::int64_t tap = 0; tap < taps; ++tap)
                for (std::int64_t c = 0; c < channels; ++c) put(x[c * taps + tap]);
            });
          }};
}

inline fragment build_depthwise(scheduled_node const& n) {
  auto const s = shape_of_convolution(n);
  device_window w{.n = s.items, .c = s.in_channels};
  set_axes(w, s.window.y, s.window.x);
  set_image_strides(w, n.inputs[0]);
  auto e = image_epilogue(n);
  fragment f;
  std::vector<address> places{input_of(n, 0), f.weight(pack_depthwise_weights(n.inputs[1], s, w.element))};
  places.insert(places.end(), e.places.begin(), e.places.end());
  f.add(depthwise_call(w, std::move(e.what)), std::move(places));
  return f;
}

inline std::vector<candidate> depthwise_offer(scheduled_node const& n, target const& t) {
  auto dense = convolution_offer(n, t);  // the exact one first
  if (dense.empty()) return {};
  dense.resize(1);
  auto const s = shape_of_convolution(n);
  if (!n.inputs[1].constant || s.groups != s.in_channels || s.out_channels != s.in_channels) return {};
  dense[0].layouts.inputs[0] = layout::channels_last.as(n.inputs[0].how.stored);
  dense[0].cost = traffic_cost(n);
  dense[0].build = build_depthwise;
  return dense;
}

inline fragment build_pool(pool_plane const& plane, scheduled_node const& n) {
  auto const &x = n.inputs[0], &y = n.outputs[0];
  device_window w{.n = x.shape()[0], .c = x.shape()[1]};
  set_axes(w, plane.y, plane.x);
  set_image_strides(w, x);
  device_epilogue e{.alignment = alignment_of(n)};
  e.arguments.push_back({y.element(), true, 0, image_strides(strides_of(y))});
  auto const kind = plane.kind == pooling_kind::max ? device_pooling::maximum
                    : plane.count_padding           ? device_pooling::average_with_padding
                                                    : device_pooling::average;
  fragment f;
  f.add(pool_call(w, kind, std::move(e), plane.y.pad_end, plane.x.pad_end), {input_of(n, 0), output_of()});
  return f;
}

inline std::vector<candidate> pool_offer(scheduled_node const& n, target const&) {
  auto const plane = pool_plane_of(n);
  if (!plane || n.inputs[0].shape().rank() < 3) return {};
  auto const how = device_layout(n.inputs[0]);
  return {{.layouts = {.inputs = {how},
                       .outputs = std::vector(n.outputs.size(), how.as(dtype::undefined)),
                       .slices = true,
                       .rounds = true},
           .cost = traffic_cost(n),
           .build = [plane = *plane](scheduled_node const& at) { return build_pool(plane, at); }}};
}

inline constexpr schedule depthwise_schedule{.name = "cuda depthwise", .offer = depthwise_offer};
inline constexpr schedule pool_schedule{.name = "cuda pool", .offer = pool_offer};

}  // namespace sinter::detail::cuda
