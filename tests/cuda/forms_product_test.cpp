#include <sinter/program/device_products.hpp>

#include "forms.hpp"
#include <cmath>
#include <cstdint>
#include <vector>

using namespace sinter;

namespace {

/// Chains of fma over the factors of one result, one for each split, and the sum of them.
class split_sum {
 public:
  split_sum(device_tiles const& tiles, std::int64_t k)
      : each_(divide_up(divide_up(k, tiles.tile_k), tiles.splits) * tiles.tile_k) {}
  void add(std::int64_t k, float a, float b) {
    if (k > 0 && k % each_ == 0) finish();
    sum_ = std::fma(a, b, sum_);
  }
  float value() {
    finish();
    return total_;
  }

 private:
  void finish() {
    total_ = first_ ? sum_ : total_ + sum_;
    first_ = false;
    sum_ = 0;
  }
  std::int64_t each_;
  float sum_ = 0, total_ = 0;
  bool first_ = true;
};

/// Adds a product, and with splits what adds them; bias and residual are added to its results, then max(0, x).
void add_product(emulated_calls& calls, device_call (*make)(device_tiles const&, device_epilogue, void const*),
                 void const* shape, device_tiles const& tiles, device_sizes const& sizes, std::vector<float> const& a,
                 std::vector<float> const& b, std::vector<float> sums, double tolerance = 0) {
  auto const dense = row_major_strides(sizes);
  auto const bias = random_floats(sizes[3], 5), residual = random_floats(product_of(sizes), 6);
  auto const f = expr::parse("t0 = add x0 x1; t1 = add t0 x2; max 0 t1");
  for (std::size_t i = 0; i < sums.size(); ++i)
    sums[i] = value_of(f, {sums[i], bias[i % static_cast<std::size_t>(sizes[3])], residual[i]});
  device_epilogue const epilogue{f, {operand({0, 0, 0, 1}), operand(dense), result(dense)}};
  auto const left = calls.input(a), right = calls.input(b), x1 = calls.input(bias), x2 = calls.input(residual);
  if (tiles.splits == 1) {
    calls.expect_result(make(tiles, epilogue, shape), {left, right, x1, x2}, sums, tolerance);
    return;
  }
  auto const parts = calls.output(split_bytes(sizes, tiles.splits));
  calls.call(make(tiles, {}, shape), {left, right, parts});
  calls.expect_result(sum_splits_call(sizes, tiles.splits, epilogue), {parts, x1, x2}, sums, tolerance);
}

void add_contraction(emulated_calls& calls, device_contraction const& c, device_tiles const& tiles) {
  auto const a = random_floats(c.batch0 * c.batch1 * c.m * c.k), b = random_floats(c.batch0 * c.batch1 * c.n * c.k, 2);
  auto const a_count =
      (c.batch0 - 1) * c.a_batch0 + (c.batch1 - 1) * c.a_batch1 + (c.m - 1) * c.a_m + (c.k - 1) * c.a_k + 1;
  auto const b_count =
      (c.batch0 - 1) * c.b_batch0 + (c.batch1 - 1) * c.b_batch1 + (c.k - 1) * c.b_k + (c.n - 1) * c.b_n + 1;
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
  auto const make = [](device_tiles const& t, device_epilogue e, void const* shape) {
    return contraction_call(*static_cast<device_contraction const*>(shape), t, std::move(e));
  };
  add_product(calls, make, &c, tiles, c.sizes(), {a.begin(), a.begin() + a_count}, {b.begin(), b.begin() + b_count},
              sums);
}

void add_convolution(emulated_calls& calls, device_convolution c, device_tiles const& tiles) {
  c.p = (c.h + 2 * c.pad_h - (c.r - 1) * c.dilation_h - 1) / c.stride_h + 1;
  c.q = (c.w + 2 * c.pad_w - (c.s - 1) * c.dilation_w - 1) / c.stride_w + 1;
  auto const x = random_floats(c.n * c.groups * c.c * c.h * c.w), weights = random_floats(c.groups * c.k() * c.f, 2);
  std::vector<float> sums;
  for (std::int64_t n = 0; n < c.n; ++n)
    for (std::int64_t p = 0; p < c.p; ++p)
      for (std::int64_t q = 0; q < c.q; ++q)
        for (std::int64_t out = 0; out < c.groups * c.f; ++out) {
          auto const group = out / c.f, f = out % c.f;
          split_sum sum(tiles, c.k());
          for (std::int64_t k = 0; k < c.k(); ++k) {
            auto const channel = group * c.c + k % c.c, r = k / c.c / c.s, s = k / c.c % c.s;
            auto const h = p * c.stride_h - c.pad_h + r * c.dilation_h, w = q * c.stride_w - c.pad_w + s * c.dilation_w;
            bool const inside = h >= 0 && h < c.h && w >= 0 && w < c.w;
            auto const at = static_cast<std::size_t>(n * c.x_n + channel * c.x_c + h * c.x_h + w * c.x_w);
            sum.add(k, inside ? x[at] : 0.0f, weights[static_cast<std::size_t>((group * c.k() + k) * c.f + f)]);
          }
          sums.push_back(sum.value());
        }
  auto const make = [](device_tiles const& t, device_epilogue e, void const* shape) {
    return convolution_call(*static_cast<device_convolution const*>(shape), t, std::move(e));
  };
  add_product(calls, make, &c, tiles, c.sizes(), x, weights, sums);
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
    double const pixel = x[static_cast<std::size_t>(n * c.x_n + channel * c.x_c + h * c.x_h + w * c.x_w)];
    for (std::int64_t f = 0; f < c.f; ++f)
      sums[static_cast<std::size_t>(((n * c.p + p) * c.q + q) * c.groups * c.f + group * c.f + f)] +=
          pixel * weights[static_cast<std::size_t>((group * c.k() + k) * c.f + f)];
  };
  for (std::int64_t n = 0; n < c.n; ++n)
    for (std::int64_t h = 0; h < c.h; ++h)
      for (std::int64_t w = 0; w < c.w; ++w)
        for (std::int64_t group = 0; group < c.groups; ++group)
          for (std::int64_t k = 0; k < c.k(); ++k) meet(n, h, w, group, k);
  auto const make = [](device_tiles const& t, device_epilogue e, void const* shape) {
    return transposed_convolution_call(*static_cast<device_convolution const*>(shape), t, std::move(e));
  };
  add_product(calls, make, &c, tiles, c.sizes(), x, weights, {sums.begin(), sums.end()}, 1e-6);
}

constexpr device_tiles small{.tile_m = 32, .tile_n = 32, .tile_k = 16, .thread_m = 2, .thread_n = 4};

}  // namespace

TEST_CASE("contractions of any strides") {
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

TEST_CASE("convolutions of any layout") {
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

TEST_CASE("transposed convolutions of any layout") {
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
