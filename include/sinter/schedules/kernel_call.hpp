#pragma once

#include <sinter/schedules/schedule.hpp>

#include <vector>

namespace sinter::detail {

/// The call of a shipped kernel that would compute the node on the host: its numbers say what the operator does, also
/// where several operators are one kernel. Empty where the operator has none.
inline kernel_call kernel_call_of(scheduled_node const& n) {
  std::vector<operand> operands;
  for (auto const& in : n.inputs) operands.push_back(in.present() ? operand{in.type, in.constant} : operand{});
  return n.op.kernel(inputs(operands));
}

}  // namespace sinter::detail
