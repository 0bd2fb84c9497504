#pragma once

#include <sinter/core/checked.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sinter::detail {

/// Tiles of `blocks` blocks of channels or columns each, `step` blocks apart: `count` of them from `first` on.
struct block_run {
  std::int64_t first, count, step, blocks;
};

/// Cuts `blocks` into runs of tiles of at most `wide`, whose weights, packed in groups of `interleave` blocks, are
/// equally far apart; a last block that is partly filled is in the last run.
inline std::vector<block_run> block_runs(std::int64_t blocks, std::int64_t wide, std::int64_t interleave,
                                         bool partial) {
  std::vector<block_run> runs;
  auto const alike = partial ? blocks - 1 : blocks;
  if (wide == 1) {
    for (std::int64_t first = 0; first < std::min(alike, interleave); ++first)
      runs.push_back({first, ceil_div(alike - first, interleave), interleave, 1});
  } else if (alike >= wide) {
    runs.push_back({0, alike / wide, wide, wide});
  }
  auto const done = alike / wide * wide;
  if (done < blocks) runs.push_back({done, 1, wide, blocks - done});
  return runs;
}

}  // namespace sinter::detail
