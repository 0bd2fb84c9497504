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
    kernel.code.shrink_to_fit();
    kernel.registers.shrink_to_fit();
    kernels_.push_back(std::move(kernel));
    return number;
  }

  std::vector<vector::program> take() { return std::move(kernels_); }

 private:
  std::vector<vector::program> kernels_;
  std::unordered_map<std::uint64_t, std::vector<std::uint32_t>> by_hash_;
};

}  // namespace sinter::detail
