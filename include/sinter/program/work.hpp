#pragma once

#include <sinter/program/program.hpp>

#include <span>
#include <vector>

/// How much work there is in a program.
namespace sinter {

/// Instructions that one call of a kernel executes.
inline double executed_instructions(vector::program const& kernel) {
  double sum = 0, turns = 1;
  std::vector<double> outer;
  for (auto const& i : kernel.code) {
    if (i.op == vector::opcode::loop) {
      outer.push_back(turns);
      turns *= i.count;
    } else if (i.op == vector::opcode::end) {
      turns = outer.back();
      outer.pop_back();
    } else {
      sum += turns;
    }
  }
  return sum;
}

/// Whether a region has tasks to share with other threads, and work enough to wake them: about 5 us. `executed` are the
/// instructions of one call of each kernel, `length` is that of extents that grow.
inline bool worth_threads(region const& r, std::span<double const> executed, std::int64_t length = 0) {
  constexpr double least_instructions = 16384;
  double instructions = 0;
  std::int64_t tasks = 0;
  for (auto const& g : r.grids) {
    tasks += g.tasks(length);
    for_each_call(g.body, [&](statement const& call, std::vector<extent> const& loops) {
      auto calls = static_cast<double>(g.tasks(length));
      for (auto const turns : loops) calls *= static_cast<double>(turns.turns());
      instructions += executed[call.kernel.index] * calls;
    });
  }
  return tasks > 1 && instructions >= least_instructions;
}

}  // namespace sinter
