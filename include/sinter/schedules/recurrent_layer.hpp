#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/program/address.hpp>
#include <sinter/schedules/recurrent_cell.hpp>
#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

/// What the kernel of a recurrent layer computes: its cell, sizes, and where its operands lie.
namespace sinter::detail {

/// An operand of the layer in memory: where the first step and the first of the kernel's sequences lie for the task.
struct layer_operand {
  address from{};
  std::int64_t step = 0;  ///< bytes between steps
  std::int64_t row = 0;   ///< bytes between sequences
};

/// One direction of a layer for `rows` sequences.
struct recurrent_layer {
  std::vector<cell_pass> passes{};
  std::int64_t gates = 1;  ///< of the model
  std::int64_t steps = 1, rows = 1, hidden = 1;
  bool backwards = false;
  layer_operand projection{};
  std::vector<address> weights{};  ///< for each pass
  std::optional<address> state_bias{}, peephole{};
  std::optional<layer_operand> first_hidden{}, first_cell{}, y{}, last_hidden{}, last_cell{};

  std::int64_t blocks() const { return ceil_div(hidden, channel_block); }
  /// Bytes of one value for each unit, whole blocks.
  std::int64_t units_bytes() const { return blocks() * channel_block * 4; }
  /// Factors that a sum runs over: at least two, the second one then being zero, so that it is a loop.
  std::int64_t depth() const { return std::max<std::int64_t>(hidden, 2); }
  std::int64_t scratch_bytes() const {
    return checked_mul(static_cast<std::int64_t>(state_buffers) * rows, units_bytes());
  }
};

/// Bytes of the weights that a pass reads for a block of units: [depth][gate][16].
inline std::int64_t block_bytes(recurrent_layer const& l, cell_pass const& p) {
  return l.depth() * static_cast<std::int64_t>(p.gates.size()) * channel_block * 4;
}
}  // namespace sinter::detail
