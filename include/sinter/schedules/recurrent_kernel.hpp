#pragma once

#include <sinter/schedules/apply.hpp>
#include <sinter/schedules/recurrent_layer.hpp>
#include <sinter/schedules/recurrent_memory.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/register_pressure.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The kernel of a recurrent layer: all steps of one direction for a few sequences.
///
///     for step:
///       for pass of the cell:
///         for group of blocks of 16 hidden units:
///           sums[sequence][gate][unit] = projection of the input
///           for k of hidden: sums += R[k] * broadcast state[k]
///           results of the pass: new states, y
///
/// Every other step reads R backwards, groups and factors: what the step before read last is still in the nearest
/// cache.
namespace sinter::detail {

/// Builds the kernel of a layer.
class recurrent_builder {
 public:
  recurrent_builder(recurrent_layer const& layer, std::string name, target const& machine)
      : l_(layer),
        machine_(machine),
        per_block_(machine.registers_per_block()),
        b_(std::move(name), machine.lanes()),
        arguments_(declare_arguments(b_, l_)),
        states_(b_, l_, arguments_.units) {}

  /// `kept` constants of each function stay in registers.
  vector::program build(int kept) {
    for (auto const& p : l_.passes) {
      auto& functions = functions_.emplace_back();
      for (auto const& r : p.results) functions.emplace_back(r.function).keep_constants(b_, kept);
    }
    states_.start(state_buffer::hidden, arguments_.first_hidden, l_.first_hidden);
    if (keeps(state_buffer::cell)) states_.start(state_buffer::cell, arguments_.first_cell, l_.first_cell);
    run_steps();
    if (l_.last_hidden) states_.finish(state_buffer::hidden, arguments_.last_hidden, *l_.last_hidden);
    if (l_.last_cell) states_.finish(state_buffer::cell, arguments_.last_cell, *l_.last_cell);
    return std::move(b_).take();
  }

  std::vector<address> const& addresses() const { return arguments_.addresses; }

 private:
  /// `count` groups of `blocks` blocks from block `first` on; the last block has `lanes` units.
  struct group_run {
    std::int64_t first = 0, blocks = 1, count = 1, lanes = channel_block;
  };

  /// Where the streams of a group stand, in bytes from where they stand at the start of a step.
  struct position {
    std::int64_t projection = 0, y = 0;  ///< of the step
    std::int64_t block = 0;              ///< number of the first block
  };

  bool keeps(state_buffer b) const {
    return std::ranges::any_of(l_.passes, [&](cell_pass const& p) {
      return std::ranges::any_of(p.results, [&](cell_result const& r) { return r.kept == b; });
    });
  }

  void run_steps() {
    auto const way = l_.backwards ? -1 : 1;
    auto const x = way * l_.projection.step, y = l_.y ? way * l_.y->step : 0;
    position at;
    if (l_.backwards) at = {(l_.steps - 1) * l_.projection.step, l_.y ? (l_.steps - 1) * l_.y->step : 0, 0};
    std::vector<std::pair<vector::pointer, std::int64_t>> advance{{arguments_.projection, 2 * x}};
    if (l_.y) advance.emplace_back(arguments_.y, 2 * y);
    auto const pairs = l_.steps / 2;
    if (pairs > 0)
      b_.loop(pairs, advance, [&] {
        step(at);
        step({at.projection + x, at.y + y, 0});
      });
    if (l_.steps % 2) step({at.projection + pairs * 2 * x, at.y + pairs * 2 * y, 0});
  }

  void step(position const& at) {
    for (std::size_t i = 0; i < l_.passes.size(); ++i) {
      auto runs = groups_of(l_.passes[i]);
      if (states_.odd()) std::ranges::reverse(runs);
      for (auto const& run : runs) groups(i, run, at);
    }
    states_.exchange();
  }

  /// Registers for each gate and sequence whose sums are computed at once.
  std::int64_t registers_of_tile(cell_pass const& p) const {
    auto const sums = machine_.registers() == 32 && l_.rows > 1 ? 16 : 8;
    return std::clamp<std::int64_t>(sums / (l_.rows * static_cast<std::int64_t>(p.gates.size())), 1, 8);
  }

  std::vector<group_run> groups_of(cell_pass const& p) const {
    std::vector<group_run> runs;
    for (auto const& r : equal_runs(l_.blocks(), std::max<std::int64_t>(1, registers_of_tile(p) / per_block_)))
      runs.push_back({r.first, r.length, r.count});
    auto& last = runs.back();
    if (auto const rest = l_.hidden % channel_block) {
      if (last.count > 1) {
        --last.count;
        runs.push_back({last.first + last.count * last.blocks, last.blocks, 1});
      }
      runs.back().lanes = rest;
    }
    return runs;
  }

  void groups(std::size_t pass, group_run const& run, position at) {
    auto const& p = l_.passes[pass];
    auto const step = (states_.odd() ? -1 : 1) * run.blocks;
    at.block = run.first + (states_.odd() ? (run.count - 1) * run.blocks : 0);
    auto const units = step * channel_block * 4;
    std::vector<std::pair<vector::pointer, std::int64_t>> advance{{arguments_.weights[pass], step * block_bytes(l_, p)},
                                                                  {arguments_.projection, units * l_.gates},
                                                                  {arguments_.units, units}};
    if (l_.state_bias) advance.emplace_back(arguments_.state_bias, units);
    if (l_.peephole) advance.emplace_back(arguments_.peephole, units);
    if (l_.y) advance.emplace_back(arguments_.y, units);
    auto const registers = run.blocks * per_block_;
    auto const tile = std::min(registers, registers_of_tile(p));
    b_.loop(run.count, advance, [&] {
      for (std::int64_t first = 0; first < registers; first += tile) {
        first_ = first, count_ = std::min(tile, registers - first);
        start_sums(p, at);
        accumulate(pass, at);
        results(pass, run, at);
      }
    });
  }

  /// Bytes from a group's first unit to register `i` of the tile, where a block takes `block` bytes.
  std::int64_t register_at(std::int64_t i, std::int64_t block) const {
    return (first_ + i) / per_block_ * block + (first_ + i) % per_block_ * b_.register_bytes();
  }
  std::int64_t unit_at(position const& at, std::int64_t i) const {
    return at.block * channel_block * 4 + register_at(i, channel_block * 4);
  }
  vector::memory projection_of(std::int64_t gate, position const& at, std::int64_t i, std::int64_t row) const {
    auto const block = l_.gates * channel_block * 4;
    return arguments_.projection.at(at.projection + row * l_.projection.row + at.block * block + register_at(i, block) +
                                    gate * channel_block * 4);
  }
  /// Position in a list of the values of each gate or result, for the registers and sequences of the tile.
  std::size_t slot(std::size_t number, std::int64_t i, std::int64_t row) const {
    auto const rows = static_cast<std::size_t>(l_.rows);
    return (number * static_cast<std::size_t>(count_) + static_cast<std::size_t>(i)) * rows +
           static_cast<std::size_t>(row);
  }
  vector::reg& sum(std::size_t gate, std::int64_t i, std::int64_t row) { return sums_[slot(gate, i, row)]; }
  vector::reg& value(std::size_t result, std::int64_t i, std::int64_t row) { return values_[slot(result, i, row)]; }

  void start_sums(cell_pass const& p, position const& at) {
    sums_.assign(p.gates.size() * static_cast<std::size_t>(count_ * l_.rows), {});
    for (std::size_t g = 0; g < p.gates.size(); ++g)
      for (std::int64_t i = 0; i < count_; ++i)
        for (std::int64_t row = 0; row < l_.rows; ++row) {
          auto const gate = p.gates[g].gate;
          if (!p.gates[g].apart)
            sum(g, i, row) = b_.load(projection_of(gate, at, i, row));
          else
            sum(g, i, row) =
                l_.state_bias ? b_.load(arguments_.state_bias.at(gate * l_.units_bytes() + unit_at(at, i))) : b_.zero();
        }
  }

  void accumulate(std::size_t pass, position const& at) {
    auto const& p = l_.passes[pass];
    auto const gates = static_cast<std::int64_t>(p.gates.size());
    auto const row_of_weights = gates * channel_block * 4;
    std::int64_t unroll = 4;
    while (unroll * 2 > l_.depth()) unroll /= 2;
    auto const whole = l_.depth() / unroll * unroll;
    auto const way = states_.odd() ? -unroll : unroll, first = states_.odd() ? whole - unroll : 0;
    for (auto k = l_.depth() - 1; states_.odd() && k >= whole; --k) multiply(pass, at, k);
    b_.loop(whole / unroll,
            {{arguments_.weights[pass], way * row_of_weights}, {arguments_.factors, way * factor_bytes()}}, [&] {
              for (std::int64_t k = 0; k < unroll; ++k)
                multiply(pass, at, states_.odd() ? first + unroll - 1 - k : first + k);
            });
    for (auto k = whole; !states_.odd() && k < l_.depth(); ++k) multiply(pass, at, k);
  }

  /// Bytes between factors; a second one that is there for the loop only is the first again.
  std::int64_t factor_bytes() const { return l_.hidden > 1 ? 4 : 0; }

  /// Adds the products with factor `k`.
  void multiply(std::size_t pass, position const& at, std::int64_t k) {
    auto const& p = l_.passes[pass];
    std::vector<vector::reg> factors;
    for (std::int64_t row = 0; row < l_.rows; ++row)
      factors.push_back(b_.load(arguments_.factors.broadcast(states_.offset(p.multiplied, row) + k * factor_bytes())));
    auto const gates = static_cast<std::int64_t>(p.gates.size());
    for (std::size_t g = 0; g < p.gates.size(); ++g)
      for (std::int64_t i = 0; i < count_; ++i) {
        auto const w = arguments_.weights[pass].at(at.block * block_bytes(l_, p) + register_at(i, block_bytes(l_, p)) +
                                                   (k * gates + static_cast<std::int64_t>(g)) * channel_block * 4);
        if (l_.rows == 1) {
          b_.fma_to(sum(g, i, 0), factors[0], w);
          continue;
        }
        auto const loaded = b_.load(w);
        for (std::int64_t row = 0; row < l_.rows; ++row)
          b_.fma_to(sum(g, i, row), loaded, factors[static_cast<std::size_t>(row)]);
      }
  }

  /// Each result for all registers of the tile before the next one: what is independent stands side by side.
  void results(std::size_t pass, group_run const& run, position const& at) {
    values_.assign(l_.passes[pass].results.size() * static_cast<std::size_t>(count_ * l_.rows), {});
    for (std::size_t r = 0; r < l_.passes[pass].results.size(); ++r)
      for (std::int64_t i = 0; i < count_; ++i)
        for (std::int64_t row = 0; row < l_.rows; ++row) {
          auto const& result = l_.passes[pass].results[r];
          std::vector<vector::reg> operands;
          for (std::size_t o = 0; o < result.operands.size(); ++o)
            operands.push_back(reads(result.function, o) ? operand(result.operands[o], at, i, row) : vector::reg{});
          value(r, i, row) = functions_[pass][r](b_, operands);
          if (result.kept) keep(*result.kept, value(r, i, row), run, at, i, row);
        }
  }

  void keep(state_buffer buffer, vector::reg value, group_run const& run, position const& at, std::int64_t i,
            std::int64_t row) {
    b_.store(states_.at(buffer, row, unit_at(at, i)), value);
    if (buffer != state_buffer::next_hidden || !l_.y) return;
    auto const block = (first_ + i) / per_block_, half = (first_ + i) % per_block_;
    auto const lanes = states_.lanes_of((block + 1 < run.blocks ? channel_block : run.lanes) - half * b_.lanes());
    if (lanes > 0) b_.store(arguments_.y.at(at.y + row * l_.y->row + unit_at(at, i)), value, lanes);
  }

  static bool reads(expr::function const& f, std::size_t input) {
    return std::ranges::any_of(
        f.lines, [&](expr::instruction const& line) { return line.code == expr::op::input && line.index == input; });
  }

  vector::reg operand(cell_operand const& o, position const& at, std::int64_t i, std::int64_t row) {
    auto const index = static_cast<std::int64_t>(o.index);
    switch (o.what) {
      case cell_operand::kind::sum: return sum(o.index, i, row);
      case cell_operand::kind::result: return value(o.index, i, row);
      case cell_operand::kind::projection: return b_.load(projection_of(index, at, i, row));
      case cell_operand::kind::peephole:
        return b_.load(arguments_.peephole.at(index * l_.units_bytes() + unit_at(at, i)));
      case cell_operand::kind::state: break;
    }
    return b_.load(states_.at(static_cast<state_buffer>(o.index), row, unit_at(at, i)));
  }

  recurrent_layer const& l_;
  target machine_;
  std::int64_t per_block_;
  vector::builder b_;
  recurrent_arguments arguments_;
  recurrent_states states_;
  std::vector<std::vector<applied_function>> functions_;  ///< by pass and result
  std::int64_t first_ = 0, count_ = 0;                    ///< registers of the tile, within the group
  std::vector<vector::reg> sums_, values_;                ///< by `slot`
};

/// Adds a grid of `tasks` groups of sequences, whose kernel has as many constants in registers as fit.
inline void add_recurrent_grid(fragment& code, recurrent_layer const& l, std::string const& name, target const& machine,
                               std::int64_t tasks) {
  std::vector<vector::live_range> ranges;
  for (int kept = 4;; --kept) {
    recurrent_builder builder(l, name, machine);
    auto kernel = builder.build(kept);
    vector::find_live_ranges(kernel, ranges);
    if (kept > 0 && vector::find_pressure(kernel, ranges).registers > machine.registers()) continue;
    return code.add(std::move(kernel), {tasks}, builder.addresses());
  }
}

}  // namespace sinter::detail
