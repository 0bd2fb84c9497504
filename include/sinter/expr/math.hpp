#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/expr/power.hpp>
#include <sinter/expr/transcendental.hpp>

#include <algorithm>
#include <vector>

namespace sinter::expr {

/// `f` over primitive operations only: the same value, bits included, in every emitter and in `evaluate`. Worst errors
/// in units in the last place: exp and log 1, sigmoid 2.5, tanh 3, erf 4, pow 5, sin and cos 1.6 up to 10^4; their
/// error grows from there, and past 10^7 they only stay within [-1, 1].
///
/// NaN gives NaN, and infinities and zeros give what IEEE 754 recommends, the sign of zero included. Subnormal
/// arguments and results are computed, except that sigmoid gives 0 where its value is below 2^-126.
function expand(function const& f);

namespace detail {

inline value expand_line(instruction const& line, std::vector<value> x) {
  switch (line.code) {
    case op::neg: return -0.0f - x[0];
    case op::abs: return max(0.0f - x[0], x[0]) + 0.0f;
    case op::ceil: return -0.0f - floor(-0.0f - x[0]);
    case op::sign: return select(x[0] > 0.0f, 1.0f, select(x[0] < 0.0f, -1.0f, x[0]));
    case op::reciprocal: return 1.0f / x[0];
    case op::round_half: return expanded_round_half(x[0]);
    case op::round_bfloat16: return expanded_round_bfloat16(x[0]);
    case op::exp: return expanded_exp(x[0]);
    case op::log: return expanded_log(x[0]);
    case op::tanh: return expanded_tanh(x[0]);
    case op::sigmoid: return expanded_sigmoid(x[0]);
    case op::erf: return expanded_erf(x[0]);
    case op::sin: return expanded_sin(x[0]);
    case op::cos: return expanded_cos(x[0]);
    case op::pow: return expanded_pow(x[0], x[1]);
    default: return {line, std::move(x)};
  }
}

}  // namespace detail

inline function expand(function const& f) {
  if (std::ranges::all_of(f.lines, [](instruction const& line) { return is_primitive(line.code); })) return f;
  std::vector<value> values;
  values.reserve(f.lines.size());
  for (auto line : f.lines) {
    std::vector<value> operands;
    for (std::size_t k = 0; k < static_cast<std::size_t>(arity(line.code)); ++k)
      operands.push_back(values[line.operands[k]]);
    line.operands = {};
    values.push_back(detail::expand_line(line, std::move(operands)));
  }
  return flatten(values.back(), f.inputs);
}

}  // namespace sinter::expr
