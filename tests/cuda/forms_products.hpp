#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/program/device_products.hpp>

#include "forms.hpp"
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

/// Products of device forms on the emulator, and plain loops that compute the same.
namespace sinter {

/// A factor as matrix units take it.
inline float rounded(sinter::precision precision, float x) {
  switch (precision) {
    case sinter::precision::tf32:  // ten bits of the mantissa, ties away from zero
      return std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) + 0x1000u) & ~0x1fffu);
    case sinter::precision::float16: return half_to_float(float_to_half(x));
    case sinter::precision::bfloat16: return bfloat16_to_float(float_to_bfloat16(x));
    default: return x;
  }
}

/// One result: where exact, chains of fma over its factors, one for each split, and the sum of them; else in double.
class split_sum {
 public:
  split_sum(device_tiles const& tiles, std::int64_t k)
      : tiles_(tiles), each_(divide_up(divide_up(k, tiles.tile_k), tiles.splits) * tiles.tile_k) {}
  void add(std::int64_t k, float a, float b) {
    if (k > 0 && k % each_ == 0) finish();
    sum_ = std::fma(a, b, sum_);
    rounded_ += double(rounded(tiles_.precision, a)) * rounded(tiles_.precision, b);
  }
  float value() {
    finish();
    return tiles_.exact() ? total_ : static_cast<float>(rounded_);
  }

 private:
  void finish() {
    total_ = first_ ? sum_ : total_ + sum_;
    first_ = false;
    sum_ = 0;
  }
  device_tiles const& tiles_;
  std::int64_t each_;
  double rounded_ = 0;
  float sum_ = 0, total_ = 0;
  bool first_ = true;
};

/// Adds a product that make(epilogue) makes; bias and residual are added to its
/// results, then max(0, x).
template <typename Make>
inline void add_product(emulated_calls& calls, Make make, device_tiles const& tiles, device_sizes const& sizes,
                        std::array<emulated_calls::memory, 2> factors, std::vector<float> sums, double tolerance) {
  auto const dense = row_major_strides(sizes);
  auto const bias = random_floats(sizes[3], 5), residual = random_floats(product_of(sizes), 6);
  auto const f = expr::parse("t0 = add x0 x1; t1 = add t0 x2; max 0 t1");
  for (std::size_t i = 0; i < sums.size(); ++i)
    sums[i] = value_of(f, {sums[i], bias[i % static_cast<std::size_t>(sizes[3])], residual[i]});
  device_epilogue const epilogue{f, {operand_with({0, 0, 0, 1}), operand_with(dense), result_with(dense)}};
  auto const x1 = calls.input(bias), x2 = calls.input(residual);
  auto const call = make(epilogue);
  if (tiles.splits == 1) return calls.expect_result(call, {factors[0], factors[1], x1, x2}, sums, tolerance);
  auto const parts = calls.output(split_bytes(sizes, tiles.splits));
  auto const arrivals = calls.input(
      std::vector<float>(static_cast<std::size_t>(call.kernel.arguments[arrivals_argument].bytes) / sizeof(float)));
  calls.expect_result(call, {factors[0], factors[1], parts, arrivals, x1, x2}, sums, tolerance);
}

inline double tolerance_of(device_tiles const& tiles) { return tiles.exact() ? 0 : 1e-5; }

inline void add_contraction(emulated_calls& calls, device_contraction const& c, device_tiles const& tiles) {
  device_sizes const a_strides{c.a_batch0, c.a_batch1, c.a_m, c.a_k}, b_strides{c.b_batch0, c.b_batch1, c.b_k, c.b_n};
  auto const a = random_floats(extent_of(device_sizes{c.batch0, c.batch1, c.m, c.k}, a_strides));
  auto const b = random_floats(extent_of(device_sizes{c.batch0, c.batch1, c.k, c.n}, b_strides), 2);
  std::vector<float> sums;
  for (std::int64_t d0 = 0; d0 < c.batch0; ++d0)
    for (std::int64_t d1 = 0; d1 < c.batch1; ++d1)
      for (std::int64_t m = 0; m < c.m; ++m)
        for (std::int64_t n = 0; n < c.n; ++n) {
          split_sum sum(tiles, c.k);
          for (std::int64_t k = 0; k < c.k; ++k)
            sum.add(k, a[static_cast<std::size_t>(d0 * c.a_batch0 + d1 * c.a_batch1 + m * c.a_m + k * c.a_k)],
                    b[static_cast<std::size_t>(d0 * c.b_batch0 + d1 * c.b_batch1 + k * c.b_k + n * c.b_n)]);
          sums.push_back(sum.value());
        }
  add_product(
      calls, [&](device_epilogue const& e) { return contraction_call(c, tiles, e); }, tiles, c.sizes(),
      {calls.input(a, c.element), calls.input(b, c.element)}, sums, tolerance_of(tiles));
}

inline std::size_t weight_at(device_convolution const& c, std::int64_t group, std::int64_t k, std::int64_t f) {
  bool const along_k = c.element != dtype::float32;
  return static_cast<std::size_t>(along_k ? (group * c.f + f) * c.k() + k : (group * c.k() + k) * c.f + f);
}

inline void add_convolution(emulated_calls& calls, device_convolution c, device_tiles const& tiles) {
  c.p = (c.h + 2 * c.pad_h - (c.r - 1) * c.dilation_h - 1) / c.stride_h + 1;
  c.q = (c.w + 2 * c.pad_w - (c.s - 1) * c.dilation_w - 1) / c.stride_w + 1;
  auto const x = random_floats(c.n * c.groups * c.c * c.h * c.w), weights = random_floats(c.groups * c.k() * c.f, 2);
  auto const pixel = [&](std::int64_t n, std::int64_t p, std::int64_t q, std::int64_t group, std::int64_t k) {
    auto const channel = group * c.c + k % c.c, r = k / c.c / c.s, s = k / c.c % c.s;
    auto const h = p * c.stride_h - c.pad_h + r * c.dilation_h, w = q * c.stride_w - c.pad_w + s * c.dilation_w;
    if (h < 0 || h >= c.h || w < 0 || w >= c.w) return 0.0f;
    return x[static_cast<std::size_t>(n * c.x_n + channel * c.x_c + h * c.x_h + w * c.x_w)];
  };
  std::vector<float> sums;
  for (std::int64_t n = 0; n < c.n; ++n)
    for (std::int64_t p = 0; p < c.p; ++p)
      for (std::int64_t q = 0; q < c.q; ++q)
        for (std::int64_t out = 0; out < c.groups * c.f; ++out) {
          split_sum sum(tiles, c.k());
          for (std::int64_t k = 0; k < c.k(); ++k)
            sum.add(k, pixel(n, p, q, out / c.f, k), weights[weight_at(c, out / c.f, k, out % c.f)]);
          sums.push_back(sum.value());
        }
  add_product(
      calls, [&](device_epilogue const& e) { return convolution_call(c, tiles, e); }, tiles, c.sizes(),
      {calls.input(x, c.element), calls.input(weights, c.element)}, sums, tolerance_of(tiles));
}

inline device_convolution channels_last(device_convolution c) {
  auto const all = c.groups * c.c;
  c.x_n = c.h * c.w * all, c.x_c = 1, c.x_h = c.w * all, c.x_w = all;
  return c;
}
inline device_convolution channels_first(device_convolution c) {
  c.x_n = c.groups * c.c * c.h * c.w, c.x_c = c.h * c.w, c.x_h = c.w, c.x_w = 1;
  return c;
}

/// Each element of x is added to the outputs that it meets.
inline void add_transposed(emulated_calls& calls, device_convolution const& c, device_tiles const& tiles) {
  auto const x = random_floats(c.n * c.groups * c.c * c.h * c.w), weights = random_floats(c.groups * c.k() * c.f, 2);
  std::vector<double> sums(static_cast<std::size_t>(product_of(c.sizes())));
  auto const meet = [&](std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t group, std::int64_t k) {
    auto const channel = group * c.c + k % c.c, r = k / c.c / c.s, s = k / c.c % c.s;
    auto const p = h * c.stride_h + r * c.dilation_h - c.pad_h, q = w * c.stride_w + s * c.dilation_w - c.pad_w;
    if (p < 0 || p >= c.p || q < 0 || q >= c.q) return;
    double const pixel =
        rounded(tiles.precision, x[static_cast<std::size_t>(n * c.x_n + channel * c.x_c + h * c.x_h + w * c.x_w)]);
    for (std::int64_t f = 0; f < c.f; ++f)
      sums[static_cast<std::size_t>(((n * c.p + p) * c.q + q) * c.groups * c.f + group * c.f + f)] +=
          pixel * rounded(tiles.precision, weights[weight_at(c, group, k, f)]);
  };
  for (std::int64_t n = 0; n < c.n; ++n)
    for (std::int64_t h = 0; h < c.h; ++h)
      for (std::int64_t w = 0; w < c.w; ++w)
        for (std::int64_t group = 0; group < c.groups; ++group)
          for (std::int64_t k = 0; k < c.k(); ++k) meet(n, h, w, group, k);
  add_product(
      calls, [&](device_epilogue const& e) { return transposed_convolution_call(c, tiles, e); }, tiles, c.sizes(),
      {calls.input(x, c.element), calls.input(weights, c.element)}, {sums.begin(), sums.end()},
      std::max(1e-6, tolerance_of(tiles)));
}

}  // namespace sinter
