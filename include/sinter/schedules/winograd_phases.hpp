#pragma once

#include <sinter/schedules/tasks.hpp>
#include <sinter/schedules/winograd_shape.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

/// A dilated convolution is one without dilation on every `dilation`-th row and column: the phases of its axes.
namespace sinter::detail {

/// Neighbouring phases of an axis that are alike: the first has output positions `out`, `out + dilation`, … and input
/// positions `in`, `in + dilation`, …; each is the convolution `axis` without dilation.
struct winograd_phases {
  std::int64_t out = 0, in = 0, count = 1;
  window_axis axis{};
};

/// The phases of an axis of stride 1, in order; of an axis without dilation that is itself.
inline std::vector<winograd_phases> phases_of_winograd(window_axis const& a) {
  std::vector<winograd_phases> all;
  auto const d = a.dilation;
  for (std::int64_t out = 0; out < std::min(d, a.out); ++out) {
    auto const tap = out - a.pad_begin, in = (tap % d + d) % d;
    winograd_phases const one{.out = out,
                              .in = in,
                              .axis = {.in = std::max<std::int64_t>(0, ceil_div(a.in - in, d)),
                                       .out = ceil_div(a.out - out, d),
                                       .kernel = a.kernel,
                                       .pad_begin = (in - tap) / d}};
    auto const joins = [&](winograd_phases const& p) {
      return p.axis.in == one.axis.in && p.axis.out == one.axis.out && p.axis.pad_begin == one.axis.pad_begin;
    };
    if (!all.empty() && joins(all.back()))
      ++all.back().count;
    else
      all.push_back(one);
  }
  return all;
}

/// Whether the transforms can do all phases of a window.
inline bool is_dilated_winograd_window(window2d const& w) {
  auto const fits = [](window_axis const& a) {
    return a.kernel == 3 && a.stride == 1 && std::ranges::all_of(phases_of_winograd(a), [](winograd_phases const& p) {
             return p.axis.in > 0 && is_winograd_window({p.axis, p.axis});
           });
  };
  return fits(w.y) && fits(w.x);
}

/// Tiles of all phases of an axis.
inline std::int64_t phase_tiles(window_axis const& a, std::int64_t m) {
  std::int64_t tiles = 0;
  for (auto const& p : phases_of_winograd(a)) tiles += p.count * ceil_div(p.axis.out, m);
  return tiles;
}

/// Part of the tiles: rows of them, alike in `count` phases from `phase` on of `y`.
struct winograd_slab {
  winograd_phases y{};
  std::int64_t phase = 0, count = 1;
  std::int64_t first = 0, rows = 1;
};

/// Cuts all tiles into slabs of about `most` tiles.
inline std::vector<winograd_slab> winograd_slabs(winograd_shape const& s, std::int64_t most) {
  auto const rows_at_once = std::max<std::int64_t>(1, most / phase_tiles(s.window.x, s.m));
  std::vector<winograd_slab> all;
  for (auto const& y : phases_of_winograd(s.window.y)) {
    auto const rows = ceil_div(y.axis.out, s.m);
    for (auto const& phases : equal_runs(y.count, rows_at_once / rows))
      for (std::int64_t p = 0; p < phases.count; ++p)
        for (auto const& run : equal_runs(rows, rows_at_once))
          for (std::int64_t r = 0; r < run.count; ++r)
            all.push_back({.y = y,
                           .phase = phases.first + p * phases.length,
                           .count = phases.length,
                           .first = run.first + r * run.length,
                           .rows = run.length});
  }
  return all;
}

}  // namespace sinter::detail
