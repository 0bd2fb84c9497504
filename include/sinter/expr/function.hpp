#pragma once

#include <sinter/expr/expression.hpp>
#include <sinter/expr/primitive.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace sinter::expr {

/// Appends lines to a function; equal lines are shared, and what is known without rounding is simplified: operations on
/// constants, x*1, x/1, x-0, x+(-0), double signs. Results keep their bits (NaN payloads aside).
class assembler {
 public:
  explicit assembler(std::size_t inputs) {
    f_.inputs = inputs;
    f_.lines.reserve(usual_lines);
  }

  /// The number of a line that computes `line`, which may be an earlier one.
  std::uint16_t add(instruction line);
  std::uint16_t constant(float v) { return add({.code = op::constant, .value = v}); }
  std::uint16_t input(std::size_t i) { return add({.code = op::input, .index = static_cast<std::uint16_t>(i)}); }

  /// The function whose result is line `result`, without the lines that it does not need, in the one order that
  /// printing and parsing keep: an operand that is an input or constant stands right before its first user.
  function take(std::uint16_t result) const;

 private:
  instruction const& at(std::uint16_t line) const { return f_.lines[line]; }
  std::uint16_t number(instruction const& line);
  std::optional<float> known(std::uint16_t line) const;
  bool is_constant(std::uint16_t line, float v) const;
  std::optional<std::uint16_t> simplify(instruction const& line);
  std::optional<std::uint16_t> simplify_signs(instruction const& line);
  std::optional<std::uint16_t> evaluate_known(instruction const& line);

  static constexpr std::size_t usual_lines = 16;  ///< there is room for more

  function f_;
};

/// The function of `inputs` operands that `root` describes.
function flatten(value const& root, std::size_t inputs);

/// The value of `f` applied to `operands`: the inverse of `flatten`, or a composition of functions.
value substitute(function const& f, std::span<value const> operands);

/// `f` with input i read from input `to[i]` of a function of `inputs` operands.
function remap(function const& f, std::span<std::size_t const> to, std::size_t inputs);

/// `outer` with its input `slot` computed by `inner`. The inputs of the result are those of `outer` without `slot`,
/// in order, followed by those of `inner`.
function compose(function const& outer, std::size_t slot, function const& inner);

/// The value of `f` at one point, bit-equal to emitted code. `f` consists of primitives: see `expand`.
float evaluate(function const& f, float const* inputs);

/// The same without an allocation: `workspace` has room for `f.lines.size()` floats.
inline float evaluate(function const& f, float const* inputs, std::span<float> workspace) {
  for (std::size_t i = 0; i < f.lines.size(); ++i) {
    auto const& line = f.lines[i];
    if (line.code == op::input) {
      workspace[i] = inputs[line.index];
    } else if (line.code == op::constant) {
      workspace[i] = line.value;
    } else {
      std::array<float, 4> x{};
      for (std::size_t k = 0; k < static_cast<std::size_t>(arity(line.code)); ++k) x[k] = workspace[line.operands[k]];
      workspace[i] = evaluate(line.code, line.cc, x);
    }
  }
  return workspace[f.lines.size() - 1];
}

inline float evaluate(function const& f, float const* inputs) {
  std::vector<float> workspace(f.lines.size());
  return evaluate(f, inputs, workspace);
}

inline std::uint16_t assembler::number(instruction const& line) {
  auto const known = std::ranges::find(f_.lines, line);
  if (known == f_.lines.end()) {
    if (f_.lines.size() >= 0xffff) fail(error_code::limit_exceeded, "an expression has more than 65535 operations");
    f_.lines.push_back(line);
    return static_cast<std::uint16_t>(f_.lines.size() - 1);
  }
  return static_cast<std::uint16_t>(known - f_.lines.begin());
}

inline std::optional<float> assembler::known(std::uint16_t line) const {
  if (at(line).code != op::constant) return std::nullopt;
  return at(line).value;
}

inline bool assembler::is_constant(std::uint16_t line, float v) const {
  auto const k = known(line);
  return k && std::bit_cast<std::uint32_t>(*k) == std::bit_cast<std::uint32_t>(v);
}

inline std::optional<std::uint16_t> assembler::evaluate_known(instruction const& line) {
  std::array<float, 4> x{};
  for (std::size_t k = 0; k < static_cast<std::size_t>(arity(line.code)); ++k) {
    auto const v = known(line.operands[k]);
    if (!v) return std::nullopt;
    x[k] = *v;
  }
  if (line.code == op::neg) return constant(-x[0]);
  if (line.code == op::abs) return constant(std::fabs(x[0]));
  if (!is_primitive(line.code)) return std::nullopt;
  return constant(evaluate(line.code, line.cc, x));
}

inline std::optional<std::uint16_t> assembler::simplify_signs(instruction const& line) {
  auto const [a, b, c, d] = line.operands;
  auto const negated = [&](std::uint16_t i) { return at(i).code == op::neg; };
  switch (line.code) {
    case op::neg:
      if (negated(a)) return at(a).operands[0];
      break;
    case op::abs:
      if (at(a).code == op::abs) return a;
      if (negated(a)) return add({.code = op::abs, .operands = {at(a).operands[0]}});
      break;
    case op::add:
      if (negated(b)) return add({.code = op::sub, .operands = {a, at(b).operands[0]}});
      if (negated(a)) return add({.code = op::sub, .operands = {b, at(a).operands[0]}});
      break;
    case op::sub:
      if (negated(b)) return add({.code = op::add, .operands = {a, at(b).operands[0]}});
      break;
    default: break;
  }
  return std::nullopt;
}

inline std::optional<std::uint16_t> assembler::simplify(instruction const& line) {
  auto const [a, b, c, d] = line.operands;
  switch (line.code) {
    case op::add:
      if (is_constant(b, -0.0f)) return a;
      if (is_constant(a, -0.0f)) return b;
      break;
    case op::sub:
      if (is_constant(b, 0.0f)) return a;
      break;
    case op::mul:
      if (is_constant(b, 1.0f)) return a;
      if (is_constant(a, 1.0f)) return b;
      break;
    case op::div:
      if (is_constant(b, 1.0f)) return a;
      break;
    case op::min:
    case op::max:
      if (a == b) return a;
      break;
    case op::select:
      if (c == d) return c;
      break;
    default: break;
  }
  return std::nullopt;
}

inline std::uint16_t assembler::add(instruction line) {
  if (arity(line.code) > 0) {
    for (std::size_t k = 0; k < static_cast<std::size_t>(arity(line.code)); ++k)
      SINTER_ASSERT(line.operands[k] < f_.lines.size());
    if (auto const r = evaluate_known(line)) return *r;
    if (auto const r = simplify(line)) return *r;
    if (auto const r = simplify_signs(line)) return *r;
  }
  return number(line);
}

inline function assembler::take(std::uint16_t result) const {
  std::vector<bool> live(f_.lines.size());
  live[result] = true;
  for (std::size_t i = result + 1u; i-- > 0;) {
    if (!live[i]) continue;
    for (std::size_t k = 0; k < static_cast<std::size_t>(arity(f_.lines[i].code)); ++k)
      live[f_.lines[i].operands[k]] = true;
  }
  function out{.inputs = f_.inputs, .lines = {}};
  out.lines.reserve(f_.lines.size());
  std::vector<std::int32_t> place(f_.lines.size(), -1);
  auto const append = [&](std::uint16_t i, instruction line) {
    place[i] = static_cast<std::int32_t>(out.lines.size());
    out.lines.push_back(line);
  };
  for (std::size_t i = 0; i <= result; ++i) {
    auto line = f_.lines[i];
    if (!live[i] || (arity(line.code) == 0 && i != result)) continue;
    for (std::size_t k = 0; k < static_cast<std::size_t>(arity(line.code)); ++k) {
      auto const operand = line.operands[k];
      if (place[operand] < 0) append(operand, f_.lines[operand]);
      line.operands[k] = static_cast<std::uint16_t>(place[operand]);
    }
    append(static_cast<std::uint16_t>(i), line);
  }
  return out;
}

inline function flatten(value const& root, std::size_t inputs) {
  assembler lines(inputs);
  std::vector<std::pair<value::node const*, std::uint16_t>> done;  // expressions are short
  done.reserve(8);
  auto const find = [&](value const& v) {
    return std::ranges::find(done, v.id(), [](auto const& d) { return d.first; });
  };
  auto const is_done = [&](value const& v) { return find(v) != done.end(); };
  struct visit {
    value const* v;
    std::size_t next;
  };
  std::vector<visit> stack{{&root, 0}};
  while (!stack.empty()) {
    auto& [v, next] = stack.back();
    auto const& n = v->get();
    if (is_done(*v)) {
      stack.pop_back();
    } else if (next < n.operands.size()) {
      auto const* operand = &n.operands[next++];
      if (!is_done(*operand)) stack.push_back({operand, 0});
    } else {
      auto line = n.line;
      SINTER_ASSERT(n.operands.size() == static_cast<std::size_t>(arity(line.code)));
      SINTER_ASSERT(line.code != op::input || line.index < inputs);
      for (std::size_t k = 0; k < n.operands.size(); ++k) line.operands[k] = find(n.operands[k])->second;
      done.emplace_back(v->id(), lines.add(line));
    }
  }
  return lines.take(find(root)->second);
}

inline value substitute(function const& f, std::span<value const> operands) {
  SINTER_ASSERT(operands.size() >= f.inputs && !f.lines.empty());
  std::vector<value> values;
  values.reserve(f.lines.size());
  for (auto line : f.lines) {
    if (line.code == op::input) {
      values.push_back(operands[line.index]);
      continue;
    }
    std::vector<value> arguments;
    for (std::size_t k = 0; k < static_cast<std::size_t>(arity(line.code)); ++k)
      arguments.push_back(values[line.operands[k]]);
    line.operands = {};
    values.emplace_back(line, std::move(arguments));
  }
  return values.back();
}

inline function remap(function const& f, std::span<std::size_t const> to, std::size_t inputs) {
  SINTER_ASSERT(to.size() == f.inputs);
  std::vector<value> operands;
  for (auto const i : to) operands.push_back(input(i));
  return flatten(substitute(f, operands), inputs);
}

inline function compose(function const& outer, std::size_t slot, function const& inner) {
  SINTER_ASSERT(slot < outer.inputs);
  std::vector<value> of_inner, of_outer;
  for (std::size_t i = 0; i < inner.inputs; ++i) of_inner.push_back(input(outer.inputs - 1 + i));
  for (std::size_t i = 0; i < outer.inputs; ++i)
    of_outer.push_back(i == slot ? substitute(inner, of_inner) : input(i < slot ? i : i - 1));
  return flatten(substitute(outer, of_outer), outer.inputs - 1 + inner.inputs);
}

}  // namespace sinter::expr
