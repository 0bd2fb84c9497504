#include <sinter/program/device_rows.hpp>

#include "forms.hpp"
#include <cmath>
#include <cstdint>
#include <vector>

using namespace sinter;

namespace {

/// x of [outer][length][inner], rows along the middle axis, each computed by `compute` in double; results have the
/// shape of x, or with `reduced` one element a row.
template <typename Compute>
std::vector<float> rows_of(std::vector<float> const& x, std::int64_t outer, std::int64_t length, std::int64_t inner,
                           bool reduced, Compute compute) {
  std::vector<float> y(static_cast<std::size_t>(reduced ? outer * inner : outer * length * inner));
  for (std::int64_t o = 0; o < outer; ++o)
    for (std::int64_t i = 0; i < inner; ++i) {
      std::vector<double> row;
      for (std::int64_t l = 0; l < length; ++l)
        row.push_back(x[static_cast<std::size_t>((o * length + l) * inner + i)]);
      auto const values = compute(row);
      for (std::int64_t l = 0; l < (reduced ? 1 : length); ++l)
        y[static_cast<std::size_t>(reduced ? o * inner + i : (o * length + l) * inner + i)] =
            static_cast<float>(values[static_cast<std::size_t>(l)]);
    }
  return y;
}

/// Rows along the middle axis of [outer][length][inner]: coordinates outer, inner, length.
device_rows middle_rows(std::int64_t outer, std::int64_t length, std::int64_t inner) {
  return {{outer, inner, length}, 2, {length * inner, 1, inner}};
}

constexpr double tolerance = 2e-6;

void add_reduction(emulated_calls& calls, device_reduction kind, std::int64_t outer, std::int64_t length,
                   std::int64_t inner) {
  auto const x = random_floats(outer * length * inner);
  auto const y = rows_of(x, outer, length, inner, true, [&](std::vector<double> const& row) {
    double value = kind == device_reduction::product ? 1 : 0;
    if (kind == device_reduction::maximum || kind == device_reduction::minimum) value = row[0];
    for (auto const v : row) switch (kind) {
        case device_reduction::sum: value += v; break;
        case device_reduction::maximum: value = std::max(value, v); break;
        case device_reduction::minimum: value = std::min(value, v); break;
        case device_reduction::product: value *= v; break;
        case device_reduction::sum_of_squares: value += v * v; break;
        case device_reduction::sum_of_magnitudes: value += std::abs(v); break;
      }
    return std::vector<double>{value * 0.25};
  });
  calls.expect_result(
      reduce_call(middle_rows(outer, length, inner), kind, {expr::parse("mul x0 0.25"), {result_with({inner, 1, 0})}}),
      {calls.input(x)}, y, tolerance);
}

void add_softmax(emulated_calls& calls, bool log, std::int64_t outer, std::int64_t length, std::int64_t inner) {
  auto const x = random_floats(outer * length * inner);
  auto const y = rows_of(x, outer, length, inner, false, [&](std::vector<double> row) {
    double sum = 0;
    for (auto const v : row) sum += std::exp(v);
    for (auto& v : row) v = log ? v - std::log(sum) : std::exp(v) / sum;
    return row;
  });
  calls.expect_result(
      softmax_call(middle_rows(outer, length, inner), log, {{}, {result_with({length * inner, 1, inner})}}),
      {calls.input(x)}, y, tolerance);
}

/// Scaled and shifted by vectors along the row.
void add_normalization(emulated_calls& calls, bool centred, std::int64_t outer, std::int64_t length,
                       std::int64_t inner) {
  auto const x = random_floats(outer * length * inner), scale = random_floats(length, 2),
             bias = random_floats(length, 3);
  constexpr float epsilon = 1e-3f;
  auto const y = rows_of(x, outer, length, inner, false, [&](std::vector<double> row) {
    double mean = 0, squares = 0;
    for (auto const v : row) mean += centred ? v / double(length) : 0;
    for (auto const v : row) squares += (v - mean) * (v - mean) / double(length);
    for (std::size_t l = 0; l < row.size(); ++l)
      row[l] = (row[l] - mean) / std::sqrt(squares + epsilon) * scale[l] + bias[l];
    return row;
  });
  calls.expect_result(
      normalize_call(middle_rows(outer, length, inner), epsilon, centred,
                     {expr::parse("fma x0 x1 x2"),
                      {operand_with({0, 0, 1}), operand_with({0, 0, 1}), result_with({length * inner, 1, inner})}}),
      {calls.input(x), calls.input(scale), calls.input(bias)}, y, 1e-5);
}

}  // namespace

TEST_CASE("reductions of rows", "[device]") {
  emulated_calls calls;
  using enum device_reduction;
  for (auto const kind : {sum, maximum, minimum, product, sum_of_squares, sum_of_magnitudes}) {
    add_reduction(calls, kind, 5, 37, 1);
    add_reduction(calls, kind, 2, 37, 9);
  }
  add_reduction(calls, sum, 3, 1000, 1);   // rows of several warps
  add_reduction(calls, sum, 1, 20000, 1);  // of a block of 1024 threads
  add_reduction(calls, sum, 1, 600, 70);
  add_reduction(calls, sum, 400, 2, 1);
  calls.run();
}

TEST_CASE("reductions of several axes that are not neighbours", "[device]") {
  emulated_calls calls;
  auto const x = random_floats(2 * 3 * 4 * 5);
  std::vector<float> y;
  for (std::size_t b = 0; b < 3; ++b)
    for (std::size_t d = 0; d < 5; ++d) {
      double sum = 0;
      for (std::size_t a = 0; a < 2; ++a)
        for (std::size_t c = 0; c < 4; ++c) sum += x[((a * 3 + b) * 4 + c) * 5 + d];
      y.push_back(static_cast<float>(sum));
    }
  calls.expect_result(
      reduce_call({{3, 5, 2, 4}, 2, {20, 1, 60, 5}}, device_reduction::sum, {{}, {result_with({5, 1, 0, 0})}}),
      {calls.input(x)}, y, tolerance);
  calls.run();
}

TEST_CASE("softmax of rows", "[device]") {
  emulated_calls calls;
  for (bool const log : {false, true}) {
    add_softmax(calls, log, 5, 77, 1);
    add_softmax(calls, log, 3, 1000, 1);
    add_softmax(calls, log, 2, 19, 12);
  }
  add_softmax(calls, false, 1, 9000, 1);  // too long to be held in registers
  calls.run();
}

TEST_CASE("normalization of rows", "[device]") {
  emulated_calls calls;
  for (bool const centred : {false, true}) {
    add_normalization(calls, centred, 5, 77, 1);
    add_normalization(calls, centred, 2, 768, 1);
    add_normalization(calls, centred, 2, 19, 12);
  }
  add_normalization(calls, true, 1, 9000, 1);
  calls.run();
}
