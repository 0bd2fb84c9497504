#pragma once

#include <sinter/kernels/matmul.hpp>
#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sinter::kernels {

/// A tensor of heads: batch x heads x length x size, or batch x length x (heads * size).
struct head_layout {
  std::int64_t batch = 0, heads = 0, length = 0, size = 0;
  bool interleaved = false;  ///< the second layout

  /// Five numbers of a call.
  static head_layout of(std::span<std::int64_t const> n) { return {n[0], n[1], n[2], n[3], n[4] != 0}; }

  /// The first element of one head's row.
  std::int64_t row(std::int64_t b, std::int64_t h, std::int64_t i) const {
    return (interleaved ? (b * length + i) * heads + h : (b * heads + h) * length + i) * size;
  }
};

/// Past and new rows as batch x heads x total x size.
template <typename T>
T const* joined_rows(tensor_view past, tensor_view now, head_layout const& l, std::int64_t past_length,
                     workspace& memory) {
  staged_input<T> before(past, memory), rows(now, memory);
  auto* const all = memory.take<T>(static_cast<std::size_t>(l.batch * l.heads * (past_length + l.length) * l.size));
  if (memory.measuring()) return all;
  auto* to = all;
  for (std::int64_t b = 0; b < l.batch; ++b)
    for (std::int64_t h = 0; h < l.heads; ++h) {
      if (before.data()) to = std::copy_n(before + (b * l.heads + h) * past_length * l.size, past_length * l.size, to);
      for (std::int64_t i = 0; i < l.length; ++i) to = std::copy_n(rows + l.row(b, h, i), l.size, to);
    }
  return all;
}

/// What is added to the scores: minus infinity where a boolean mask is false or a short one ends. The mask broadcasts
/// to `full`, whose last dimension may be less than `total`. Null without a mask.
template <typename T>
T const* score_mask(tensor_view v, shape const& full, std::int64_t total, workspace& memory) {
  if (!v) return nullptr;
  auto const minus_infinity = -std::numeric_limits<T>::infinity();
  auto const* const given = broadcast_elements<T>(v, full, memory);
  auto const rows = static_cast<std::int64_t>(full.elements(0, 3));
  auto* const mask = memory.take<T>(static_cast<std::size_t>(rows * total));
  if (memory.measuring()) return mask;
  std::fill_n(mask, rows * total, minus_infinity);
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t i = 0; i < full[3]; ++i) {
      auto const value = given[row * full[3] + i];
      mask[row * total + i] = v.type == dtype::boolean ? (value != 0 ? T{} : minus_infinity) : value;
    }
  return mask;
}

/// How scores are made: `probe_stage` is which of them a probe sees: raw, capped, masked, softmax.
struct score_rule {
  double scale = 1, softcap = 0;
  std::int64_t probe_stage = 0;
};

/// The keys that one query may attend to, both ends included.
struct key_range {
  std::int64_t first = 0, last = 0;
  bool holds(std::int64_t key) const { return key >= first && key <= last; }
};

/// Which keys the queries see: of the first `length` those up to the query's own position, if `causal`, and in a window
/// around it, where `left` and `right` are -1 without a bound.
struct visibility {
  bool causal = false;
  std::int64_t left = -1, right = -1;

  key_range of(std::int64_t position, std::int64_t length) const {
    auto last = length - 1;
    if (causal) last = std::min(last, position);
    if (right >= 0) last = std::min(last, position + right);
    return {left >= 0 ? std::max<std::int64_t>(position - left, 0) : 0, last};
  }
};

/// Softmax of `count` scores; all are 0 where no key is attended to.
inline void weigh(double* scores, std::int64_t count, bool attended) {
  auto const greatest = attended ? *std::max_element(scores, scores + count) : 0;
  if (!attended || greatest == -std::numeric_limits<double>::infinity()) {
    std::fill_n(scores, count, 0.0);
    return;
  }
  double sum = 0;
  for (std::int64_t key = 0; key < count; ++key) sum += scores[key] = std::exp(scores[key] - greatest);
  for (std::int64_t key = 0; key < count; ++key) scores[key] /= sum;
}

/// The weights of `count` keys for one query, which may attend to those in `range` that the mask lets through.
template <typename T>
void score_keys(score_rule const& rule, std::int64_t size, T const* query, T const* keys, T const* mask,
                key_range const& range, std::int64_t count, double* scores, T* probe) {
  auto const infinity = std::numeric_limits<double>::infinity();
  auto const keep = [&](std::int64_t stage) {
    if (probe && rule.probe_stage == stage)
      std::transform(scores, scores + count, probe, [](double s) { return static_cast<T>(s); });
  };
  for (std::int64_t key = 0; key < count; ++key)
    scores[key] = rule.scale * static_cast<double>(inner_product(size, query, keys + key * size));
  keep(0);
  for (std::int64_t key = 0; key < count && rule.softcap != 0; ++key)
    scores[key] = rule.softcap * std::tanh(scores[key] / rule.softcap);
  keep(1);
  bool attended = false;
  for (std::int64_t key = 0; key < count; ++key) {
    auto const bias = !range.holds(key) ? -infinity : mask ? static_cast<double>(mask[key]) : 0.0;
    attended = attended || bias != -infinity;
    scores[key] = bias == -infinity ? -infinity : scores[key] + bias;
  }
  keep(2);
  weigh(scores, count, attended);
  keep(3);
}

/// softmax(softcap(scale * Q * K') + mask) * V for each head. Inputs: Q, K, V, mask, past keys, past values, lengths;
/// outputs: Y, keys, values, a stage of the scores. Numbers: the layouts of Q, K and V, how many keys are past, how
/// many there are, the mask's last extent, the probe's stage, whether queries see no later keys, how many keys to the
/// left and to the right they see; reals: scale, softcap. Query i has the position i after the past keys or, where
/// lengths are given, is one of the last queries.
inline status attention(call const& c) {
  auto const query = head_layout::of(c.integers), key = head_layout::of(c.integers.subspan(5)),
             value = head_layout::of(c.integers.subspan(10));
  auto const past = c.integers[15], total = c.integers[16];
  shape const full{query.batch, query.heads, query.length, c.integers[17]};
  score_rule const rule{.scale = c.reals[0], .softcap = c.reals[1], .probe_stage = c.integers[18]};
  visibility const visible{.causal = c.integers[19] != 0, .left = c.integers[20], .right = c.integers[21]};
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> q(c.in[0], c.memory);
    staged_input<std::int64_t> lengths(c.input(6), c.memory);
    auto const* const keys = joined_rows<T>(c.input(4), c.in[1], key, past, c.memory);
    auto const* const values = joined_rows<T>(c.input(5), c.in[2], value, past, c.memory);
    auto const* const mask = score_mask<T>(c.input(3), full, total, c.memory);
    staged_output<T> y(c.out[0], c.memory), probe(c.output(3), c.memory);
    auto* const scores = c.memory.take<double>(static_cast<std::size_t>(total));
    if (c.memory.measuring()) return {};
    if (auto const to = c.output(1)) store_run<T>(to.type, to.data, 0, to.elements(), keys);
    if (auto const to = c.output(2)) store_run<T>(to.type, to.data, 0, to.elements(), values);
    auto const share = query.heads / value.heads;
    for (std::int64_t b = 0; b < query.batch; ++b) {
      auto const length = lengths.data() ? lengths[b] : total;
      if (length < 0 || length > total) return status::outside(length, 0, total);
      auto const offset = lengths.data() ? length - query.length : past;
      for (std::int64_t h = 0; h < query.heads; ++h)
        for (std::int64_t i = 0; i < query.length; ++i) {
          auto const row = (b * query.heads + h) * query.length + i;
          auto const block = (b * value.heads + h / share) * total;
          score_keys<T>(rule, query.size, q + query.row(b, h, i), keys + block * query.size,
                        mask ? mask + row * total : nullptr, visible.of(offset + i, length), total, scores,
                        probe.data() ? probe.data() + row * total : nullptr);
          auto* to = y + (query.interleaved ? (b * query.length + i) * query.heads + h : row) * value.size;
          for (std::int64_t d = 0; d < value.size; ++d) {
            double sum = 0;
            for (std::int64_t j = 0; j < total; ++j)
              sum += scores[j] * static_cast<double>(values[(block + j) * value.size + d]);
            to[d] = static_cast<T>(sum);
          }
        }
    }
    return {};
  });
}

/// Pairs of a head's elements, turned by angles with the cosines of in[1] and sines of in[2]: those of each row, or
/// those of the positions in in[3]. Numbers: the layout, how many pairs, whether a pair's elements are neighbours.
inline status rotate_pairs(call const& c) {
  auto const l = head_layout::of(c.integers);
  auto const half = c.integers[5];
  bool const neighbours = c.integers[6] != 0;
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory), cosines(c.in[1], c.memory), sines(c.in[2], c.memory);
    staged_input<std::int64_t> positions(c.input(3), c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return {};
    std::copy_n(x.data(), c.in[0].elements(), y.data());
    for (std::int64_t place = 0; place < l.batch * l.length; ++place) {
      auto const position = positions.data() ? positions[place] : place;
      if (positions.data() && (position < 0 || position >= c.in[1].shape[0]))
        return status::outside(position, 0, c.in[1].shape[0] - 1);
      auto const angle = position * half;
      for (std::int64_t h = 0; h < l.heads; ++h) {
        auto const row = l.row(place / l.length, h, place % l.length);
        for (std::int64_t k = 0; k < half; ++k) {
          auto const p = row + (neighbours ? 2 * k : k), q = row + (neighbours ? 2 * k + 1 : half + k);
          auto const cosine = cosines[angle + k], sine = sines[angle + k];
          y[p] = cosine * x[p] - sine * x[q];
          y[q] = sine * x[p] + cosine * x[q];
        }
      }
    }
    return {};
  });
}

}  // namespace sinter::kernels
