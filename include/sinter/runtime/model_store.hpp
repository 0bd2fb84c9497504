#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/plan/kernel_store.hpp>
#include <sinter/runtime/code_store.hpp>
#include <sinter/runtime/weight_store.hpp>

namespace sinter {

/// What the executables of all signatures of one model share; each part lives as long as one of them uses it. All are
/// compiled for one target, by any number of threads at once.
struct model_store {
  explicit model_store(limits const& bounds = {}) : code(bounds.code_bytes), weights(bounds.weight_bytes) {}

  kernel_store kernels{};
  code_store code;
  weight_store weights;
};

}  // namespace sinter
