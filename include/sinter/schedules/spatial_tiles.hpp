#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/schedules/window_axis.hpp>

#include <array>
#include <cstdint>
#include <vector>

/// Tiles of the output of windowed operators (convolution, pooling) whose pixels touch the border alike, so that one
/// kernel without border tests serves each class of tiles: padded taps are left out of the code.
namespace sinter {

/// `count` tiles of `length` output positions side by side from `first` on, all with the same taps inside the input.
struct tile_run {
  std::int64_t first = 0, length = 1, count = 1;
};

/// A class of tiles: a grid of `y.count` x `x.count` tiles of `y.length` x `x.length` pixels.
struct tile_class {
  tile_run y, x;
  std::int64_t pixels() const { return y.length * x.length; }
};

/// Cuts an axis into equalised tiles of at most `most` positions and joins neighbours that touch the border alike.
inline std::vector<tile_run> tile_axis(window_axis const& axis, std::int64_t most) {
  auto const interior = [&](std::int64_t first, std::int64_t length) {
    return axis.position(first, 0) >= 0 && axis.position(first + length - 1, axis.kernel - 1) < axis.in;
  };
  auto const alike = [&](std::int64_t a, std::int64_t b, std::int64_t length) {
    if (interior(a, length) && interior(b, length)) return true;
    for (std::int64_t i = 0; i < length; ++i)
      for (std::int64_t k = 0; k < axis.kernel; ++k)
        if (axis.inside(a + i, k) != axis.inside(b + i, k)) return false;
    return true;
  };
  std::vector<tile_run> runs;
  if (axis.out == 0) return runs;
  auto const tiles = ceil_div(axis.out, most);
  auto const least = axis.out / tiles, longer = axis.out % tiles;
  std::int64_t first = 0;
  for (std::int64_t t = 0; t < tiles; ++t) {
    auto const length = least + (t < longer ? 1 : 0);
    if (!runs.empty() && runs.back().length == length && alike(runs.back().first, first, length))
      ++runs.back().count;
    else
      runs.push_back({first, length, 1});
    first += length;
  }
  return runs;
}

/// Cuts an axis into the positions at its borders, whose windows leave the input, and tiles of at most `most` positions
/// between them. Less code than `tile_axis` makes, whose tiles at the borders are as long as the others; for tiles that
/// one kernel computes one after another.
inline std::vector<tile_run> tile_between_borders(window_axis const& axis, std::int64_t most) {
  std::int64_t first = 0, end = axis.out;
  while (first < end && axis.position(first, 0) < 0) ++first;
  while (end > first && axis.position(end - 1, axis.kernel - 1) >= axis.in) --end;
  auto const between = end - first;
  if (between < most || first > most || axis.out - end > most) return tile_axis(axis, most);
  std::vector<tile_run> runs;
  if (first > 0) runs.push_back({0, first, 1});
  auto length = most;
  while (between % length != 0) --length;
  if (2 * length > most) {
    runs.push_back({first, length, between / length});
  } else {
    for (auto run : tile_axis({.in = between, .out = between}, most)) run.first += first, runs.push_back(run);
  }
  if (end < axis.out) runs.push_back({end, axis.out - end, 1});
  return runs;
}

/// Cuts the output plane into tiles of at most `most` pixels: parts of one row, or whole rows where several fit.
inline std::vector<tile_class> tile_plane(window2d const& w, std::int64_t most) {
  auto const rows = w.x.out < most ? most / w.x.out : 1;
  std::vector<tile_class> classes;
  for (auto const& y : tile_axis(w.y, rows))
    for (auto const& x : tile_axis(w.x, most)) classes.push_back({y, x});
  return classes;
}

}  // namespace sinter
