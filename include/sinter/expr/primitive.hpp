#pragma once

#include <sinter/expr/expression.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

namespace sinter::expr {

/// Whether an operation is an instruction of vector programs (or an operand), not a function that `expand` replaces.
constexpr bool is_primitive(op code) { return code < op::round_half; }

/// What a primitive operation computes from one lane of each operand; the bits of every emitter (NaN payloads aside).
inline float evaluate(op code, compare cc, std::array<float, 4> const& x) {
  auto const [a, b, c, d] = x;
  auto const bits = std::bit_cast<std::uint32_t>(a);
  switch (code) {
    case op::add: return a + b;
    case op::sub: return a - b;
    case op::mul: return a * b;
    case op::div: return a / b;
    case op::min: return a < b ? a : b;
    case op::max: return a > b ? a : b;
    case op::fma: return std::fma(a, b, c);
    case op::sqrt: return std::sqrt(a);
    case op::round: return std::nearbyint(a);
    case op::floor: return std::floor(a);
    case op::scale2:
      if (!(b >= -126 && b <= 127)) return std::bit_cast<float>(0x7fc00000u);  // a NaN, or outside of the contract
      return a * std::bit_cast<float>(static_cast<std::uint32_t>(static_cast<std::int32_t>(b) + 127) << 23);
    case op::select: return holds(cc, a, b) ? c : d;
    case op::exponent: return static_cast<float>(static_cast<std::int32_t>(bits >> 23) - 127);
    case op::mantissa: return std::bit_cast<float>((bits & 0x7fffffu) | 0x3f800000u);
    default: SINTER_ASSERT(!"a primitive operation");
  }
  return 0;
}

}  // namespace sinter::expr
