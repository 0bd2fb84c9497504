#pragma once

#include <sinter/program/program.hpp>

#include <vector>

namespace sinter::detail {

/// What an operation does: code, whose kernels have their numbers in the program, or the call of an operator.
struct built {
  fragment code{};
  std::vector<kernel_id> kernels{};
  std::vector<kernel_id> device_kernels{};
  host_call host{};
  /// In place of regions, of a node with subgraphs: their steps and the control around them, whose addresses are those
  /// of `code` and whose kernels those of the program.
  std::vector<program_step> steps{};
  std::vector<node> nodes{};  ///< that those of `steps` are numbers of; steps of control name none
};

}  // namespace sinter::detail
