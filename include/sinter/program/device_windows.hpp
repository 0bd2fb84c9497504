#pragma once

#include <sinter/program/device_forms.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace sinter {

/// A window over each channel of images of any layout. Strides of x are in elements; coordinates are n, p, q, c.
struct device_window {
  std::int64_t n = 1, c = 1, h = 1, w = 1, r = 1, s = 1, p = 1, q = 1;
  std::int64_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1;
  std::int64_t x_n = 0, x_c = 1, x_h = 0, x_w = 0;
  dtype element = dtype::float32;  ///< of x and, in a depthwise convolution, the weights

  device_sizes sizes() const { return {n, p, q, c}; }
  device_argument x() const {
    return dense_argument(extent_of(device_sizes{n, c, h, w}, device_sizes{x_n, x_c, x_h, x_w}), false, element);
  }
};

enum class device_pooling : std::int8_t { maximum, average, average_with_padding };

/// Channels of a thread: 4 where x, too, allows it.
inline std::int64_t window_vector(device_window const& w, device_epilogue const& epilogue) {
  auto arguments = epilogue.arguments;
  arguments.push_back({w.element, false, 0, {w.x_n, w.x_h, w.x_w, w.x_c}});
  return w.c % 4 == 0 ? vector_of(arguments, w.sizes(), epilogue.alignment) : 1;
}

inline std::vector<device_constant> window_constants(device_window const& w) {
  return {{"h", w.h},
          {"w", w.w},
          {"r", w.r},
          {"s", w.s},
          {"stride_h", w.stride_h},
          {"stride_w", w.stride_w},
          {"pad_h", w.pad_h},
          {"pad_w", w.pad_w},
          {"dilation_h", w.dilation_h},
          {"dilation_w", w.dilation_w},
          {"x_n", w.x_n},
          {"x_c", w.x_c},
          {"x_h", w.x_h},
          {"x_w", w.x_w}};
}

/// Outputs of a thread along q such that they and the weights of a row of the filter stay in registers.
constexpr std::int64_t depthwise_tile(device_window const& w) { return w.s <= 5 ? 4 : 2; }

/// Convolution with a filter for each channel; weights are [r][s][c]. Threads have `tile_q` neighbours along q.
inline device_call depthwise_call(device_window const& w, device_epilogue epilogue, std::int64_t tile_q) {
  auto const sizes = w.sizes();
  auto const vector = window_vector(w, epilogue);
  auto constants = window_constants(w);
  constants.push_back({"tile_q", tile_q});
  auto call = coordinate_call("depthwise", sizes, vector, std::move(constants));
  call.kernel.arguments = {w.x(), dense_argument(w.r * w.s * w.c, false, w.element)};
  add_epilogue(call.kernel, std::move(epilogue), sizes);
  auto const threads = w.n * w.p * divide_up(w.q, tile_q) * (w.c / vector);
  call.blocks[0] = long_block_count(divide_up(threads, call.kernel.threads));
  return call;
}

inline device_call depthwise_call(device_window const& w, device_epilogue epilogue) {
  return depthwise_call(w, std::move(epilogue), depthwise_tile(w));
}

/// `pad_end_h` and `pad_end_w` matter where padding counts.
inline device_call pool_call(device_window const& w, device_pooling kind, device_epilogue epilogue,
                             std::int64_t pad_end_h = 0, std::int64_t pad_end_w = 0) {
  auto const sizes = w.sizes();
  auto constants = window_constants(w);
  constants.push_back({"kind", static_cast<std::int64_t>(kind)});
  constants.push_back({"padded_h", w.h + pad_end_h});
  constants.push_back({"padded_w", w.w + pad_end_w});
  auto call = coordinate_call("pool", sizes, window_vector(w, epilogue), std::move(constants));
  call.kernel.arguments = {w.x()};
  add_epilogue(call.kernel, std::move(epilogue), sizes);
  return call;
}

/// Resampling of `w`'s images (h, w to p, q) by tables: for each p, `taps_h` rows of x and their weights, likewise q.
inline device_call resize_call(device_window const& w, std::int64_t taps_h, std::int64_t taps_w,
                               device_epilogue epilogue) {
  auto const sizes = w.sizes();
  auto call = coordinate_call(
      "resize", sizes, window_vector(w, epilogue),
      {{"taps_h", taps_h}, {"taps_w", taps_w}, {"x_n", w.x_n}, {"x_c", w.x_c}, {"x_h", w.x_h}, {"x_w", w.x_w}});
  call.kernel.arguments = {w.x(), dense_argument(w.p * taps_h, false, dtype::int32), dense_argument(w.p * taps_h),
                           dense_argument(w.q * taps_w, false, dtype::int32), dense_argument(w.q * taps_w)};
  add_epilogue(call.kernel, std::move(epilogue), sizes);
  return call;
}

}  // namespace sinter
