#pragma once

#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Products of bfloat16 or of 8-bit integers by tiles (AMX), for matrix products and convolutions: lines of rows
/// (pixels), several times, times a few blocks of 16 columns (output channels), all of the reduction in tiles, then the
/// epilogue.
///
///     for so many times, for 2 blocks, or 4 where the rows are 16 at most:
///       for 32 rows of those from the first line to the last:
///         sums = 0
///         for chunk of channels, tap: sums += rows of x · packed weights
///         scratch = sums
///       for line, row of it: y = epilogue(scratch + bias, extras…)           (of one line: at once for the 32 rows)
///
/// Rows between two lines are multiplied for nothing: a tile takes as long whatever it holds, and windows on a plane
/// fill tiles where their lines are short. The last rows of many are a whole tile or two, and some are done twice.
///
/// Integers of x have no sign; sums of them are int32, and are requantised in place of the epilogue, or become float32
/// for it (`quantized_tile`).
/// One call does much, since it configures the tiles and releases them (emit/x86/tiles.hpp).
namespace sinter {

inline constexpr std::int64_t tile_rows = 16;                                        ///< of a tile
inline constexpr std::int64_t tile_depth = 32;                                       ///< bfloat16 in a row of a tile
inline constexpr std::int64_t byte_tile_depth = 64;                                  ///< integers in a row of a tile
inline constexpr std::int64_t most_tile_taps = 64;                                   ///< of a window: each is code
inline constexpr std::int64_t tile_product_rows = 2 * tile_rows;                     ///< at once
inline constexpr std::int64_t most_tile_product_rows = 4 * tile_product_rows;        ///< of all lines
inline constexpr std::int64_t tile_sums_scratch = 4 * tile_rows * 64;                ///< bytes: four tiles of sums
inline constexpr std::int64_t tile_lines_scratch = most_tile_product_rows * 2 * 64;  ///< bytes: those of two blocks

/// Whether `machine` multiplies tiles.
inline bool multiplies_tiles(target const& machine) { return machine.has(feature::amx) && machine.lanes() == 16; }

/// Everything that decides the code of such a product. Distances are in bytes.
struct tile_product {
  std::string name{};
  std::int64_t rows = 0;                   ///< of a line
  std::int64_t lines = 1, line_pitch = 0;  ///< rows from the first of a line to that of the next
  std::int64_t times = 1, x_time = 0;      ///< so many times, from one to the next
  std::int64_t x_row = 0;                  ///< between rows
  bool x_once = false;                     ///< the nearest cache keeps weights, rather than rows
  std::int32_t x_alignment = 4;
  std::int64_t chunks = 1, x_chunk = 64;  ///< of channels that lie side by side and fill a row of a tile
  std::vector<std::int64_t> taps{0};      ///< where the rows of each begin
  std::int64_t w_row = 0;   ///< between pairs or fours of channels of weights, which lie chunk by chunk, tap by tap
  std::int64_t blocks = 0;  ///< of columns
  std::int64_t w_block = 64;
  std::int64_t w_next = 0;  ///< from the weights to those that are wanted next and fetched by the way; 0: none are
  std::int64_t y_row = 0, y_block = 64;
  std::int64_t y_time = 0;       ///< from the results of one time to those of the next; 0: they follow
  std::int32_t last_lanes = 16;  ///< columns of the last block that exist in y
  bool bias = false;
  epilogue_code epilogue{};
  std::optional<quantized_tile> quantized{};  ///< of integers
  /// Whether y, and extras like it, are rounded to bfloat16: each two blocks side by side, 2 * y_block before the next.
  bool rounds = false;

  /// Whether sums become integers.
  bool requantizes() const { return quantized && !quantized->reals; }
  /// Bytes of an element of y.
  std::int64_t y_element() const { return requantizes() ? 1 : rounds ? 2 : 4; }
  /// Where block `k` of y begins.
  std::int64_t y_at(std::int64_t k) const { return rounds ? k / 2 * 2 * y_block + k % 2 * 32 : k * y_block; }
  std::int64_t y_next() const { return y_time == 0 ? lines * rows * y_row : y_time; }
  std::int64_t steps() const { return chunks * std::ssize(taps); }
  /// Rows that are multiplied each time: all lines, and what lies between them.
  std::int64_t all_rows() const { return (lines - 1) * line_pitch + rows; }
  /// Blocks at a time: the sums of all fill four tiles.
  std::int64_t blocks_at_once() const { return std::min<std::int64_t>(blocks, all_rows() <= tile_rows ? 4 : 2); }
  /// Bytes of weights that all rows are multiplied with in turn.
  std::int64_t w_turn() const { return steps() * w_step() * blocks_at_once(); }
  std::int64_t w_step() const { return tile_rows * w_row; }
  /// Lines of the next weights that each step fetches, all steps of the first blocks together all of them.
  std::int64_t lines_ahead() const {
    if (w_next == 0) return 0;
    return ceil_div(w_next / 64, steps() * times * ceil_div(all_rows(), tile_product_rows));
  }

  // Bytes that it reaches from its operands' pointers on.
  std::int64_t x_bytes() const {
    auto const last = (times - 1) * x_time + (all_rows() - 1) * x_row + (chunks - 1) * x_chunk;
    return round_up(last + std::ranges::max(taps) + 64, 4);
  }
  std::int64_t w_bytes() const { return steps() * w_step() - w_row + (blocks - 1) * w_block + 64; }
  std::int64_t y_bytes() const {
    return (times - 1) * y_next() + (lines * rows - 1) * y_row + y_at(blocks - 1) + last_lanes * y_element();
  }
  std::int64_t scratch_bytes() const {
    return (lines == 1 ? std::min(rows, tile_product_rows) : all_rows()) * blocks_at_once() * 64;
  }

  std::string key(target const& machine) const {
    vector::recipe_key all("tile_product", machine);
    all.add(rows)
        .add(lines)
        .add(line_pitch)
        .add(times)
        .add(x_time)
        .add(x_row)
        .add(x_once)
        .add(x_alignment)
        .add(chunks)
        .add(x_chunk)
        .add_all(taps);
    all.add(w_row)
        .add(blocks)
        .add(w_block)
        .add(w_next)
        .add(y_row)
        .add(y_block)
        .add(y_time)
        .add(last_lanes)
        .add(bias)
        .add(rounds);
    epilogue.add_to(all);
    add_quantized(all, quantized);
    return all.take();
  }
};

/// How many of `most` times one call should do it, to be worth its configuration of tiles.
inline std::int64_t tile_product_times(tile_product const& p, std::int64_t most) {
  constexpr std::int64_t worth = 64;  // steps, each of 32 rows for two blocks
  auto const each = p.steps() * ceil_div(p.blocks, 2) * ceil_div(p.all_rows(), tile_product_rows);
  return std::clamp<std::int64_t>(worth / each, 1, most);
}

/// What products cost that are `products` of float32, for `rows` rows; tiles that few rows fill take as long.
inline double tile_product_cost(double products, std::int64_t rows) {
  return products / 8 * static_cast<double>(round_up(rows, tile_rows)) / static_cast<double>(rows);
}

}  // namespace sinter
