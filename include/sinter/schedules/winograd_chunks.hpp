#pragma once

#include <sinter/schedules/winograd_shape.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// How the tiles of a Winograd convolution are cut into chunks, those together that touch the borders alike.
namespace sinter::detail {

/// Rows of tiles side by side that touch the borders alike: `count` of them from `first` on.
struct winograd_rows {
  std::int64_t first = 0, count = 1;
};

/// How the tiles of a convolution are cut: a chunk is `rows` whole or partial rows of at most `row_tiles` tiles.
struct winograd_cut {
  std::int64_t rows = 1, row_tiles = 1;
  bool staged = false;  ///< all of V is made before it is used
};

inline constexpr std::int64_t winograd_chunk_tiles = 28;

inline winograd_cut cut_of_winograd(winograd_shape const& s, target const& machine) {
  auto const v_bytes = planes_of_v(s, s.tiles()).bytes(s.points());
  if (s.filters || (s.tiles() <= 2 * winograd_chunk_tiles && v_bytes <= machine.facts().l2))
    return {.rows = s.tile_rows(), .row_tiles = s.row_tiles(), .staged = true};
  auto const row = std::min(s.row_tiles(), winograd_chunk_tiles);
  return {.rows = std::clamp<std::int64_t>(14 / row, 1, s.tile_rows()), .row_tiles = row};
}

/// Output blocks whose weights lie side by side: enough to keep the multipliers busy on `tiles` tiles, on every target.
inline std::int64_t winograd_group(winograd_shape const& s, std::int64_t tiles) {
  return std::min<std::int64_t>(tiles == 1 ? 8 : tiles <= 6 ? 4 : 2, s.out_blocks());
}

/// A chunk of tiles, and how often it occurs: `count` times along the rows, `x.count` times along the columns.
struct winograd_chunk {
  std::vector<winograd_rows> rows{};
  std::int64_t first = 0, length = 1, count = 1;
  tile_run x{};
  std::int64_t tiles() const { return length * x.length; }
};

/// Whether two runs of tiles of an axis touch its borders alike.
inline bool winograd_alike(window_axis const& axis, std::int64_t m, tile_run const& a, tile_run const& b) {
  auto const same = [&](window_axis const& windows) {
    auto const p = winograd_part_inside(windows, a), q = winograd_part_inside(windows, b);
    return p.first == q.first && p.count == q.count;
  };
  return a.length == b.length && same(winograd_input_axis(axis, m)) && same(winograd_output_axis(axis, m));
}

/// Cuts an axis into equal runs of at most `most` tiles and joins those that are alike.
inline std::vector<tile_run> winograd_runs(window_axis const& axis, std::int64_t m, std::int64_t most) {
  std::vector<tile_run> joined;
  for (auto const& run : equal_runs(ceil_div(axis.out, m), most))
    for (std::int64_t i = 0; i < run.count; ++i) {
      tile_run const one{run.first + i * run.length, run.length, 1};
      if (!joined.empty() && winograd_alike(axis, m, joined.back(), one))
        ++joined.back().count;
      else
        joined.push_back(one);
    }
  return joined;
}

/// The rows of tiles [first, first + length), alike ones together; counted from `first` on.
inline std::vector<winograd_rows> winograd_rows_of(winograd_shape const& s, std::int64_t first, std::int64_t length) {
  std::vector<winograd_rows> rows;
  for (std::int64_t i = 0; i < length; ++i) {
    bool const joins = !rows.empty() && winograd_alike(s.window.y, s.m, {first + rows.back().first}, {first + i});
    if (joins)
      ++rows.back().count;
    else
      rows.push_back({i, 1});
  }
  return rows;
}

/// All chunks, those that differ in their place only together.
inline std::vector<winograd_chunk> winograd_chunks(winograd_shape const& s, winograd_cut const& cut) {
  std::vector<winograd_chunk> all;
  auto const same = [](winograd_rows const& a, winograd_rows const& b) {
    return a.first == b.first && a.count == b.count;
  };
  for (auto const& run : equal_runs(s.tile_rows(), cut.rows))
    for (std::int64_t i = 0; i < run.count; ++i) {
      auto const first = run.first + i * run.length;
      auto rows = winograd_rows_of(s, first, run.length);
      bool joins = !all.empty() && all.back().length == run.length && std::ranges::equal(all.back().rows, rows, same);
      for (auto const& r : rows)
        joins = joins && winograd_alike(s.window.y, s.m, {all.back().first + r.first}, {first + r.first});
      if (joins)
        ++all.back().count;
      else
        all.push_back({.rows = std::move(rows), .first = first, .length = run.length});
    }
  return all;
}

}  // namespace sinter::detail
