#pragma once

#include <sinter/schedules/epilogue.hpp>
#include <sinter/schedules/taps.hpp>
#include <sinter/vector/recipe.hpp>
#include <sinter/vector/verify.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What decides the code of a register tile of convolution or matrix product: see contraction.hpp.
namespace sinter {

/// Bytes that one prefetch brings into the caches.
inline constexpr std::int64_t cache_line = 64;

/// A run of input channels that are packed alike: `chunks` times `channels`.
struct reduction_section {
  std::int64_t chunks = 1, channels = 1;
  std::int64_t x_offset = 0, x_chunk = 0;  ///< bytes: of the first chunk, between chunks
  std::int64_t w_offset = 0;               ///< bytes
};

/// What is added to the results of a tile of 8-bit integers: other ones, extra operand 0, with another step.
struct quantized_addend {
  bool is_signed = false;                          ///< int8, else uint8
  float zero_point = 0;                            ///< of the addend
  float step = 1, product_step = 1, sum_step = 1;  ///< scales: of the addend, the product, the sum
  float least = 0, greatest = 0;                   ///< of the product, less its zero point
};

/// What a tile of 8-bit integers has in place of an epilogue. Four channels are what one is of floats: they lie side by
/// side in the input, and in the weights for each output channel. Sums are int32, and become
/// clamp(round(sum · scale) + zero point), half to even, or with an addend what quantized.hpp says; or, with `reals`,
/// float32 for an epilogue, after they have lost the input's zero point, which is an operand, times the sums of the
/// weights of each output; or, with `sums`, stay what they are.
struct quantized_tile {
  bool reals = false;
  bool sums = false;            ///< results are the sums, int32
  bool words = false;           ///< the input and the weights are words of 16 bits (widened_bytes.hpp)
  bool is_signed = false;       ///< the input is int8, else uint8
  std::uint8_t outside = 0;     ///< what the padding reads, as uint8: it adds 128 to an int8
  bool signed_result = false;   ///< int8, else uint8
  bool large = false;           ///< sum · scale may leave int32
  std::int32_t zero_point = 0;  ///< of the result
  std::int32_t least = 0, greatest = 255;
  std::optional<quantized_addend> addend{};  ///< then the result is the sum

  /// What memory holds of the addend, if there is one.
  vector::element addend_element() const {
    using enum vector::element;
    return !addend ? f32 : addend->is_signed ? s8 : u8;
  }
};

/// Whether products of 8-bit integers are those of words on `machine`: x86-64 without an instruction for them.
constexpr bool multiplies_words(target const& machine) {
  return machine.device() == device_kind::x86_64 && !machine.adds_byte_products(machine.lanes());
}

/// Products of 8-bit integers in the time of one of float32.
constexpr double byte_products_at_once(target const& machine) { return multiplies_words(machine) ? 1.75 : 4; }

/// Pixels of a tile with so many blocks of 16 sums of integers, and blocks for so many pixels: what registers allow
/// with those that products need besides.
inline std::int64_t quantized_pixels(std::int64_t blocks, target const& machine) {
  bool const words = multiplies_words(machine);
  if (machine.registers() < 32) return blocks == 1 ? (words ? 6 : 5) : blocks == 2 ? 2 : 1;
  return blocks <= 2 ? (words ? 14 : 12) : blocks <= 4 ? (words ? 6 : 5) : 1;
}
inline std::int64_t quantized_blocks(std::int64_t pixels, target const& machine) {
  if (machine.registers() < 32) return pixels == 1 ? 4 : pixels == 2 ? 2 : 1;
  return pixels == 1 ? 8 : pixels <= quantized_pixels(4, machine) ? 4 : 2;
}

/// What is multiplied.
enum class tile_factors : std::uint8_t {
  own,               ///< float32, or 8-bit integers (`contraction_tile::quantized`)
  pairs,             ///< bfloat16: two channels, which lie side by side in input and weights, are what one is of floats
  bfloat16_weights,  ///< float32, and weights of bfloat16
  float16_weights    ///< float32, and weights of float16
};

/// Whether weights of 16 bits are widened as they are loaded.
constexpr bool widens_weights(tile_factors f) {
  return f == tile_factors::bfloat16_weights || f == tile_factors::float16_weights;
}
/// Bytes of a lane of weights.
constexpr std::int64_t weight_lane(tile_factors f) { return widens_weights(f) ? 2 : 4; }

/// Everything that decides the code of a tile. Distances are in bytes.
struct contraction_tile {
  std::string name{};
  std::int64_t rows = 1, cols = 1;            ///< pixels
  std::int64_t x_origin = 0;                  ///< of pixel (0,0), tap (0,0); may be negative where it is padding
  std::int64_t x_row = 0, x_col = 0;          ///< between pixels of the input
  std::int64_t x_tap_row = 0, x_tap_col = 0;  ///< between taps in the input
  std::int64_t x_channel = 4;                 ///< between channels of a chunk
  std::vector<tap_group> taps_y{}, taps_x{};
  std::int64_t kernel_rows = 1, kernel_cols = 1;
  std::vector<reduction_section> sections{};
  std::int64_t w_channel = 64;           ///< between channels of the weights
  std::vector<std::int64_t> w_blocks{};  ///< of each block of 16 output channels
  std::int64_t w_prefetch = 0;           ///< how far ahead weights are fetched into the caches; 0: they are not
  std::int64_t w_ahead = 0;              ///< bytes of weights for later tiles that are fetched besides
  std::int64_t w_ahead_at = 0;  ///< they lie so far behind the last operand, `ahead`; 0: there is no such operand
  std::int64_t y_row = 0, y_col = 0, y_block = 64;
  std::int32_t last_lanes = 16;  ///< output channels of the last block that exist in y
  bool dense_weights = true;     ///< weights are padded to whole blocks
  /// The last block has at most 8 output channels, whose weights are there twice (pack_weights.hpp): 16 lanes hold the
  /// sums of two pixels, and of registers with 8 lanes one is computed.
  bool half_tail = false;
  bool bias = false;
  bool resumes = false;  ///< sums go on from what y holds
  epilogue_code epilogue{};
  std::optional<quantized_tile> quantized{};  ///< its operands are those of integers
  tile_factors factors = tile_factors::own;

  /// Whether taps in the padding have products.
  bool padding_counts() const { return quantized && quantized->outside != 0; }
  /// Bytes of a lane of weights.
  std::int64_t w_lane() const { return weight_lane(factors); }
  /// Bytes of an element of y.
  std::int64_t y_element() const { return quantized && !quantized->reals && !quantized->sums ? 1 : 4; }
  std::int64_t blocks() const { return static_cast<std::int64_t>(w_blocks.size()); }
  std::int64_t pixels() const { return rows * cols; }
  std::int64_t tap_bytes(reduction_section const& s) const { return s.channels * w_channel; }

  // Bytes that the tile reaches from its operands' pointers on.
  std::int64_t x_bytes() const;
  std::int64_t w_bytes() const;
  std::int64_t y_bytes() const {
    return (rows - 1) * y_row + (cols - 1) * y_col + (blocks() - 1) * y_block + y_element() * last_lanes;
  }
  /// Of an operand that has a value for each output channel.
  std::int64_t channel_bytes() const { return (blocks() - 1) * 64 + std::int64_t{4} * last_lanes; }
};

namespace detail {

inline std::int64_t furthest_tap(std::vector<tap_group> const& taps, std::int64_t pixel_step, std::int64_t tap_step) {
  std::int64_t most = 0;
  for (auto const& group : taps)
    for (std::size_t i = 0; i < group.inside.size(); ++i)
      if (group.inside[i])
        most = std::max(most, static_cast<std::int64_t>(i) * pixel_step + (group.first + group.count - 1) * tap_step);
  return most;
}

}  // namespace detail

inline std::int64_t contraction_tile::x_bytes() const {
  std::int64_t reduction = 0;
  for (auto const& s : sections)
    reduction = std::max(reduction, s.x_offset + (s.chunks - 1) * s.x_chunk + (s.channels - 1) * x_channel);
  return x_origin + detail::furthest_tap(taps_y, x_row, x_tap_row) + detail::furthest_tap(taps_x, x_col, x_tap_col) +
         reduction + 4;
}

inline std::int64_t contraction_tile::w_bytes() const {
  std::int64_t reduction = 0;
  for (auto const& s : sections)
    reduction = std::max(reduction, s.w_offset + (s.chunks * kernel_rows * kernel_cols * s.channels - 1) * w_channel);
  return reduction + w_blocks.back() + (dense_weights ? channel_block : last_lanes) * w_lane();
}

/// Instructions for one channel and tap of a tile, about.
inline std::int64_t contraction_instructions(std::int64_t pixels, std::int64_t registers) {
  return pixels + registers * (1 + pixels);
}

inline constexpr std::int64_t most_channels_a_turn = 16;

/// Channels in a loop body: enough to hide the loop, little enough for the instruction cache and a quick emission.
/// `instructions` are those of a channel and tap.
inline std::int64_t channels_a_turn(contraction_tile const& t, std::int64_t channels, std::int64_t instructions) {
  auto unroll = most_channels_a_turn;
  while (unroll > 1 && unroll * instructions > 200) unroll /= 2;
  unroll = std::min(unroll, channels);
  bool const is_loop = channels / unroll > 1;
  auto const body = channels * instructions * taps_in_a_row(t.taps_y, t.taps_x);
  return !is_loop && channels > 1 && body > vector::longest_innermost_body ? channels / 2 : unroll;
}

/// The sections as loops over chunks. Chunks of one channel, planes of what is left of a block, are sections of their
/// own where all taps in a row are too long for a loop's body.
inline std::vector<reduction_section> looped_sections(contraction_tile const& t, std::int64_t instructions) {
  bool const is_long = instructions * taps_in_a_row(t.taps_y, t.taps_x) > vector::longest_innermost_body;
  std::vector<reduction_section> all;
  for (auto const& s : t.sections) {
    if (!is_long || s.channels > 1) {
      all.push_back(s);
      continue;
    }
    auto const chunk_bytes = t.kernel_rows * t.kernel_cols * t.tap_bytes(s);
    for (std::int64_t i = 0; i < s.chunks; ++i)
      all.push_back({.x_offset = s.x_offset + i * s.x_chunk, .w_offset = s.w_offset + i * chunk_bytes});
  }
  return all;
}

/// Cache lines of the weights for later tiles that each turn of such a loop fetches.
inline std::int64_t lines_a_turn(contraction_tile const& t, std::int64_t instructions) {
  std::int64_t turns = 0;
  for (auto const& s : t.sections) turns += s.chunks * (s.channels / channels_a_turn(t, s.channels, instructions));
  turns *= count_taps(t.taps_y) * count_taps(t.taps_x);
  return turns > 0 ? ceil_div(t.w_ahead, turns * cache_line) : 0;
}

/// What decides the code of a tile of integers, or that it is none.
inline void add_quantized(vector::recipe_key& key, std::optional<quantized_tile> const& tile) {
  key.add(tile.has_value());
  if (!tile) return;
  auto const& [reals, sums, words, is_signed, outside, signed_result, large, zero_point, least, greatest, addend] =
      *tile;
  key.add(reals)
      .add(sums)
      .add(words)
      .add(is_signed)
      .add(outside)
      .add(signed_result)
      .add(large)
      .add(zero_point)
      .add(least)
      .add(greatest)
      .add(addend.has_value());
  if (!addend) return;
  auto const& [signed_addend, addend_zero, step, product_step, sum_step, lowest, highest] = *addend;
  key.add(signed_addend).add(addend_zero).add(step).add(product_step).add(sum_step).add(lowest).add(highest);
}

/// All of a tile but its name.
inline std::string key_of(contraction_tile const& tile, target const& machine) {
  vector::recipe_key key("contraction", machine);
  auto const add_taps = [](vector::recipe_key& k, tap_group const& taps) {
    auto const& [first, count, inside] = taps;
    k.add(first).add(count).add_all(inside);
  };
  auto const add_section = [](vector::recipe_key& k, reduction_section const& section) {
    auto const& [chunks, channels, x_offset, x_chunk, w_offset] = section;
    k.add(chunks).add(channels).add(x_offset).add(x_chunk).add(w_offset);
  };
  auto const& [name, rows, cols, x_origin, x_row, x_col, x_tap_row, x_tap_col, x_channel, taps_y, taps_x, kernel_rows,
               kernel_cols, sections, w_channel, w_blocks, w_prefetch, w_ahead, w_ahead_at, y_row, y_col, y_block,
               last_lanes, dense_weights, half_tail, bias, resumes, epilogue, quantized, factors] = tile;
  key.add(rows).add(cols).add(x_origin).add(x_row).add(x_col).add(x_tap_row).add(x_tap_col);
  key.add(x_channel).add_all(taps_y, add_taps).add_all(taps_x, add_taps).add(kernel_rows).add(kernel_cols);
  key.add_all(sections, add_section)
      .add(w_channel)
      .add_all(w_blocks)
      .add(w_prefetch)
      .add(w_ahead)
      .add(w_ahead_at)
      .add(y_row)
      .add(y_col)
      .add(y_block);
  key.add(last_lanes).add(dense_weights).add(half_tail).add(bias).add(resumes).add(factors);
  epilogue.add_to(key);
  add_quantized(key, quantized);
  return key.take();
}

}  // namespace sinter
