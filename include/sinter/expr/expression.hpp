#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/expression_line.hpp>

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sinter::expr {

/// A pointwise function of `inputs` operands in SSA form; the last line is its result. No line appears twice.
struct function {
  std::size_t inputs = 0;
  std::vector<instruction> lines{};

  friend bool operator==(function const&, function const&) = default;
};

/// A node of an expression under construction; cheap to copy, immutable, shared.
class value {
 public:
  struct node {
    instruction line;
    std::vector<value> operands;
  };

  value(float constant) : value({.code = op::constant, .value = constant}, {}) {}
  value(instruction line, std::vector<value> operands)
      : node_(std::make_shared<node const>(node{line, std::move(operands)})) {}

  node const& get() const { return *node_; }
  node const* id() const { return node_.get(); }

 private:
  std::shared_ptr<node const> node_;
};

inline value input(std::size_t index) { return {{.code = op::input, .index = static_cast<std::uint16_t>(index)}, {}}; }
inline value unary(op code, value a) { return {{.code = code}, {std::move(a)}}; }
inline value binary(op code, value a, value b) { return {{.code = code}, {std::move(a), std::move(b)}}; }

inline value operator+(value a, value b) { return binary(op::add, std::move(a), std::move(b)); }
inline value operator-(value a, value b) { return binary(op::sub, std::move(a), std::move(b)); }
inline value operator*(value a, value b) { return binary(op::mul, std::move(a), std::move(b)); }
inline value operator/(value a, value b) { return binary(op::div, std::move(a), std::move(b)); }
inline value operator-(value a) { return unary(op::neg, std::move(a)); }
inline value min(value a, value b) { return binary(op::min, std::move(a), std::move(b)); }
inline value max(value a, value b) { return binary(op::max, std::move(a), std::move(b)); }
inline value pow(value a, value b) { return binary(op::pow, std::move(a), std::move(b)); }
inline value scale2(value a, value b) { return binary(op::scale2, std::move(a), std::move(b)); }
inline value fma(value a, value b, value c) { return {{.code = op::fma}, {std::move(a), std::move(b), std::move(c)}}; }
inline value sqrt(value a) { return unary(op::sqrt, std::move(a)); }
inline value round(value a) { return unary(op::round, std::move(a)); }
inline value floor(value a) { return unary(op::floor, std::move(a)); }
inline value ceil(value a) { return unary(op::ceil, std::move(a)); }
inline value abs(value a) { return unary(op::abs, std::move(a)); }
inline value sign(value a) { return unary(op::sign, std::move(a)); }
inline value reciprocal(value a) { return unary(op::reciprocal, std::move(a)); }
inline value exp(value a) { return unary(op::exp, std::move(a)); }
inline value log(value a) { return unary(op::log, std::move(a)); }
inline value tanh(value a) { return unary(op::tanh, std::move(a)); }
inline value sigmoid(value a) { return unary(op::sigmoid, std::move(a)); }
inline value erf(value a) { return unary(op::erf, std::move(a)); }
inline value sin(value a) { return unary(op::sin, std::move(a)); }
inline value cos(value a) { return unary(op::cos, std::move(a)); }
inline value exponent(value a) { return unary(op::exponent, std::move(a)); }
inline value mantissa(value a) { return unary(op::mantissa, std::move(a)); }
inline value round_half(value a) { return unary(op::round_half, std::move(a)); }
inline value round_bfloat16(value a) { return unary(op::round_bfloat16, std::move(a)); }

/// A comparison, to be used by `select`.
struct condition {
  compare cc{};
  value a;
  value b;
};
inline condition operator<(value a, value b) { return {compare::lt, std::move(a), std::move(b)}; }
inline condition operator<=(value a, value b) { return {compare::le, std::move(a), std::move(b)}; }
inline condition operator>(value a, value b) { return {compare::gt, std::move(a), std::move(b)}; }
inline condition operator>=(value a, value b) { return {compare::ge, std::move(a), std::move(b)}; }
inline condition operator==(value a, value b) { return {compare::eq, std::move(a), std::move(b)}; }
inline condition operator!=(value a, value b) { return {compare::ne, std::move(a), std::move(b)}; }
inline value select(condition c, value then, value otherwise) {
  return {{.code = op::select, .cc = c.cc}, {std::move(c.a), std::move(c.b), std::move(then), std::move(otherwise)}};
}

}  // namespace sinter::expr
