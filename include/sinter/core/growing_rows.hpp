#pragma once

#include <cstddef>
#include <cstring>

namespace sinter {

/// How a tensor that grows along an axis lies in memory: for each index of the axes before that, its rows one behind
/// the other, and behind them room up to a capacity. Part of generated programs.
struct growing_rows {
  std::size_t lines = 1;      ///< indices of the axes before
  std::size_t row_bytes = 0;  ///< of one row in one line

  constexpr std::size_t bytes(std::size_t rows) const noexcept { return lines * rows * row_bytes; }

  /// Copies `length` rows from memory for `capacity` of them to `dense`, which has no room.
  void save(std::byte const* memory, std::size_t length, std::size_t capacity, std::byte* dense) const noexcept {
    auto const used = length * row_bytes, pitch = capacity * row_bytes;
    for (std::size_t line = 0; line < lines && used > 0; ++line)
      std::memcpy(dense + line * used, memory + line * pitch, used);
  }
  /// The other way, with zeros behind the rows.
  void restore(std::byte* memory, std::size_t length, std::size_t capacity, std::byte const* dense) const noexcept {
    auto const used = length * row_bytes, pitch = capacity * row_bytes;
    for (std::size_t line = 0; line < lines; ++line) {
      if (used > 0) std::memcpy(memory + line * pitch, dense + line * used, used);
      std::memset(memory + line * pitch + used, 0, pitch - used);
    }
  }
  /// Lays `length` rows out for a larger capacity, the last ones first, with zeros behind them.
  void widen(std::byte* memory, std::size_t length, std::size_t capacity, std::size_t larger) const noexcept {
    auto const used = length * row_bytes, from = capacity * row_bytes, to = larger * row_bytes;
    for (auto line = lines; line-- > 0;) {
      std::memmove(memory + line * to, memory + line * from, used);
      std::memset(memory + line * to + used, 0, to - used);
    }
  }
};

}  // namespace sinter
