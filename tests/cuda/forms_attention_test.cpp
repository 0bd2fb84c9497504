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

void add_attention(emulated_calls& calls, device_attention a, bool masked, double tolerance = 2e-6) {
  auto const key_heads = a.heads / a.share;
  a.q = side_by_side(a.queries, a.heads, a.d);
  a.k = side_by_side(a.keys, key_heads, a.d);
  a.v = side_by_side(a.keys, key_heads, a.e);
  if (masked) a.mask = device_attention::strides{a.queries * a.keys, 0, a.keys}, a.mask_key = 1;
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
        for (std::int64_t n = 0; n < (a.causal ? m + 1 + a.keys - a.queries : a.keys); ++n) {
          double score = 0;
          for (std::size_t i = 0; i < static_cast<std::size_t>(a.d); ++i)
            score += double(q[row_at(a.q, b, h, m) + i]) * k[row_at(a.k, b, h / a.share, n) + i];
          score *= a.scale;
          if (masked) score += mask[static_cast<std::size_t>((b * a.queries + m) * a.keys + n)];
          all += std::exp(score);
          for (std::size_t i = 0; i < sums.size(); ++i)
            sums[i] += std::exp(score) * v[row_at(a.v, b, h / a.share, n) + i];
        }
        for (auto const sum : sums) y.push_back(static_cast<float>(sum / all));
      }
  std::vector arguments{calls.input(q, a.element), calls.input(k, a.element), calls.input(v, a.element)};
  if (masked) arguments.push_back(calls.input(mask));
  calls.expect_result(attention_call(a, {{}, {result_with(row_major_strides(a.sizes()))}}), arguments, y, tolerance);
}

}  // namespace

TEST_CASE("attention", "[device]") {
  emulated_calls calls;
  add_attention(calls, {.batch = 2, .heads = 2, .queries = 37, .keys = 70, .d = 16, .e = 16}, false);
  add_attention(calls, {.heads = 2, .queries = 40, .keys = 40, .d = 64, .e = 64, .causal = true}, false);
  add_attention(calls, {.batch = 2, .heads = 4, .queries = 5, .keys = 33, .d = 20, .e = 68, .share = 2}, true);
  add_attention(calls, {.heads = 1, .queries = 1, .keys = 100, .d = 32, .e = 32, .causal = true}, true);
  calls.run();
}

TEST_CASE("attention by matrix units", "[device]") {
  emulated_calls calls;
  using enum sinter::precision;
  for (auto const& [precision, element] :
       {std::pair{tf32, dtype::float32}, std::pair{bfloat16, dtype::float32}, std::pair{float16, dtype::float16}}) {
    auto const add = [&, how = precision, type = element](device_attention a, bool masked) {
      a.precision = how, a.element = type;
      add_attention(calls, a, masked, how == bfloat16 ? 2e-2 : 2e-3);
    };
    add({.batch = 2, .heads = 2, .queries = 37, .keys = 70, .d = 16, .e = 32}, false);
    add({.heads = 2, .queries = 70, .keys = 80, .d = 64, .e = 64, .share = 2, .causal = true}, false);
    add({.heads = 1, .queries = 5, .keys = 133, .d = 32, .e = 16}, true);
  }
  calls.run();
}
