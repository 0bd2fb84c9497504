#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace sinter {

/// IEEE binary16 to binary32, exact.
constexpr float half_to_float(std::uint16_t half) {
  std::uint32_t const sign = std::uint32_t(half & 0x8000u) << 16;
  std::uint32_t const exponent = (half >> 10) & 31u;
  std::uint32_t const mantissa = half & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | mantissa << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  float const magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

/// Binary32 to binary16, to nearest, ties to even; what is too large becomes infinity, NaN stays NaN.
constexpr std::uint16_t float_to_half(float value) {
  auto const bits = std::bit_cast<std::uint32_t>(value);
  auto const sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  auto const magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return sign | 0x7e00u | static_cast<std::uint16_t>(magnitude >> 13 & 0x3ffu);
  if (magnitude >= 0x477ff000u) return sign | 0x7c00u;
  if (magnitude < 0x38800000u) {  // subnormal: adding 0.5 rounds to units of 2^-24
    auto const rounded = std::bit_cast<float>(magnitude) + 0.5f;
    return sign | static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(rounded) - 0x3f000000u);
  }
  auto const rounded = magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u);
  return sign | static_cast<std::uint16_t>(rounded >> 13);
}

/// bfloat16 to binary32, exact.
constexpr float bfloat16_to_float(std::uint16_t value) { return std::bit_cast<float>(std::uint32_t(value) << 16); }

/// Binary32 to bfloat16, to nearest, ties to even.
constexpr std::uint16_t float_to_bfloat16(float value) {
  auto const bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/// A subnormal number as a zero of its sign, anything else as it is.
constexpr float without_subnormals(float value) {
  auto const bits = std::bit_cast<std::uint32_t>(value);
  return (bits & 0x7f800000u) == 0 ? std::bit_cast<float>(bits & 0x80000000u) : value;
}

/// Binary32 to bfloat16 as `vcvtne2ps2bf16` does it: to nearest, ties to even; subnormal numbers become zeros.
constexpr std::uint16_t float_to_normal_bfloat16(float value) { return float_to_bfloat16(without_subnormals(value)); }

/// sum + the products of two pairs of bfloat16 as `vdpbf16ps` adds them: that of the high halves first, then that of
/// the low halves, each sum rounded once; subnormal numbers count as zeros and become zeros.
inline float add_bfloat16_products(std::uint32_t a, std::uint32_t b, float sum) {
  auto const low = [](std::uint32_t pair) { return without_subnormals(std::bit_cast<float>(pair << 16)); };
  auto const high = [](std::uint32_t pair) { return without_subnormals(std::bit_cast<float>(pair & 0xffff0000u)); };
  sum = without_subnormals(std::fma(high(a), high(b), without_subnormals(sum)));
  return without_subnormals(std::fma(low(a), low(b), sum));
}

}  // namespace sinter
