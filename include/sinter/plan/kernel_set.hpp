#pragma once

#include <sinter/program/grid.hpp>
#include <sinter/vector/hash.hpp>
#include <sinter/vector/recipe.hpp>

#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sinter::detail {

/// The distinct kernels of a program; equal ones get one number.
class kernel_set {
 public:
  kernel_id add(vector::recipe kernel) {
    if (kernel.key().empty()) return add_program(std::move(kernel).make());
    auto const [known, is_new] = by_key_.try_emplace(kernel.key());
    if (is_new) known->second = add_program(std::move(kernel).make());
    return known->second;
  }

  std::vector<vector::program> take() { return std::move(kernels_); }

 private:
  kernel_id add_program(vector::program kernel) {
    auto& candidates = by_hash_[vector::hash(kernel)];
    for (auto const number : candidates)
      if (vector::equal(kernels_[number.index], kernel)) return number;
    kernel_id const number{static_cast<std::uint32_t>(kernels_.size())};
    candidates.push_back(number);
    kernel.code.shrink_to_fit();
    kernel.registers.shrink_to_fit();
    kernels_.push_back(std::move(kernel));
    return number;
  }

  std::vector<vector::program> kernels_;
  std::unordered_map<std::string, kernel_id> by_key_;
  std::unordered_map<std::uint64_t, std::vector<kernel_id>> by_hash_;
};

}  // namespace sinter::detail
