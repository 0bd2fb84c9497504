#pragma once

#include <sinter/vector/hash.hpp>
#include <sinter/vector/program.hpp>

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sinter::detail {

/// The distinct kernels of a program; equal ones get one number.
class kernel_set {
 public:
  std::uint32_t add(vector::program kernel) {
    auto& candidates = by_hash_[vector::hash(kernel)];
    for (auto const number : candidates)
      if (vector::equal(kernels_[number], kernel)) return number;
    auto const number = static_cast<std::uint32_t>(kernels_.size());
    candidates.push_back(number);
    costs_.push_back(instructions(kernel));
    kernels_.push_back(std::move(kernel));
    return number;
  }

  /// Vector instructions that one call executes.
  std::int64_t cost(std::uint32_t number) const { return costs_[number]; }

  std::vector<vector::program> take() { return std::move(kernels_); }

 private:
  static std::int64_t instructions(vector::program const& kernel) {
    std::int64_t total = 0, turns = 1;
    std::vector<std::int64_t> open;
    for (auto const& i : kernel.code) {
      if (i.op == vector::opcode::loop) {
        open.push_back(i.count);
        turns *= i.count;
      } else if (i.op == vector::opcode::end) {
        turns /= open.back();
        open.pop_back();
      } else {
        total += turns;
      }
    }
    return total;
  }

  std::vector<vector::program> kernels_;
  std::vector<std::int64_t> costs_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_hash_;
};

}  // namespace sinter::detail
