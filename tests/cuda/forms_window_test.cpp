#include <sinter/program/device_windows.hpp>

#include "forms.hpp"
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace sinter;

namespace {

device_window with_outputs(device_window w, std::int64_t pad_end_h, std::int64_t pad_end_w) {
  w.p = (w.h + w.pad_h + pad_end_h - (w.r - 1) * w.dilation_h - 1) / w.stride_h + 1;
  w.q = (w.w + w.pad_w + pad_end_w - (w.s - 1) * w.dilation_w - 1) / w.stride_w + 1;
  return w;
}
device_window nhwc(device_window w) {
  w.x_n = w.h * w.w * w.c, w.x_c = 1, w.x_h = w.w * w.c, w.x_w = w.c;
  return w;
}
device_window nchw(device_window w) {
  w.x_n = w.c * w.h * w.w, w.x_c = w.h * w.w, w.x_h = w.w, w.x_w = 1;
  return w;
}

/// With outputs for windows that begin inside but end outside, too.
device_window with_all_outputs(device_window w, std::int64_t pad_end_h, std::int64_t pad_end_w) {
  return with_outputs(w, pad_end_h + w.stride_h - 1, pad_end_w + w.stride_w - 1);
}

/// Calls visit(n, p, q, c) for each output, in order.
template <typename Visit>
void for_each_output(device_window const& w, Visit visit) {
  for (std::int64_t n = 0; n < w.n; ++n)
    for (std::int64_t p = 0; p < w.p; ++p)
      for (std::int64_t q = 0; q < w.q; ++q)
        for (std::int64_t c = 0; c < w.c; ++c) visit(n, p, q, c);
}
/// Calls visit(h, w, tap) for each element of a window, also those outside of x.
template <typename Visit>
void for_each_tap(device_window const& w, std::int64_t p, std::int64_t q, Visit visit) {
  for (std::int64_t r = 0; r < w.r; ++r)
    for (std::int64_t s = 0; s < w.s; ++s)
      visit(p * w.stride_h - w.pad_h + r * w.dilation_h, q * w.stride_w - w.pad_w + s * w.dilation_w, r * w.s + s);
}
bool holds(device_window const& w, std::int64_t h, std::int64_t column) {
  return h >= 0 && h < w.h && column >= 0 && column < w.w;
}
std::size_t place(device_window const& w, std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t column) {
  return static_cast<std::size_t>(n * w.x_n + c * w.x_c + h * w.x_h + column * w.x_w);
}

void add_depthwise(emulated_calls& calls, device_window w, std::int64_t tile_q) {
  w = with_outputs(w, w.pad_h, w.pad_w);
  auto const x = random_floats(w.n * w.c * w.h * w.w), weights = random_floats(w.r * w.s * w.c, 2);
  auto const bias = random_floats(w.c, 3);
  std::vector<float> y;
  for_each_output(w, [&](auto n, auto p, auto q, auto c) {
    float sum = 0;
    for_each_tap(w, p, q, [&](auto h, auto column, auto tap) {
      if (holds(w, h, column))
        sum = std::fma(x[place(w, n, c, h, column)], weights[static_cast<std::size_t>(tap * w.c + c)], sum);
    });
    y.push_back(sum + bias[static_cast<std::size_t>(c)]);
  });
  device_epilogue const epilogue{expr::parse("add x0 x1"),
                                 {operand_with({0, 0, 0, 1}), result_with(row_major_strides(w.sizes()))}};
  calls.expect_result(depthwise_call(w, epilogue, tile_q), {calls.input(x), calls.input(weights), calls.input(bias)},
                      y);
}

void add_pool(emulated_calls& calls, device_window w, device_pooling kind, std::int64_t pad_end_h = 0,
              std::int64_t pad_end_w = 0) {
  w = with_all_outputs(w, pad_end_h, pad_end_w);
  auto const x = random_floats(w.n * w.c * w.h * w.w);
  std::vector<float> y;
  for_each_output(w, [&](auto n, auto p, auto q, auto c) {
    float sum = 0, best = -std::numeric_limits<float>::infinity();
    int count = 0;
    for_each_tap(w, p, q, [&](auto h, auto column, auto) {
      bool const counts = kind == device_pooling::average_with_padding;
      if (counts) count += h < w.h + pad_end_h && column < w.w + pad_end_w;
      if (!holds(w, h, column)) return;
      if (!counts) ++count;
      sum += x[place(w, n, c, h, column)];
      best = std::max(best, x[place(w, n, c, h, column)]);
    });
    y.push_back(kind == device_pooling::maximum ? best : sum / static_cast<float>(count));
  });
  calls.expect_result(pool_call(w, kind, {{}, {result_with(row_major_strides(w.sizes()))}}, pad_end_h, pad_end_w),
                      {calls.input(x)}, y);
}

}  // namespace

TEST_CASE("depthwise convolutions", "[device]") {
  emulated_calls calls;
  device_window const padded{.n = 2, .c = 8, .h = 7, .w = 9, .r = 3, .s = 3, .pad_h = 1, .pad_w = 1};
  add_depthwise(calls, nhwc(padded), 4);
  add_depthwise(calls, nchw(padded), 4);
  add_depthwise(
      calls, nhwc({.c = 6, .h = 8, .w = 11, .r = 3, .s = 3, .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1}), 3);
  add_depthwise(calls, nhwc({.c = 4, .h = 12, .w = 12, .r = 5, .s = 4, .dilation_h = 2, .dilation_w = 3}), 2);
  add_depthwise(calls, nhwc({.c = 4, .h = 5, .w = 5, .r = 7, .s = 7, .pad_h = 3, .pad_w = 3}), 1);
  calls.run();
}

TEST_CASE("pools", "[device]") {
  emulated_calls calls;
  device_window const window{
      .n = 2, .c = 8, .h = 7, .w = 9, .r = 3, .s = 2, .stride_h = 2, .stride_w = 2, .pad_h = 1, .pad_w = 1};
  using enum device_pooling;
  for (auto const kind : {maximum, average, average_with_padding}) {
    add_pool(calls, nhwc(window), kind, 0, 1);
    add_pool(calls, nchw({.c = 3, .h = 6, .w = 6, .r = 2, .s = 2, .dilation_h = 2}), kind);
  }
  calls.run();
}

TEST_CASE("resampling by tables", "[device]") {
  emulated_calls calls;
  auto w = nhwc({.n = 2, .c = 4, .h = 3, .w = 4, .p = 5, .q = 6});
  auto const x = random_floats(w.n * w.c * w.h * w.w), row_weights = random_floats(w.p * 2, 2);
  auto const column_weights = random_floats(w.q * 3, 3);
  std::vector<std::int32_t> rows, columns;
  for (std::int32_t i = 0; i < w.p * 2; ++i) rows.push_back(i * 5 % 3);
  for (std::int32_t i = 0; i < w.q * 3; ++i) columns.push_back(i * 7 % 4);
  for (bool const last : {true, false}) {
    w = last ? nhwc(w) : nchw(w);
    std::vector<float> y;
    for_each_output(w, [&](auto n, auto p, auto q, auto c) {
      float sum = 0;
      for (auto i = static_cast<std::size_t>(2 * p); i < static_cast<std::size_t>(2 * p + 2); ++i) {
        float row = 0;
        for (auto j = static_cast<std::size_t>(3 * q); j < static_cast<std::size_t>(3 * q + 3); ++j)
          row = std::fma(column_weights[j], x[place(w, n, c, rows[i], columns[j])], row);
        sum = std::fma(row_weights[i], row, sum);
      }
      y.push_back(sum);
    });
    calls.expect_result(resize_call(w, 2, 3, {{}, {result_with(row_major_strides(w.sizes()))}}),
                        {calls.input(x), calls.input(rows), calls.input(row_weights), calls.input(columns),
                         calls.input(column_weights)},
                        y);
  }
  calls.run();
}
