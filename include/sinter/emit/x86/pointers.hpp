#pragma once

#include <sinter/vector/opcodes.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

namespace sinter::x86 {

/// Where streams, the distance of rows of tiles and loop counters of a program live: general registers for those used
/// most, deepest in loops first; the others in the stack frame.
class pointer_allocation {
 public:
  /// Machine numbers of the general registers that may hold a stream or a counter, those that a callee may clobber
  /// first. rsp is the frame, rax the scratch register; rdi holds the argument array until the streams are loaded.
  static constexpr std::array<std::int8_t, 14> pool{1, 2, 6, 8, 9, 10, 11, 7, 3, 5, 12, 13, 14, 15};
  static constexpr int first_preserved = 8;

  struct home {
    std::int8_t machine = -1;      ///< general register
    std::int32_t frame_slot = -1;  ///< where there is no register
  };

  void allocate(vector::program const& p) {
    weigh(p);
    order_.clear();
    for (std::size_t k = 0; k < weight_.size(); ++k)
      if (weight_[k] > 0) order_.push_back(static_cast<std::int32_t>(k));
    std::stable_sort(order_.begin(), order_.end(), [&](auto a, auto b) {
      return weight_[static_cast<std::size_t>(a)] > weight_[static_cast<std::size_t>(b)];
    });
    homes_.assign(weight_.size(), {});
    slots_ = 0;
    used_ = 0;
    for (auto const k : order_) {
      auto& where = homes_[static_cast<std::size_t>(k)];
      if (used_ < static_cast<int>(pool.size()))
        where.machine = pool[static_cast<std::size_t>(used_++)];
      else
        where.frame_slot = slots_++;
    }
  }

  bool used(std::int32_t stream) const { return weight_[static_cast<std::size_t>(stream)] > 0; }
  home of_stream(std::int32_t stream) const { return homes_[static_cast<std::size_t>(stream)]; }
  /// Always a register, if there are tiles in memory.
  home of_stride() const { return homes_[streams_]; }
  home of_counter(int depth) const { return homes_[streams_ + 1 + static_cast<std::size_t>(depth)]; }
  int slots() const { return slots_; }
  /// Registers of `pool` in use: its first ones.
  int registers() const { return used_; }

 private:
  void weigh(vector::program const& p) {
    streams_ = p.streams.size();
    weight_.assign(streams_ + 1, 0.0f);
    float turns = 1;
    std::size_t depth = 0;
    for (auto const& i : p.code) {
      if (i.op == vector::opcode::loop) {
        turns *= 16;
        if (weight_.size() <= streams_ + 1 + depth) weight_.push_back(0);
        weight_[streams_ + 1 + depth++] += turns;
      } else if (i.op == vector::opcode::end) {
        turns /= 16;
        --depth;
      } else if (i.m) {
        weight_[static_cast<std::size_t>(i.m.stream)] += turns;
        if (moves_tile(i.op)) weight_[streams_] = std::numeric_limits<float>::max();
      }
    }
  }

  std::size_t streams_ = 0;
  std::vector<float> weight_;  ///< of streams, of the distance, of loop depths
  std::vector<std::int32_t> order_;
  std::vector<home> homes_;
  int slots_ = 0;
  int used_ = 0;
};

}  // namespace sinter::x86
