#pragma once

#include <sinter/vector/builder.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace sinter::detail {

/// The lanes of two registers of 16 in turn: those of the first halves, those of the second halves.
inline std::pair<vector::reg, vector::reg> interleaved(vector::builder& b, vector::reg first, vector::reg second) {
  std::vector<std::int32_t> swapped, alternating;
  for (std::int32_t i = 0; i < 16; ++i) swapped.push_back((i + 8) % 16), alternating.push_back(i / 2 + i % 2 * 8);
  auto const low = b.halves(first, b.shuffle(second, swapped)), high = b.halves(b.shuffle(first, swapped), second);
  return {b.shuffle(low, alternating), b.shuffle(high, alternating)};
}

/// Pairs of bfloat16 of the lanes of two registers of 16.
inline vector::reg paired_bfloat16(vector::builder& b, vector::reg first, vector::reg second) {
  auto const [low, high] = interleaved(b, first, second);
  return b.pack_bf16(low, high);
}

}  // namespace sinter::detail
