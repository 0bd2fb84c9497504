#pragma once

#include <sinter/expr/math.hpp>
#include <sinter/schedules/apply.hpp>
#include <sinter/schedules/cast.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/verify.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// The function of an elementwise node, and the vectors that compute it.
namespace sinter::detail {

/// A node's function, expanded, with what a kernel has to know of it.
struct elementwise_body {
  expr::function function{};
  bool may_leave_floats = false;  ///< finite operands can give an infinity or NaN
};

/// Registers that computing one vector takes, operands included.
inline int registers_needed(expr::function const& f, std::size_t operands) {
  return registers_to_apply(f) + static_cast<int>(operands) + 2;
}

/// Vectors to compute side by side, in half of the registers; the others are for constants and held operands.
struct vector_group {
  std::int64_t vectors = 1;
  int registers = 0;  ///< that it takes

  vector_group(expr::function const& f, std::size_t operands, target const& t) {
    int const each = registers_to_apply(f, true) + static_cast<int>(operands);
    vectors = std::clamp(t.registers() / 2 / std::max(each, 1), 1, 4);
    registers = registers_needed(f, operands) + static_cast<int>(vectors - 1) * each;
  }
};

/// Vectors that a turn of the innermost loop computes: at most `most`, fewer where that body, and what remains of the
/// loop behind it, would get long. A vector of `parts` registers each.
inline std::int64_t unroll_of(expr::function const& f, std::int64_t most, std::int64_t parts) {
  std::int64_t const instructions = parts * (instructions_to_apply(f) + static_cast<std::int64_t>(f.inputs) + 2);
  return std::clamp<std::int64_t>(vector::longest_innermost_body / (2 * instructions), 1, most);
}

/// Whether a function of moderate finite operands can be infinite or NaN, as in 0/0 or log 0.
inline bool may_leave_floats(expr::function const& f) {
  return std::ranges::any_of(f.lines, [&](expr::instruction const& line) {
    switch (line.code) {
      case expr::op::div: {
        auto const& divisor = f.lines[line.operands[1]];
        return divisor.code != expr::op::constant || divisor.value == 0;
      }
      case expr::op::reciprocal:
      case expr::op::sqrt:
      case expr::op::log:
      case expr::op::exp:
      case expr::op::pow: return true;
      default: return false;
    }
  });
}

/// Whether an operand is a bool, which kernels read and write as a byte that is 0 or 1.
inline bool is_condition(operand_info const& o) {
  return o.type.element == dtype::boolean && o.type.shape && o.shape().elements() > 0;
}

/// Whether the expression of `n` is one of bools too: it gives 0 or 1 for those, or chooses by them.
inline bool takes_conditions(node const& n) {
  static constexpr std::array<std::string_view, 5> names{"Where", "And", "Or", "Xor", "Not"};
  return n.domain.empty() && std::ranges::find(names, n.op) != names.end();
}

/// Whether an operand of an elementwise node is one that kernels read or write: float32, a condition, or an 8-bit
/// integer of sinter.QuantizedElementwise that is no constant.
inline bool is_elementwise_operand(scheduled_node const& n, operand_info const& o) {
  if (is_float_tensor(o)) return true;
  if (is_condition(o)) return takes_conditions(*n.n);
  bool const quantized = n.n->domain == "sinter" && n.n->op == "QuantizedElementwise";
  return quantized && is_byte_tensor(o) && !o.constant;
}

/// The function of `n`, if it is elementwise, of operands that kernels take, and fits into the target's registers.
inline std::optional<elementwise_body> elementwise_function(scheduled_node const& n, target const& t) {
  if (!n.op.has_expression() || n.inputs.empty() || n.outputs.size() != 1 || !is_elementwise_operand(n, n.outputs[0]))
    return std::nullopt;
  std::vector<expr::value> operands;
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    operands.push_back(expr::input(i));
    if (n.inputs[i].present() && !is_elementwise_operand(n, n.inputs[i])) return std::nullopt;
  }
  auto const f = expr::flatten(n.op.expression(operands), operands.size());
  for (auto const& line : f.lines)
    if (line.code == expr::op::input && !n.inputs[line.index].present()) return std::nullopt;
  bool const gives_floats = is_float_tensor(n.outputs[0]);
  elementwise_body body{.function = expr::expand(f), .may_leave_floats = gives_floats && may_leave_floats(f)};
  if (registers_needed(body.function, operands.size()) > t.registers()) return std::nullopt;
  return body;
}

/// How an operand of an elementwise node lies in memory.
inline vector::element element_in_memory(operand_info const& o) {
  return o.present() ? *float_source(o.type.element) : vector::element::f32;
}

/// Inputs that the function reads.
inline std::vector<bool> used_inputs(expr::function const& f) {
  std::vector<bool> used(f.inputs);
  for (auto const& line : f.lines)
    if (line.code == expr::op::input) used[line.index] = true;
  return used;
}

/// A layout for each operand of `n`.
inline layout_choice same_layouts(scheduled_node const& n, layout inputs, layout outputs) {
  return {.inputs = std::vector(n.inputs.size(), inputs),
          .outputs = std::vector(n.outputs.size(), outputs),
          .in_place = {}};
}

}  // namespace sinter::detail
