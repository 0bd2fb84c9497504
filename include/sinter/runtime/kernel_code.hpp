#pragma once

#include <sinter/runtime/accelerator.hpp>
#include <sinter/vector/program.hpp>

#include <cstddef>
#include <memory>
#include <vector>

namespace sinter {

/// Machine code for the kernels of a program.
struct kernel_code {
  std::vector<vector::kernel_function> entries{};       ///< for each of `program::kernels`; empty: interpreted
  std::vector<std::shared_ptr<void const>> owners{};    ///< keep the code mapped
  std::size_t bytes = 0;                                ///< of what the owners keep
  accelerator* device = nullptr;                        ///< that runs the program; null: the host
  std::vector<device_code::function> device_entries{};  ///< for each of `program::device_kernels`
  /// Runs a kernel that has no machine code.
  void (*interpret)(vector::program const& kernel, std::byte* const* arguments) = nullptr;
};

}  // namespace sinter
