#pragma once

#include <sinter/schedules/contraction_tile.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace sinter::detail {

/// Which results of a tile each of the registers of a pixel holds, of `lanes` lanes.
struct tile_registers {
  contraction_tile const& tile;
  int lanes;

  std::int64_t per_block() const { return channel_block / lanes; }
  std::size_t count() const { return static_cast<std::size_t>(tile.blocks() * per_block()); }
  /// Those that have products: not those without a channel in half a block.
  std::size_t computed() const { return count() - static_cast<std::size_t>(tile.half_tail ? per_block() / 2 : 0); }

  /// Where register `r` lies in values of `element` bytes.
  std::int64_t offset(std::size_t r, std::int64_t block_stride, std::int64_t element = 4) const {
    auto const i = static_cast<std::int64_t>(r);
    return i / per_block() * block_stride + i % per_block() * lanes * element;
  }
  /// Lanes of register `r` that exist in row-major memory; at most 0 when none do.
  std::int32_t lanes_of(std::size_t r) const {
    auto const i = static_cast<std::int64_t>(r);
    if (i / per_block() + 1 < tile.blocks()) return lanes;
    return static_cast<std::int32_t>(std::min<std::int64_t>(lanes, tile.last_lanes - i % per_block() * lanes));
  }
  /// Where the results of register `r` of a pixel lie in y.
  std::int64_t result_at(std::int64_t pixel, std::size_t r) const {
    return pixel / tile.cols * tile.y_row + pixel % tile.cols * tile.y_col + offset(r, tile.y_block, tile.y_element());
  }
  /// Where its weights lie from those of a channel on.
  std::int64_t weight_at(std::size_t r) const {
    auto const i = static_cast<std::int64_t>(r);
    return tile.w_blocks[static_cast<std::size_t>(i / per_block())] + i % per_block() * lanes * tile.w_lane();
  }
};

}  // namespace sinter::detail
