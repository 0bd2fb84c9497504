#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/spatial_tiles.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// A 3x3 convolution of stride 1 by F(m x m, 3x3): the output in tiles of m x m, the input in tiles of alpha x alpha
/// that overlap by 2.
///
///     for chunk of tiles:
///       V[point][block][tile] = B^T d B                    input transform, for each tile and input block
///       M[point][block][tile] = U[point] V[point]          a contraction for each of the alpha^2 points
///       y = epilogue(A^T M A + bias)                       output transform, for each tile and output block
namespace sinter {

/// Geometry of a convolution by F(m x m, 3x3). The window's kernel is 3x3, its stride and dilation are 1.
struct winograd_shape {
  window2d window{};
  std::int64_t in_channels = 1, out_channels = 1;
  std::int64_t m = 4;
  /// Pairs: V and U are bfloat16 (bfloat16_pairs.hpp), with an even number of channels; else U may have 16 bits.
  tile_factors factors = tile_factors::own;
  bool filters = false;  ///< U is made when it is used (winograd_filter.hpp)

  bool pairs() const { return factors == tile_factors::pairs; }
  std::int64_t alpha() const { return m + 2; }
  std::int64_t points() const { return alpha() * alpha(); }
  std::int64_t in_blocks() const { return ceil_div(in_channels, channel_block); }
  std::int64_t out_blocks() const { return ceil_div(out_channels, channel_block); }
  /// Input channels that a step of the contraction multiplies.
  std::int64_t unit() const { return pairs() ? 2 : 1; }
  std::int64_t tile_rows() const { return ceil_div(window.y.out, m); }
  std::int64_t row_tiles() const { return ceil_div(window.x.out, m); }
  std::int64_t tiles() const { return checked_mul(tile_rows(), row_tiles()); }
};

/// Whether the transforms can do a window: 3x3, stride and dilation 1, and at most two positions of padding, so that
/// each tile reads some of the input.
inline bool is_winograd_window(window2d const& w) {
  auto const fits = [](window_axis const& a) {
    auto const pad_end = a.out + 2 - a.in - a.pad_begin;
    return a.kernel == 3 && a.stride == 1 && a.dilation == 1 && a.pad_begin >= 0 && a.pad_begin <= 2 && pad_end <= 2;
  };
  return fits(w.y) && fits(w.x);
}

/// Where V or M of a chunk of tiles lies: bytes between points, blocks of channels and tiles.
struct winograd_planes {
  std::int64_t point = 0, block = 0, tile = channel_block * 4;

  /// Whether they are bfloat16.
  bool pairs() const { return tile == channel_block * 2; }
  std::int64_t bytes(std::int64_t points) const { return checked_mul(points, point); }
  void add_to(vector::recipe_key& key) const { key.add(point).add(block).add(tile); }
};

/// [point][block][tile][16]. A cache line more between points where their tiles would share the sets of the caches.
inline winograd_planes planes_of_winograd(std::int64_t blocks, std::int64_t tiles, bool pairs = false) {
  winograd_planes p;
  if (pairs) p.tile = channel_block * 2;
  p.block = checked_mul(tiles, p.tile);
  p.point = checked_mul(blocks, p.block);
  if (p.point % 512 == 0) p.point += 64;
  return p;
}
inline winograd_planes planes_of_v(winograd_shape const& s, std::int64_t tiles) {
  return planes_of_winograd(s.in_blocks(), tiles, s.pairs());
}

/// The tiles of a spatial axis as windows on the input, and as windows on the output. `tile_axis` of both cuts alike,
/// and joins runs of tiles that have the same positions inside.
inline window_axis winograd_input_axis(window_axis const& a, std::int64_t m) {
  return {.in = a.in, .out = ceil_div(a.out, m), .kernel = m + 2, .stride = m, .pad_begin = a.pad_begin};
}
inline window_axis winograd_output_axis(window_axis const& a, std::int64_t m) {
  return {.in = a.out, .out = ceil_div(a.out, m), .kernel = m, .stride = m};
}

/// The positions inside of `run.length` neighbouring windows from `run.first` on.
struct winograd_part {
  std::int64_t at = 0;     ///< the first of them
  std::int64_t first = 0;  ///< positions of the windows before it
  std::int64_t count = 1;
};

inline winograd_part winograd_part_inside(window_axis const& axis, tile_run const& run) {
  auto const begin = axis.position(run.first, 0), end = axis.position(run.first + run.length - 1, axis.kernel - 1) + 1;
  auto const at = std::max<std::int64_t>(0, begin);
  return {.at = at, .first = at - begin, .count = std::min(axis.in, end) - at};
}

}  // namespace sinter
