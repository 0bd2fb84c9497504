#pragma once

#include <sinter/schedules/contraction_rows.hpp>
#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/winograd_shape.hpp>

#include <fmt/compile.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// The contractions of a Winograd convolution, one for each point: their weights and their register tile.
namespace sinter {

/// Bytes of the packed weights of one point, and of a group of `interleave` output blocks: [point][channel][block][16].
inline std::int64_t winograd_point_bytes(winograd_shape const& s, std::int64_t interleave) {
  return packed_group_bytes(s.in_channels / s.unit(), interleave, weight_lane(s.factors));
}
inline std::int64_t winograd_group_bytes(winograd_shape const& s, std::int64_t interleave) {
  return checked_mul(s.points(), winograd_point_bytes(s, interleave));
}

/// Where the packed weights of a point and an output block start, in bytes.
inline std::int64_t winograd_weights_at(winograd_shape const& s, std::int64_t point, std::int64_t block,
                                        std::int64_t interleave) {
  return block / interleave * winograd_group_bytes(s, interleave) + point * winograd_point_bytes(s, interleave) +
         block % interleave * channel_block * weight_lane(s.factors);
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
  t.w_channel = interleave * channel_block * weight_lane(s.factors);
  t.factors = s.factors;
  auto const chunks = s.in_channels / channel_block, rest = s.in_channels % channel_block / s.unit();
  auto const channels = channel_block / s.unit();
  if (chunks > 0) t.sections.push_back({.chunks = chunks, .channels = channels, .x_chunk = v.block});
  if (rest > 0)
    t.sections.push_back({.channels = rest, .x_offset = chunks * v.block, .w_offset = chunks * channels * t.w_channel});
  for (auto b = block; b < block + blocks; ++b)
    t.w_blocks.push_back(winograd_weights_at(s, 0, b, interleave) - winograd_weights_at(s, 0, block, interleave));
  t.y_col = m.tile;
  t.y_block = m.block;
  return t;
}

/// The contractions of `tiles` tiles by register tiles of at most `most`, whose blocks are those from `block` on of a
/// group. Weights are read once a chunk, from beyond the second-level cache. Several register tiles that read the
/// weights of a point fetch those of the next one by the way, each as much; a single one fetches its own.
inline contraction_rows winograd_contractions(winograd_shape const& s, winograd_planes const& v,
                                              winograd_planes const& m, std::int64_t tiles,
                                              winograd_register_tile const& most, std::int64_t block,
                                              std::int64_t interleave) {
  contraction_rows all{.tile = winograd_contraction(s, v, m, tiles, block, most.blocks, interleave),
                       .runs = equal_runs(tiles, most.tiles)};
  auto const point = winograd_point_bytes(s, interleave);
  if (all.tiles() == 1) {
    all.tile.w_prefetch = 8192;
  } else {
    all.next_at = point + block * point / interleave;
    all.next_weights = most.blocks * point / interleave;
  }
  return all;
}

}  // namespace sinter
