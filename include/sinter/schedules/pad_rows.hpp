#pragma once

#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The kernel of Pad: rows that are put together from segments of a row of the input.
///
///     for row, segment:
///       long ones, and padding: copy or fill vector by vector
///       neighbouring short ones: load a vector, shuffle, store
namespace sinter::detail {

/// `length` floats from float `from` of the input's row on; from -1: padding.
struct row_segment {
  std::int64_t from = 0, length = 1;
};

/// Segments of a row that kernels are made for.
inline constexpr std::size_t most_segments = 512;

/// The segments of a row whose unit i, of `unit` floats, is unit `units[i]` of the input.
inline std::vector<row_segment> segments_of(std::vector<std::int64_t> const& units, std::int64_t unit) {
  std::vector<row_segment> segments;
  for (auto const from : units) {
    auto const at = from < 0 ? -1 : from * unit;
    bool const follows =
        !segments.empty() && at == (segments.back().from < 0 ? -1 : segments.back().from + segments.back().length);
    if (follows)
      segments.back().length += unit;
    else
      segments.push_back({at, unit});
  }
  return segments;
}

struct pad_rows_shape {
  std::vector<row_segment> segments{};
  std::int64_t rows = 1, in_row = 0, out_row = 0;
  float value = 0;

  bool reads() const {
    return std::ranges::any_of(segments, [](auto const& s) { return s.from >= 0; });
  }
  vector::recipe recipe(target const& t) const;
};

class pad_rows_kernel {
 public:
  pad_rows_kernel(pad_rows_shape const& s, target const& t) : s_(s), b_("pad_rows", t.lanes()) {}

  vector::program build() && {
    std::int64_t in = 0, out = 0;
    for (auto const& segment : s_.segments) {
      if (segment.from >= 0) in = std::max(in, segment.from + segment.length);
      out += segment.length;
    }
    if (in > 0) x_ = b_.argument("x", vector::access::in, (s_.rows - 1) * s_.in_row + in * 4);
    y_ = b_.argument("y", vector::access::out, (s_.rows - 1) * s_.out_row + out * 4);
    std::vector<std::pair<vector::pointer, std::int64_t>> row{{y_, s_.out_row}};
    if (in > 0) row.emplace_back(x_, s_.in_row);
    // Streams that move along a row; others stay at its begin.
    if (in > 0) from_ = b_.stream("from", x_, 0), row.emplace_back(from_, s_.in_row);
    to_ = b_.stream("to", y_, 0), row.emplace_back(to_, s_.out_row);
    value_ = b_.constant(s_.value);
    b_.loop(s_.rows, row, [&] { emit_row(); });
    return std::move(b_).take();
  }

 private:
  void emit_row() {
    std::int64_t to = 0;
    for (std::size_t i = 0; i < s_.segments.size();) {
      auto const& segment = s_.segments[i];
      if (segment.from < 0 || segment.length >= b_.lanes()) {
        copy(segment, to);
        to += segment.length;
        ++i;
      } else {
        i = shuffle(i, to);
      }
    }
  }

  void copy(row_segment const& s, std::int64_t to) {
    std::int64_t const lanes = b_.lanes(), vectors = s.length / lanes;
    auto const unroll = std::clamp<std::int64_t>(vectors, 1, 4), bytes = unroll * b_.register_bytes();
    bool const fills = s.from < 0;
    auto const move = [&](vector::pointer from, vector::pointer into, std::int64_t at, std::int64_t count) {
      auto const n = static_cast<std::int32_t>(count);
      b_.store(into.at((to + at) * 4), fills ? value_ : b_.load(from.at((s.from + at) * 4), n), n);
    };
    std::vector<std::pair<vector::pointer, std::int64_t>> steps{{to_, bytes}};
    if (!fills) steps.emplace_back(from_, bytes);
    if (vectors > 0)
      b_.loop(vectors / unroll, steps, [&] {
        for (std::int64_t v = 0; v < unroll; ++v) move(from_, to_, v * lanes, lanes);
      });
    for (auto at = vectors / unroll * unroll * lanes; at < s.length; at += lanes)
      move(x_, y_, at, std::min(lanes, s.length - at));
  }

  /// Makes as many short segments from segment `i` on as one vector of the input holds, up to one vector; returns the
  /// next segment.
  std::size_t shuffle(std::size_t i, std::int64_t& to) {
    std::int64_t const lanes = b_.lanes();
    auto low = s_.segments[i].from, high = low, count = std::int64_t{0};
    std::vector<std::int64_t> elements;
    for (; i < s_.segments.size(); ++i) {
      auto const& s = s_.segments[i];
      if (s.from < 0 || s.length >= lanes || count + s.length > lanes) break;
      auto const lowest = std::min(low, s.from), highest = std::max(high, s.from + s.length);
      if (highest - lowest > lanes) break;
      low = lowest, high = highest, count += s.length;
      for (std::int64_t k = 0; k < s.length; ++k) elements.push_back(s.from + k);
    }
    std::vector<std::int32_t> table(static_cast<std::size_t>(lanes), 0);
    for (std::size_t k = 0; k < elements.size(); ++k) table[k] = static_cast<std::int32_t>(elements[k] - low);
    auto const loaded = b_.load(x_.at(low * 4), static_cast<std::int32_t>(high - low));
    b_.store(y_.at(to * 4), b_.shuffle(loaded, std::move(table)), static_cast<std::int32_t>(count));
    to += count;
    return i;
  }

  pad_rows_shape const& s_;
  vector::builder b_;
  vector::pointer x_{}, y_{}, from_{}, to_{};
  vector::reg value_{};
};

inline vector::recipe pad_rows_shape::recipe(target const& t) const {
  vector::recipe_key key("pad_rows", t);
  key.add_all(segments, [](vector::recipe_key& k, row_segment const& s) { k.add(s.from).add(s.length); });
  key.add(rows).add(in_row).add(out_row).add(value);
  return {key.take(), [s = *this, t] { return pad_rows_kernel(s, t).build(); }};
}

}  // namespace sinter::detail
