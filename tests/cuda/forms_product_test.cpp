#include <sinter/core/float16.hpp>
#include <sinter/program/device_products.hpp>

#include "forms.hpp"
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace sinter;

namespace {

/// A factor as matrix units take it.
float rounded(device_precision precision, float x) {
  switch (precision) {
    case device_precision::tf32:  // ten bits of the mantissa, ties away from zero
      return std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) + 0x1000u) & ~0x1fffu);
    case device_precision::float16: return half_to_float(float_to_half(x));
    case device_precision::bfloat16: return bfloat16_to_float(float_to_bfloat16(x));
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

/// Adds a product that make(epilogue) makes, and with splits what adds them; bias and residual are added to its
/// results, then max(0, x).
template <typename Make>
void add_product(emulated_calls& calls, Make make, device_tiles const& tiles, device_sizes const& sizes,
                 std::array<emulated_calls::memory, 2> factors, std::vector<float> sums, double tolerance) {
  auto const dense = row_major_strides(sizes);
  auto const bias = random_floats(sizes[3], 5), residual = random_floats(product_of(sizes), 6);
  auto const f = expr::parse("t0 = add x0 x1; t1 = add t0 x2; max 0 t1");
  for (std::size_t i = 0; i < sums.size(); ++i)
    sums[i] = value_of(f, {sums[i], bias[i % static_cast<std::size_t>(sizes[3])], residual[i]});
  device_epilogue const epilogue{f, {operand_with({0, 0, 0, 1}), operand_with(dense), result_with(dense)}};
  auto const x1 = calls.input(bias), x2 = calls.input(residual);
  if (tiles.splits == 1) {
    calls.expect_result(make(epilogue), {factors[0], factors[1], x1, x2}, sums, tolerance);
    return;
  }
  auto const parts = calls.output(split_bytes(sizes, tiles.splits));
  calls.call(make(device_epilogue{}), {factors[0], factors[1], parts});
  calls.expect_result(sum_splits_call(sizes, tiles.splits, epilogue), {parts, x1, x2}, sums, tolerance);
}

double tolerance_of(device_tiles const& tiles) { return tiles.exact() ? 0 : 1e-5; }

void add_contraction(emulated_calls& calls, device_contraction const& c, device_tiles const& tiles) {
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

std::size_t weight_at(device_convolution const& c, std::int64_t group, std::int64_t k, std::int64_t f) {
  bool const along_k = c.element != dtype::float32;
  return static_cast<std::size_t>(along_k ? (group * c.f + f) * c.k() + k : (group * c.k() + k) * c.f + f);
}

void add_convolution(emulated_calls& calls, device_convolution c, device_tiles const& tiles) {
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

device_convolution channels_last(device_convolution c) {
  auto const all = c.groups * c.c;
  c.x_n = c.h * c.w * all, c.x_c = 1, c.x_h = c.w * all, c.x_w = all;
  return c;
}
device_convolution channels_first(device_convolution c) {
  c.x_n = c.groups * c.c * c.h * c.w, c.x_c = c.h * c.w, c.x_h = c.w, c.x_w = 1;
  return c;
}

/// Each element of x is added to the outputs that it meets.
void add_transposed(emulated_calls& calls, device_convolution const& c, device_tiles const& tiles) {
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

constexpr device_tiles small{.tile_m = 32, .tile_n = 32, .tile_k = 16, .part_m = 2, .part_n = 4};

}  // namespace

TEST_CASE("contractions of any strides", "[device]") {
  emulated_calls calls;
  auto three_stages = small;
  three_stages.stages = 3;
  auto split = small;
  split.splits = 3;
  device_contraction const plain{.m = 70, .n = 52, .k = 36, .a_m = 36, .b_k = 52};
  add_contraction(calls, plain, small);
  add_contraction(calls, plain, three_stages);
  add_contraction(calls, plain, split);
  add_contraction(calls, plain, tile_choices[1]);
  add_contraction(calls, {.m = 5, .n = 7, .k = 11, .a_m = 11, .b_k = 7}, small);
  add_contraction(calls, {.m = 33, .n = 40, .k = 19, .a_m = 1, .a_k = 33, .b_k = 1, .b_n = 19}, small);
  add_contraction(calls,
                  {.batch0 = 2,
                   .batch1 = 3,
                   .m = 9,
                   .n = 8,
                   .k = 4,
                   .a_batch0 = 108,
                   .a_batch1 = 4,
                   .a_m = 12,
                   .b_batch1 = 32,
                   .b_k = 8},
                  small);
  add_contraction(calls, {.m = 1, .n = 100, .k = 130, .a_m = 130, .b_k = 100}, {16, 64, 16, 2, 4, 3, 5});
  calls.run();
}

TEST_CASE("convolutions of any layout", "[device]") {
  emulated_calls calls;
  auto split = small;
  split.splits = 4;
  device_convolution const padded{.n = 2, .c = 8, .f = 12, .h = 9, .w = 7, .r = 3, .s = 3, .pad_h = 1, .pad_w = 1};
  add_convolution(calls, channels_last(padded), small);
  add_convolution(calls, channels_last(padded), split);
  add_convolution(calls, channels_first(padded), small);
  add_convolution(
      calls,
      channels_first(
          {.c = 3, .f = 8, .h = 15, .w = 14, .r = 5, .s = 4, .stride_h = 2, .stride_w = 3, .pad_h = 2, .pad_w = 1}),
      small);
  add_convolution(calls, channels_last({.groups = 3, .c = 2, .f = 3, .h = 6, .w = 6, .r = 2, .s = 3, .dilation_h = 2}),
                  small);
  add_convolution(calls,
                  channels_last({.groups = 2,
                                 .c = 4,
                                 .f = 4,
                                 .h = 6,
                                 .w = 6,
                                 .r = 3,
                                 .s = 3,
                                 .pad_h = 1,
                                 .pad_w = 1,
                                 .dilation_h = 2,
                                 .dilation_w = 2}),
                  split);
  add_convolution(calls, channels_last({.n = 3, .c = 16, .f = 40, .h = 5, .w = 5}), small);
  calls.run();
}

TEST_CASE("transposed convolutions of any layout", "[device]") {
  emulated_calls calls;
  auto split = small;
  split.splits = 2;
  device_convolution const doubled{.n = 2,
                                   .c = 8,
                                   .f = 12,
                                   .h = 4,
                                   .w = 5,
                                   .r = 4,
                                   .s = 3,
                                   .p = 8,
                                   .q = 10,
                                   .stride_h = 2,
                                   .stride_w = 2,
                                   .pad_h = 1,
                                   .pad_w = 1};
  add_transposed(calls, channels_last(doubled), small);
  add_transposed(calls, channels_first(doubled), split);
  add_transposed(calls,
                 channels_last({.groups = 2,
                                .c = 3,
                                .f = 5,
                                .h = 4,
                                .w = 4,
                                .r = 3,
                                .s = 2,
                                .p = 14,
                                .q = 12,
                                .stride_h = 3,
                                .stride_w = 3,
                                .dilation_h = 2,
                                .dilation_w = 3}),
                 small);
  add_transposed(
      calls, channels_last({.c = 4, .f = 4, .h = 5, .w = 5, .r = 3, .s = 3, .p = 5, .q = 5, .pad_h = 1, .pad_w = 1}),
      small);
  calls.run();
}

TEST_CASE("products by matrix units", "[device]") {
  emulated_calls calls;
  using enum device_precision;
  for (auto const& [precision, element] :
       {std::pair{tf32, dtype::float32}, std::pair{float16, dtype::float32}, std::pair{bfloat16, dtype::float32},
        std::pair{float16, dtype::float16}, std::pair{bfloat16, dtype::bfloat16}}) {
    device_tiles const whole{64, 32, 32, 32, 16, 3, 1, precision}, split{32, 64, 16, 16, 32, 2, 3, precision};
    auto contraction = [&, type = element](device_contraction c, device_tiles const& tiles) {
      c.element = type;
      add_contraction(calls, c, tiles);
    };
    contraction({.m = 70, .n = 40, .k = 72, .a_m = 72, .b_k = 1, .b_n = 72}, whole);
    contraction({.m = 70, .n = 40, .k = 72, .a_m = 72, .b_k = 40}, split);
    contraction({.m = 9, .n = 11, .k = 21, .a_m = 1, .a_k = 9, .b_k = 11}, whole);
    contraction({.batch1 = 2, .m = 20, .n = 6, .k = 34, .a_batch1 = 680, .a_m = 34, .b_k = 1, .b_n = 34}, whole);
    device_convolution c{.n = 2, .c = 16, .f = 24, .h = 7, .w = 6, .r = 3, .s = 3, .pad_h = 1, .pad_w = 1};
    c.element = element;
    add_convolution(calls, channels_last(c), whole);
    add_convolution(calls, channels_first(c), split);
    c = {.groups = 2,
         .c = 3,
         .f = 5,
         .h = 8,
         .w = 8,
         .r = 4,
         .s = 4,
         .p = 16,
         .q = 16,
         .stride_h = 2,
         .stride_w = 2,
         .pad_h = 1,
         .pad_w = 1};
    c.element = element;
    add_transposed(calls, channels_last(c), whole);
  }
  calls.run();
}
