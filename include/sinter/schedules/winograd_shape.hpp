#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/schedules/contraction.hpp>
#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/spatial_tiles.hpp>
#include <sinter/schedules/tasks.hpp>

#include <fmt/compile.h>

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

  std::int64_t alpha() const { return m + 2; }
  std::int64_t points() const { return alpha() * alpha(); }
  std::int64_t in_blocks() const { return ceil_div(in_channels, channel_block); }
  std::int64_t out_blocks() const { return ceil_div(out_channels, channel_block); }
  std::int64_t tile_rows() const { return ceil_div(window.y.out, m); }
  std::int64_t row_tiles() const { return ceil_div(window.x.out, m); }
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

  std::int64_t bytes(std::int64_t points) const { return checked_mul(points, point); }
  void add_to(vector::recipe_key& key) const { key.add(point).add(block).add(tile); }
};

/// [point][block][tile][16]. A cache line more between points where their tiles would share the sets of the caches.
inline winograd_planes planes_of_winograd(std::int64_t blocks, std::int64_t tiles) {
  winograd_planes p;
  p.block = checked_mul(tiles, p.tile);
  p.point = checked_mul(blocks, p.block);
  if (p.point % 512 == 0) p.point += p.tile;
  return p;
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

/// Bytes of the packed weights of one point, and of a group of `interleave` output blocks: [point][channel][block][16].
inline std::int64_t winograd_point_bytes(winograd_shape const& s, std::int64_t interleave) {
  return packed_group_bytes(s.in_channels, interleave);
}
inline std::int64_t winograd_group_bytes(winograd_shape const& s, std::int64_t interleave) {
  return checked_mul(s.points(), winograd_point_bytes(s, interleave));
}

/// Where the packed weights of a point and an output block start, in bytes.
inline std::int64_t winograd_weights_at(winograd_shape const& s, std::int64_t point, std::int64_t block,
                                        std::int64_t interleave) {
  return block / interleave * winograd_group_bytes(s, interleave) + point * winograd_point_bytes(s, interleave) +
         block % interleave * channel_block * 4;
}

/// Tiles and output blocks of a register tile of the contraction; few tiles leave registers for more blocks.
struct winograd_register_tile {
  std::int64_t tiles = 1, blocks = 1;
};

inline winograd_register_tile register_tile_of_winograd(std::int64_t tiles, std::int64_t blocks,
                                                        target const& machine) {
  bool const wide = machine.registers() == 32;
  if (blocks == 1) return {wide ? 24 : 6, 1};
  if (wide)
    return tiles == 1   ? winograd_register_tile{1, 8}
           : tiles <= 6 ? winograd_register_tile{6, 4}
                        : winograd_register_tile{14, 2};
  return tiles == 1   ? winograd_register_tile{1, 4}
         : tiles <= 2 ? winograd_register_tile{2, 2}
                      : winograd_register_tile{6, 1};
}

/// The contraction of `tiles` neighbouring tiles with `blocks` output blocks at one point. `block` is where the first
/// of them stands in its group of `interleave` packed blocks. x is the first tile in V, w its block's weights of the
/// point, y the first tile and block in M.
inline contraction_tile winograd_contraction(winograd_shape const& s, winograd_planes const& v,
                                             winograd_planes const& m, std::int64_t tiles, std::int64_t block,
                                             std::int64_t blocks, std::int64_t interleave) {
  contraction_tile t{.name = fmt::format(FMT_COMPILE("winograd{}_{}x{}"), s.m, tiles, blocks)};
  t.cols = tiles;
  t.x_col = v.tile;
  t.taps_y = {{.inside = {true}}};
  t.taps_x = {{.inside = std::vector<bool>(static_cast<std::size_t>(tiles), true)}};
  t.w_channel = interleave * channel_block * 4;
  auto const chunks = s.in_channels / channel_block, rest = s.in_channels % channel_block;
  if (chunks > 0) t.sections.push_back({.chunks = chunks, .channels = channel_block, .x_chunk = v.block});
  if (rest > 0)
    t.sections.push_back(
        {.channels = rest, .x_offset = chunks * v.block, .w_offset = chunks * channel_block * t.w_channel});
  for (auto b = block; b < block + blocks; ++b)
    t.w_blocks.push_back(winograd_weights_at(s, 0, b, interleave) - winograd_weights_at(s, 0, block, interleave));
  t.w_prefetch = 8192;  // weights are read once a chunk, from beyond the second-level cache
  t.y_col = m.tile;
  t.y_block = m.block;
  return t;
}

}  // namespace sinter
