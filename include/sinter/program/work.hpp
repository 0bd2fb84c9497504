#pragma once

#include <sinter/program/program.hpp>

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

/// Whether a region has tasks to share with other threads, and work enough to wake them: about 5 us. `executed` are the
/// instructions of one call of each kernel, `length` is that of extents that grow.
inline bool worth_threads(region const& r, std::span<double const> executed, std::int64_t length = 0) {
  constexpr double least_instructions = 16384;
  double instructions = 0;
  std::int64_t tasks = 0;
  for (auto const& g : r.grids) {
    tasks += g.tasks(length);
    for_each_counted_call(
        g, length, [&](statement const& call, double times) { instructions += executed[call.kernel.index] * times; });
  }
  return tasks > 1 && instructions >= least_instructions;
}

}  // namespace sinter
