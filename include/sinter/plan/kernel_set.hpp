#pragma once

#include <sinter/program/program.hpp>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sinter::detail {

/// The kernels of a program, in the order in which they were added first.
class kernel_set {
 public:
  kernel_id add(shared_kernel kernel) {
    auto const next = static_cast<std::uint32_t>(kernels_.size());
    auto const [known, is_new] = number_of_.try_emplace(kernel.get(), kernel_id{next});
    if (is_new) kernels_.push_back(std::move(kernel));
    return known->second;
  }

  kernel_id add(device_kernel kernel) {
    auto const found = std::ranges::find(device_kernels_, kernel);
    auto const index = static_cast<std::uint32_t>(found - device_kernels_.begin());
    if (found == device_kernels_.end()) device_kernels_.push_back(std::move(kernel));
    return {index};
  }

  std::vector<shared_kernel> take() { return std::move(kernels_); }
  std::vector<device_kernel> take_device_kernels() { return std::move(device_kernels_); }

 private:
  std::vector<device_kernel> device_kernels_;
  std::vector<shared_kernel> kernels_;
  std::unordered_map<vector::program const*, kernel_id> number_of_;
};

}  // namespace sinter::detail
