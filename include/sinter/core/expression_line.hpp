#pragma once

#include <sinter/core/compare.hpp>

#include <array>
#include <bit>
#include <cstdint>

namespace sinter::expr {

/// Operations of pointwise float expressions. The first group are instructions of vector programs; the second group are
/// functions that `expr/math.hpp` expands into the first, so that every emitter computes the same bits.
enum class op : std::uint8_t {
  input,     ///< operand number `index`
  constant,  ///< `value`
  add,
  sub,
  mul,
  div,
  min,  ///< a < b ? a : b, so a NaN gives b
  max,  ///< a > b ? a : b, so a NaN gives b
  fma,  ///< a * b + c, rounded once
  sqrt,
  round,  ///< to the nearest integer, ties to even
  floor,
  scale2,    ///< a * 2^b for an integral b in -126..127
  select,    ///< compare(a, b) ? c : d
  exponent,  ///< floor(log2(a)) of a positive normal a
  mantissa,  ///< a / 2^exponent(a), in [1, 2)
  // functions
  round_half,      ///< to binary16 and back
  round_bfloat16,  ///< to bfloat16 and back
  neg,
  abs,
  ceil,
  sign,
  reciprocal,
  exp,
  log,
  tanh,
  sigmoid,
  erf,
  sin,
  cos,
  pow
};

using sinter::compare;  ///< how `select` compares

/// Number of operands of an operation.
constexpr int arity(op code) {
  switch (code) {
    case op::input:
    case op::constant: return 0;
    case op::add:
    case op::sub:
    case op::mul:
    case op::div:
    case op::min:
    case op::max:
    case op::scale2:
    case op::pow: return 2;
    case op::fma: return 3;
    case op::select: return 4;
    default: return 1;
  }
}

/// One line of a function: operands are earlier lines.
struct instruction {
  op code = op::constant;
  compare cc = compare::eq;
  std::uint16_t index = 0;  ///< which input
  float value = 0;          ///< of a constant
  std::array<std::uint16_t, 4> operands{};

  /// Equal lines have the same bits: constants 0 and -0 differ, a NaN equals itself.
  friend bool operator==(instruction const& a, instruction const& b) {
    return a.code == b.code && a.cc == b.cc && a.index == b.index && a.operands == b.operands &&
           std::bit_cast<std::uint32_t>(a.value) == std::bit_cast<std::uint32_t>(b.value);
  }
};

}  // namespace sinter::expr
