#pragma once

#include "device/machine.hpp"
#include "options.hpp"
#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <vector>

namespace emulator {

/// 32 threads that meet; sets of lanes as bits.
struct warp {
  std::uint32_t alive = ~0u;
  std::uint32_t ready = ~0u;
  std::uint32_t waiting = 0;  ///< for each other
  collective kind{};
  warp_operation operation = nullptr;
  void* brought[32] = {};

  /// All that are alive wait.
  void proceed() {
    operation(brought);
    ready |= waiting;
    waiting = 0;
  }
};

/// Whose turn it is in a block. A warp goes on as long as it has lanes that are ready; in random order, for so many
/// turns.
class turns {
 public:
  static constexpr std::uint32_t none = ~0u;

  std::vector<warp> warps{};
  warp& warp_of(std::uint32_t thread) { return warps[thread / 32]; }

  void start(std::uint32_t threads, options const& how) {
    order_ = how.order;
    warps.assign((threads + 31) / 32, {});
    if (threads % 32 != 0) warps.back().alive = warps.back().ready = (1u << threads % 32) - 1;
    random_.seed(how.seed);
    queue_.resize(warps.size());
    for (std::uint32_t i = 0; i < queue_.size(); ++i) queue_[i] = i;
    if (order_ == schedule::reverse) std::reverse(queue_.begin(), queue_.end());
    start_round();
  }

  /// A thread that is ready, or none.
  std::uint32_t next() {
    for (std::size_t passed = 0; passed <= 2 * queue_.size(); ++passed) {
      auto const index = queue_[position_];
      if (auto const ready = warps[index].ready; ready != 0 && left_ > 0) {
        --left_;
        return index * 32 + pick(ready);
      }
      if (++position_ == queue_.size())
        start_round();
      else
        start_warp();
    }
    return none;
  }

 private:
  void start_round() {
    if (order_ == schedule::random) std::shuffle(queue_.begin(), queue_.end(), random_);
    position_ = 0;
    start_warp();
  }
  void start_warp() { left_ = order_ == schedule::random ? 1 + random_() % 100 : ~0u; }

  std::uint32_t pick(std::uint32_t ready) {
    if (order_ == schedule::reverse) return 31 - static_cast<std::uint32_t>(std::countl_zero(ready));
    auto const from = order_ == schedule::random ? random_() % 32 : 0;
    auto const rotated = std::rotr(ready, static_cast<int>(from));
    return (from + static_cast<std::uint32_t>(std::countr_zero(rotated))) % 32;
  }

  schedule order_ = schedule::forward;
  std::vector<std::uint32_t> queue_{};  ///< of warps
  std::size_t position_ = 0;
  std::uint_fast32_t left_ = 0;  ///< turns of the warp at `position_`
  std::minstd_rand random_{};
};

}  // namespace emulator
