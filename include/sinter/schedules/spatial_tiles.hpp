#pragma once

#include <sinter/core/checked.hpp>

#include <array>
#include <cstdint>
#include <vector>

/// Tiles of the output of windowed operators (convolution, pooling) whose pixels touch the border alike, so that one
/// kernel without border tests serves each class of tiles: padded taps are left out of the code.
namespace sinter {

/// One spatial axis of a windowed operator, in elements.
struct window_axis {
  std::int64_t in = 1, out = 1;
  std::int64_t kernel = 1, stride = 1, dilation = 1, pad_begin = 0;

  /// Input position of tap `k` for output position `o`; may lie outside [0, in).
  std::int64_t position(std::int64_t o, std::int64_t k) const { return o * stride + k * dilation - pad_begin; }
  bool inside(std::int64_t o, std::int64_t k) const {
    auto const i = position(o, k);
    return i >= 0 && i < in;
  }
  /// Input positions from the first tap of a position on to the last one of the position `length - 1` behind it.
  std::int64_t inputs(std::int64_t length) const { return (length - 1) * stride + (kernel - 1) * dilation + 1; }
  bool pointwise() const { return kernel == 1 && stride == 1 && pad_begin == 0 && in == out; }
};

struct window2d {
  window_axis y, x;

  /// A pointwise window over a plane is one over a row: tiles need not end with rows.
  window2d flattened() const {
    if (!y.pointwise() || !x.pointwise()) return *this;
    return {.y = {}, .x = {.in = y.in * x.in, .out = y.out * x.out}};
  }
};

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

/// `count` neighbouring kernel positions from `first` on that lie inside the input for the same positions of a tile.
struct tap_group {
  std::int64_t first = 0, count = 1;
  std::vector<bool> inside;  ///< for each position of the tile
};

/// The kernel positions of one axis for a tile, without those that no position of the tile can use.
inline std::vector<tap_group> group_taps(window_axis const& axis, tile_run const& tile) {
  std::vector<tap_group> groups;
  bool joins = false;
  for (std::int64_t k = 0; k < axis.kernel; ++k) {
    std::vector<bool> inside(static_cast<std::size_t>(tile.length));
    bool any = false;
    for (std::int64_t i = 0; i < tile.length; ++i)
      if (axis.inside(tile.first + i, k)) any = inside[static_cast<std::size_t>(i)] = true;
    if (any && joins && groups.back().inside == inside)
      ++groups.back().count;
    else if (any)
      groups.push_back({k, 1, std::move(inside)});
    joins = any;
  }
  return groups;
}

}  // namespace sinter
