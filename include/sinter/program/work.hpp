#pragma once

#include <sinter/program/program.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// How much work there is in a program.
namespace sinter {

/// Calls `f(instruction, times)` for each instruction of a kernel that is no loop; `times` is how often one call
/// executes it.
template <typename F>
void for_each_executed(vector::program const& kernel, F&& f) {
  double turns = 1;
  std::vector<double> outer;
  for (auto const& i : kernel.code) {
    if (i.op == vector::opcode::loop) {
      outer.push_back(turns);
      turns *= i.count;
    } else if (i.op == vector::opcode::end) {
      turns = outer.back();
      outer.pop_back();
    } else {
      f(i, turns);
    }
  }
}

/// Instructions that one call of a kernel executes.
inline double executed_instructions(vector::program const& kernel) {
  double sum = 0;
  for_each_executed(kernel, [&](vector::instruction const&, double times) { sum += times; });
  return sum;
}

/// Calls `f(call, times)` for each call of a grid; `times` is how often the grid makes it. `length` is that of extents
/// that grow.
template <typename F>
void for_each_counted_call(grid const& g, std::int64_t length, F&& f) {
  for_each_call(g.body, [&](statement const& call, std::vector<extent> const& loops) {
    auto times = static_cast<double>(g.tasks(length));
    for (auto const turns : loops) times *= static_cast<double>(turns.at(length));
    f(call, times);
  });
}

/// Says how long regions take, about, and so whether threads share their tasks.
class work_estimate {
 public:
  /// `kernels` are those of the program.
  explicit work_estimate(std::span<shared_kernel const> kernels) : kernels_(kernels) {
    for (auto const& k : kernels) instructions_.push_back(executed_instructions(*k));
  }

  /// Nanoseconds of one thread on a machine that stands for all. `length` is that of extents that grow.
  double nanoseconds(region const& r, std::int64_t length = 0) const {
    constexpr double instructions_per_ns = 14, bytes_per_ns = 100;
    double instructions = 0, bytes = 0;
    for (auto const& g : r.grids)
      for_each_call(g.body, [&](statement const& call, std::vector<extent> const& loops) {
        auto const turns = turns_around(g, loops, length);
        auto times = 1.0;
        for (auto const t : turns) times *= t;
        instructions += instructions_[call.kernel.index] * times;
        for (std::size_t i = 0; i < call.arguments.size(); ++i) {
          auto const& a = call.arguments[i];
          if (a.in == space::scratch) continue;
          auto const each = kernels_[call.kernel.index]->arguments[i].bytes;
          bytes += touched(a, static_cast<double>(each), turns, times);
        }
      });
    return instructions / instructions_per_ns + bytes / bytes_per_ns;
  }

  /// How many tasks a thread takes at least when several share the region; 0: it is not worth it, the calling thread
  /// does them all. To give a thread tasks and to wait for it takes about a microsecond.
  std::int64_t grain(region const& r, std::int64_t length = 0) const {
    constexpr double least_ns = 4000, least_ns_of_thread = 500;
    std::int64_t tasks = 0;
    for (auto const& g : r.grids) tasks += g.tasks(length);
    auto const ns = nanoseconds(r, length);
    if (tasks < 2 || ns < least_ns) return 0;
    auto const shares = std::min(ns / least_ns_of_thread, static_cast<double>(tasks));
    return static_cast<std::int64_t>(static_cast<double>(tasks) / shares);
  }

  /// Whether threads are woken for a program, which takes the caller microseconds.
  bool wakes_threads(program const& p, std::int64_t length = 0) const {
    constexpr double least_ns = 20'000;
    double ns = 0;
    for_each_action<region>(p, [&](region const& r, std::size_t) {
      if (grain(r, length) > 0) ns += nanoseconds(r, length);
    });
    return ns >= least_ns;
  }

 private:
  using turn_counts = std::array<double, index_rank>;

  static turn_counts turns_around(grid const& g, std::vector<extent> const& loops, std::int64_t length) {
    turn_counts turns;
    turns.fill(1);
    for (std::size_t i = 0; i < grid_rank; ++i) turns[i] = static_cast<double>(g.extents[i].at(length));
    for (std::size_t i = 0; i < loops.size(); ++i) turns[grid_rank + i] = static_cast<double>(loops[i].at(length));
    return turns;
  }

  /// Bytes that all executions of a call reach by an argument of `bytes`, those that several reach once.
  static double touched(address const& a, double bytes, turn_counts const& turns, double times) {
    auto reach = bytes;
    for (std::size_t axis = 0; axis < index_rank; ++axis)
      reach += (turns[axis] - 1) * std::abs(static_cast<double>(a.stride[axis]));
    return std::min(reach, times * bytes);
  }

  std::span<shared_kernel const> kernels_;
  std::vector<double> instructions_{};  ///< that one call of each kernel executes
};

}  // namespace sinter
