#pragma once

#include <sinter/core/float16.hpp>

#include <cstdint>

/// Products of tiles, registers of up to 16 rows of up to 64 bytes, as AMX defines them.
namespace sinter {

inline constexpr int most_tile_rows = 16;
inline constexpr int most_tile_bytes = 64;  ///< of a row

/// The rows of a tile in words of 32 bits.
struct tile_words {
  std::uint32_t at[most_tile_rows][most_tile_bytes / 4];
};

/// c + a · b, a being of `rows` x `depth` words, b of `depth` x `columns`.
struct tile_extents {
  int rows = 0, depth = 0, columns = 0;
};

/// Of words that are pairs of bfloat16, b's being those of two rows; c is float32. As `tdpbf16ps` adds them: products
/// of low halves one after another to a sum that begins with zero, those of high halves to another, each rounded once;
/// then the one sum to the other, and both to c. Subnormal numbers count as zeros and become zeros.
inline void add_bfloat16_tiles(tile_words& c, tile_words const& a, tile_words const& b, tile_extents const& e) {
  auto const number = [](std::uint32_t bits) { return without_subnormals(std::bit_cast<float>(bits)); };
  auto const add = [&](float sum, std::uint32_t x, std::uint32_t y) {
    return without_subnormals(std::fma(number(x), number(y), sum));
  };
  for (int row = 0; row < e.rows; ++row)
    for (int column = 0; column < e.columns; ++column) {
      float low = 0, high = 0;
      for (int k = 0; k < e.depth; ++k) {
        auto const x = a.at[row][k], y = b.at[k][column];
        low = add(low, x << 16, y << 16);
        high = add(high, x & 0xffff0000u, y & 0xffff0000u);
      }
      auto const sum = without_subnormals(low + high);
      auto& to = c.at[row][column];
      to = std::bit_cast<std::uint32_t>(without_subnormals(number(to) + sum));
    }
}

/// Of words that are four bytes, those of a without a sign, b's being those of four rows; c is int32, modulo 2^32.
inline void add_byte_tiles(tile_words& c, tile_words const& a, tile_words const& b, tile_extents const& e) {
  for (int row = 0; row < e.rows; ++row)
    for (int column = 0; column < e.columns; ++column)
      for (int k = 0; k < e.depth; ++k)
        for (int shift = 0; shift < 32; shift += 8) {
          std::int32_t const y = static_cast<std::int8_t>(b.at[k][column] >> shift & 0xff);
          c.at[row][column] += (a.at[row][k] >> shift & 0xff) * static_cast<std::uint32_t>(y);
        }
}

}  // namespace sinter
