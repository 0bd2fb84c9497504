#pragma once

#include <sinter/program/program.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <span>
#include <utility>
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

/// What a region does when one thread runs it, about, on a machine that stands for all.
struct region_work {
  std::int64_t tasks = 0;
  double ns = 0;
  double divided = 0;  ///< bytes of activations that tasks read, each its own
  double common = 0;   ///< those that all tasks read
};

/// Says how long regions take, about, and which of them threads share.
class work_estimate {
 public:
  /// `kernels` are those of the program.
  explicit work_estimate(std::span<shared_kernel const> kernels) : kernels_(kernels) {
    for (auto const& k : kernels) instructions_.push_back(executed_instructions(*k));
  }

  /// `length` is that of extents that grow.
  region_work operator()(region const& r, std::int64_t length = 0) const {
    constexpr double instructions_per_ns = 14, bytes_per_ns = 100, weight_bytes_per_ns = 25;
    region_work result;
    for (auto const& g : r.grids) {
      result.tasks += g.tasks(length);
      for_each_argument(g, length, [&](address const& a, vector::argument const&, double bytes) {
        result.ns += bytes / (a.in == space::weight ? weight_bytes_per_ns : bytes_per_ns);
      });
      for_each_counted_call(g, length, [&](statement const& call, double times) {
        result.ns += instructions_[call.kernel.index] * times / instructions_per_ns;
      });
    }
    // Tasks at the edges, grids of their own, read what those of the largest grid read.
    auto const g = std::ranges::max_element(r.grids, {}, [&](grid const& each) { return each.tasks(length); });
    if (g != r.grids.end()) add_reads(*g, length, result);
    return result;
  }

  /// For each step how many tasks a thread takes at least when several share it; 0: the calling thread does them all.
  /// All are 0 where sharing does not save the microseconds that it takes the caller to wake threads.
  std::vector<std::int64_t> grains(program const& p, std::int64_t length = 0) const {
    constexpr double least_ns_of_thread = 500;
    std::vector<region_work> works(p.steps.size());
    for_each_action<region>(p, [&](region const& r, std::size_t step) { works[step] = (*this)(r, length); });
    std::vector<std::int64_t> result(works.size());
    auto const shared = shared_steps(works);
    for (std::size_t i = 0; i < works.size(); ++i) {
      if (!shared[i]) continue;
      auto const tasks = static_cast<double>(works[i].tasks);
      result[i] = static_cast<std::int64_t>(tasks / std::clamp(works[i].ns / least_ns_of_thread, 2.0, tasks));
    }
    return result;
  }

 private:
  /// The quickest way to get behind a step.
  struct route {
    double ns = 0;
    std::size_t from = 0;  ///< where activations lie before the step: 0 with the calling thread, 1 divided
    bool shared = false;   ///< whether threads share the step
  };

  static route quicker(route const& a, route const& b) { return b.ns < a.ns ? b : a; }

  /// The steps to share that make a run of two threads shortest. What one of them has written takes the other one time
  /// to fetch, so a step depends on where the steps before it left the activations; those that read little leave them
  /// there.
  static std::vector<bool> shared_steps(std::vector<region_work> const& works) {
    constexpr double never = std::numeric_limits<double>::infinity();
    constexpr double hand_over_ns = 2000, little = 16 << 10, least_saved_ns = 5000;
    constexpr double streamed_per_ns = 15, reread_per_ns = 3;           // bytes from another core's cache
    std::vector<std::array<route, 2>> routes{{route{}, route{never}}};  // by step, by where activations lie then
    double alone = 0;
    for (auto const& w : works) {
      auto const [here, divided] = std::pair{routes.back()[0].ns, routes.back()[1].ns};
      auto const common = w.common / 2 / reread_per_ns;
      auto const fetch = w.divided / 2 / streamed_per_ns + common;
      auto const sharing = w.tasks < 2 ? never : w.ns / 2 + hand_over_ns + common;
      route const apart{divided + w.ns + fetch, 1, false};
      route const little_apart = w.divided + w.common < little ? apart : route{never};
      routes.push_back(
          {quicker({here + w.ns, 0, false}, apart),
           quicker(quicker({here + sharing + fetch, 0, true}, {divided + sharing, 1, true}), little_apart)});
      alone += w.ns;
    }
    std::vector<bool> result(works.size());
    std::size_t at = routes.back()[1].ns < routes.back()[0].ns;
    if (alone - routes.back()[at].ns < least_saved_ns) return result;
    for (auto i = works.size(); i-- > 0;) {
      result[i] = routes[i + 1][at].shared;
      at = routes[i + 1][at].from;
    }
    return result;
  }

  /// Adds the bytes of activations that a grid reads, each tensor once.
  void add_reads(grid const& g, std::int64_t length, region_work& result) const {
    auto const divided = std::ranges::find_if(g.extents, [&](extent const& e) { return e.at(length) > 1; });
    auto const axis = static_cast<std::size_t>(divided - g.extents.begin());
    struct read {
      double bytes = 0;
      bool moves = false;
    };
    std::map<std::pair<space, std::uint32_t>, read> reads;
    for_each_argument(g, length, [&](address const& a, vector::argument const& of_kernel, double bytes) {
      if (a.in == space::weight || of_kernel.mode == vector::access::out) return;
      auto& r = reads[{a.in, a.index}];
      r.bytes = std::max(r.bytes, bytes);
      r.moves = r.moves || axis == grid_rank || a.stride[axis] != 0;
    });
    for (auto const& [tensor, r] : reads) (r.moves ? result.divided : result.common) += r.bytes;
  }

  /// Calls `f(address, argument of the kernel, bytes)` for each argument that is not scratch; `bytes` are those that
  /// all executions of the call reach, counted once.
  template <typename F>
  void for_each_argument(grid const& g, std::int64_t length, F&& f) const {
    for_each_call(g.body, [&](statement const& call, std::vector<extent> const& loops) {
      std::array<double, index_rank> turns;
      turns.fill(1);
      for (std::size_t i = 0; i < grid_rank; ++i) turns[i] = static_cast<double>(g.extents[i].at(length));
      for (std::size_t i = 0; i < loops.size(); ++i) turns[grid_rank + i] = static_cast<double>(loops[i].at(length));
      auto const times = std::accumulate(turns.begin(), turns.end(), 1.0, std::multiplies());
      for (std::size_t i = 0; i < call.arguments.size(); ++i) {
        auto const& a = call.arguments[i];
        if (a.in == space::scratch) continue;
        auto const& of_kernel = kernels_[call.kernel.index]->arguments[i];
        auto const bytes = static_cast<double>(of_kernel.bytes);
        auto reach = bytes;
        for (std::size_t axis = 0; axis < index_rank; ++axis)
          reach += (turns[axis] - 1) * std::abs(static_cast<double>(a.stride[axis]));
        f(a, of_kernel, std::min(reach, times * bytes));
      }
    });
  }

  std::span<shared_kernel const> kernels_;
  std::vector<double> instructions_{};  ///< that one call of each kernel executes
};

}  // namespace sinter
