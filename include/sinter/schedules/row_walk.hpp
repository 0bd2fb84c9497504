#pragma once

#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Walks along contiguous rows for reductions: 16 lanes at a time on every instruction set, dealt to four chains of
/// accumulators, so that sums have the same bits on all of them.
namespace sinter::detail {

/// Part `part` (of 16 / lanes) of a piece of 16 elements: `count` of them at `offset` bytes; where it lies behind the
/// row's end, count is 0.
struct row_part {
  std::int64_t offset = 0;
  std::int32_t count = 0;
  std::size_t part = 0;
  std::size_t accumulator = 0;  ///< which of `row_walk::accumulators()`
  bool whole = true;            ///< all lanes are elements
};

class row_walk {
 public:
  static constexpr std::int64_t chains = 4;

  row_walk(vector::builder& b, std::int64_t length) : b_(b), length_(length) {}

  std::size_t parts() const { return static_cast<std::size_t>(16 / b_.lanes()); }
  std::size_t accumulators() const { return static_cast<std::size_t>(chains) * parts(); }

  /// Calls visit(row_part) for each part of the row; `streams` advance along it.
  template <typename Visit>
  void run(std::vector<vector::pointer> const& streams, Visit&& visit) const {
    auto const pieces = length_ / 16, turns = pieces / chains;
    std::vector<std::pair<vector::pointer, std::int64_t>> steps;
    for (auto const p : streams) steps.emplace_back(p, chains * 64);
    if (turns > 0)
      b_.loop(turns, steps, [&] {
        for (std::int64_t i = 0; i < chains; ++i) piece(i * 64, i, 16, visit);
      });
    for (auto i = turns * chains; i < pieces; ++i) piece(i * 64, i % chains, 16, visit);
    if (length_ % 16 != 0) piece(pieces * 64, pieces % chains, length_ % 16, visit);
  }

  /// The chains' accumulators folded into one register, the same in all lanes.
  vector::reg fold(std::vector<vector::reg> const& accumulators, vector::opcode two, vector::opcode across) const {
    std::vector<vector::reg> parts_of_row;
    for (std::size_t p = 0; p < parts(); ++p) {
      auto const at = [&](std::size_t chain) { return accumulators[chain * parts() + p]; };
      parts_of_row.push_back(b_.binary(two, b_.binary(two, at(0), at(1)), b_.binary(two, at(2), at(3))));
    }
    auto const both = parts() == 2 ? b_.binary(two, parts_of_row[0], parts_of_row[1]) : parts_of_row[0];
    return b_.unary(across, both);
  }

  /// The greatest element of the row at `p`; a NaN may be lost.
  vector::reg greatest(vector::pointer p) const { return extreme(p, vector::opcode::max); }

 private:
  template <typename Visit>
  void piece(std::int64_t offset, std::int64_t chain, std::int64_t elements, Visit&& visit) const {
    for (std::size_t p = 0; p < parts(); ++p) {
      auto const before = static_cast<std::int64_t>(p) * b_.lanes();
      auto const count = std::clamp<std::int64_t>(elements - before, 0, b_.lanes());
      visit(row_part{.offset = offset + before * 4,
                     .count = static_cast<std::int32_t>(count),
                     .part = p,
                     .accumulator = static_cast<std::size_t>(chain) * parts() + p,
                     .whole = count == b_.lanes()});
    }
  }

  vector::reg extreme(vector::pointer p, vector::opcode two) const {
    // Lanes behind the end, and chains without a piece, repeat elements of the row.
    std::vector<vector::reg> accumulators;
    std::vector<vector::reg> first;
    for (std::size_t part = 0; part < parts(); ++part) {
      auto const before = static_cast<std::int64_t>(part) * b_.lanes();
      first.push_back(repeated(p, before * 4, std::min<std::int64_t>(length_ - before, b_.lanes()), first));
    }
    for (std::int64_t chain = 0; chain < chains; ++chain)
      for (auto const r : first) accumulators.push_back(b_.mov(r));
    std::vector<vector::reg> last;
    run({p}, [&](row_part const& at) {
      auto const a = accumulators[at.accumulator];
      if (at.whole) return b_.binary_to(a, two, a, p.at(at.offset));
      if (at.part == 0) last.clear();
      last.push_back(repeated(p, at.offset, at.count, last));
      b_.binary_to(a, two, a, last.back());
    });
    return fold(accumulators, two, vector::opcode::hmax);
  }

  /// `count` elements, the first one again in the lanes behind them; without any, the first of `earlier`.
  vector::reg repeated(vector::pointer p, std::int64_t offset, std::int64_t count,
                       std::vector<vector::reg> const& earlier) const {
    std::vector<std::int32_t> table(static_cast<std::size_t>(b_.lanes()), 0);
    if (count <= 0) return b_.shuffle(earlier.empty() ? b_.load(p.broadcast(offset - 4)) : earlier[0], table);
    auto const x = b_.load(p.at(offset), static_cast<std::int32_t>(count));
    if (count >= b_.lanes()) return x;
    for (std::int32_t i = 0; i < count; ++i) table[static_cast<std::size_t>(i)] = i;
    return b_.shuffle(x, table);
  }

  vector::builder& b_;
  std::int64_t length_;
};

/// Rows of a task and of the grid, for rows of `length` floats.
inline std::vector<tile_run> row_runs(std::int64_t rows, std::int64_t length) {
  return equal_runs(rows, std::max<std::int64_t>(1, task_bytes / 4 / length));
}

}  // namespace sinter::detail
