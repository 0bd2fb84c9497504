#pragma once

#include <sinter/ops/global_pooling.hpp>
#include <sinter/ops/quantized.hpp>

#include <cstdint>

namespace sinter {

/// The largest plane whose sum of 8-bit integers is one that float32 holds.
inline constexpr std::int64_t most_quantized_pixels = (std::int64_t{1} << 24) / 255;

/// sinter.QuantizedGlobalAverage: X [N,C,…] of 8-bit integers, its scale and zero point (one element each). The mean of
/// each plane as float32, float32(sum of (x - zero point)) * (scale / elements): DequantizeLinear and GlobalAveragePool
/// with exact sums.
struct quantized_global_average : global_pool {
  static constexpr op_schema schema{
      .name = "QuantizedGlobalAverage", .since = 1, .domain = "sinter", .min_inputs = 3, .max_inputs = 3};
  using attributes = no_attributes;

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const&) {
    detail::check_scale(in.shape(1), 1, "scale");
    detail::check_zero_point(in, 2, 1);
    return {{dtype::float32, *infer_reduced(in)[0].shape}};
  }

  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::quantized_means, "quantized_means", "quantize.hpp"}};
  }
};

}  // namespace sinter
