#include <sinter/program/device_attention.hpp>

#include "forms.hpp"
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

using namespace sinter;

namespace {

std::size_t row_at(device_attention::strides const& s, std::int64_t batch, std::int64_t head, std::int64_t row) {
  return static_cast<std::size_t>(batch * s.batch + head * s.head + row * s.row);
}

/// Heads side by side in rows, as projections leave them: [batch][row][head][element].
device_attention::strides side_by_side(std::int64_t rows, std::int64_t heads, std::int64_t elements) {
  return {rows * heads * elements, elements, heads * elements};
}

enum class masking { none, added, seen };

void add_attention(emulated_calls& calls, device_attention a, masking how, double tolerance = 2e-6) {
  auto const key_heads = a.heads / a.share;
  a.q = side_by_side(a.queries, a.heads, a.d);
  a.k = side_by_side(a.keys, key_heads, a.d);
  a.v = side_by_side(a.keys, key_heads, a.e);
  if (how != masking::none) a.mask = device_attention::strides{a.queries * a.keys, 0, a.keys}, a.mask_key = 1;
  if (how == masking::seen) a.mask_element = dtype::boolean;
  a.scale = 0.5f;
  auto const q = random_floats(a.batch * a.queries * a.heads * a.d, 1);
  auto const k = random_floats(a.batch * a.keys * key_heads * a.d, 2);
  auto const v = random_floats(a.batch * a.keys * key_heads * a.e, 3);
  auto mask = random_floats(a.batch * a.queries * a.keys, 4);
  for (std::size_t i = 0; i < mask.size(); i += 5) mask[i] = -std::numeric_limits<float>::infinity();
  std::vector<float> y;
  for (std::int64_t b = 0; b < a.batch; ++b)
    for (std::int64_t h = 0; h < a.heads; ++h)
      for (std::int64_t m = 0; m < a.queries; ++m) {
        std::vector<double> sums(static_cast<std::size_t>(a.e));
        double all = 0;
        auto const first = m + a.lowest.value_or(-m), last = m + a.highest.value_or(a.keys);
        for (auto n = std::max<std::int64_t>(first, 0); n <= std::min(last, a.keys - 1); ++n) {
          double score = 0;
          for (std::size_t i = 0; i < static_cast<std::size_t>(a.d); ++i)
            score += double(q[row_at(a.q, b, h, m) + i]) * k[row_at(a.k, b, h / a.share, n) + i];
          score *= a.scale;
          if (a.softcap != 0) score = a.softcap * std::tanh(score / a.softcap);
          auto const added = mask[static_cast<std::size_t>((b * a.queries + m) * a.keys + n)];
          if (how == masking::added || (how == masking::seen && std::isinf(added))) score += added;
          all += std::exp(score);
          for (std::size_t i = 0; i < sums.size(); ++i)
            sums[i] += std::exp(score) * v[row_at(a.v, b, h / a.share, n) + i];
        }
        for (auto const sum : sums) y.push_back(all == 0 && a.unseen ? 0.0f : static_cast<float>(sum / all));
      }
  std::vector arguments{calls.input(q, a.element), calls.input(k, a.element), calls.input(v, a.element)};
  if (how == masking::added) arguments.push_back(calls.input(mask));
  if (how == masking::seen) {
    std::vector<std::uint8_t> seen;
    for (auto const v : mask) seen.push_back(std::isinf(v) ? 0 : 1);
    arguments.push_back(calls.input(seen));
  }
  calls.expect_result(attention_call(a, {{}, {result_with(row_major_strides(a.sizes()))}}), arguments, y, tolerance);
}

}  // namespace

TEST_CASE("attention", "[device]") {
  emulated_calls calls;
  add_attention(calls, {.batch = 2, .heads = 2, .queries = 37, .keys = 70, .d = 16, .e = 16}, masking::none);
  add_attention(calls, {.heads = 2, .queries = 40, .keys = 40, .d = 64, .e = 64, .highest = 0}, masking::none);
  add_attention(calls, {.batch = 2, .heads = 4, .queries = 5, .keys = 33, .d = 20, .e = 68, .share = 2},
                masking::added);
  add_attention(calls, {.heads = 1, .queries = 1, .keys = 100, .d = 32, .e = 32, .highest = 99}, masking::added);
  calls.run();
}

TEST_CASE("attention to keys in a window, of capped scores, through a mask of booleans", "[device]") {
  emulated_calls calls;
  add_attention(calls, {.queries = 33, .keys = 70, .d = 8, .e = 8, .lowest = -3, .highest = 5}, masking::seen);
  add_attention(calls, {.queries = 20, .keys = 9, .d = 8, .e = 8, .lowest = 2, .unseen = true}, masking::none);
  add_attention(calls, {.queries = 20, .keys = 9, .d = 8, .e = 8, .highest = -5, .unseen = true}, masking::none);
  add_attention(calls, {.queries = 7, .keys = 40, .d = 8, .e = 8, .softcap = 0.2f}, masking::added);
  calls.run();
}

TEST_CASE("attention by matrix units", "[device]") {
  emulated_calls calls;
  using enum sinter::precision;
  for (auto const& [precision, element] :
       {std::pair{tf32, dtype::float32}, std::pair{bfloat16, dtype::float32}, std::pair{float16, dtype::float16}}) {
    auto const add = [&, by = precision, type = element](device_attention a, masking how) {
      a.precision = by, a.element = type;
      add_attention(calls, a, how, by == bfloat16 ? 2e-2 : 2e-3);
    };
    add({.batch = 2, .heads = 2, .queries = 37, .keys = 70, .d = 16, .e = 32}, masking::none);
    add({.heads = 2, .queries = 70, .keys = 80, .d = 64, .e = 64, .share = 2, .highest = 10}, masking::none);
    add({.heads = 1, .queries = 5, .keys = 133, .d = 32, .e = 16}, masking::added);
    add({.queries = 70, .keys = 90, .d = 16, .e = 16, .softcap = 0.3f, .lowest = -9, .highest = 20}, masking::seen);
  }
  calls.run();
}
