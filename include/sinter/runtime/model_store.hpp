#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/plan/kernel_store.hpp>
#include <sinter/runtime/code_store.hpp>
#include <sinter/runtime/weight_store.hpp>

namespace sinter {

/// What the executables of all signatures of one model share; each part lives as long as one of them uses it. All are
/// compiled for one target, by any number of threads at once.
struct model_store {
  /// `device` runs the programs, if they are made for one; it must outlive the store.
  explicit model_store(limits const& bounds = {}, accelerator* device = nullptr)
      : code(bounds.code_bytes, device), weights(bounds.weight_bytes, device) {}

  kernel_store kernels{};
  code_store code;
  weight_store weights;
};

}  // namespace sinter
