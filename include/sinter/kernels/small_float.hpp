#pragma once

#include <sinter/core/dtype.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace sinter {

/// A floating type of at most eight bits with a sign: value = mantissa * 2^(exponent - bias).
struct small_float {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  std::uint8_t largest;  ///< code of the largest finite value
  int infinity;          ///< its code, or -1
  int nan;               ///< its code, or -1
  bool negative_zero;    ///< false: the code 0x80 is NaN
};

inline constexpr small_float float8e4m3fn_format{4, 3, 7, 0x7e, -1, 0x7f, true};
inline constexpr small_float float8e4m3fnuz_format{4, 3, 8, 0x7f, -1, 0x80, false};
inline constexpr small_float float8e5m2_format{5, 2, 15, 0x7b, 0x7c, 0x7f, true};
inline constexpr small_float float8e5m2fnuz_format{5, 2, 16, 0x7f, -1, 0x80, false};
inline constexpr small_float float4e2m1_format{2, 1, 1, 0x07, -1, -1, true};

inline float decode(small_float const& f, std::uint8_t code) {
  int const sign_bit = f.exponent_bits + f.mantissa_bits;
  bool const negative = code >> sign_bit & 1;
  int const magnitude = code & ((1 << sign_bit) - 1);
  if (!f.negative_zero && code == f.nan) return std::numeric_limits<float>::quiet_NaN();
  if (magnitude > f.largest)
    return magnitude == f.infinity ? (negative ? -1.0f : 1.0f) * std::numeric_limits<float>::infinity()
                                   : std::numeric_limits<float>::quiet_NaN();
  int const exponent = magnitude >> f.mantissa_bits;
  int const mantissa = magnitude & ((1 << f.mantissa_bits) - 1);
  float const value = exponent == 0
                          ? std::ldexp(float(mantissa), 1 - f.bias - f.mantissa_bits)
                          : std::ldexp(float(mantissa + (1 << f.mantissa_bits)), exponent - f.bias - f.mantissa_bits);
  return negative ? -value : value;
}

/// To nearest, ties to even. What is too large becomes the largest value if `saturate`, else infinity or NaN.
inline std::uint8_t encode(small_float const& f, float value, bool saturate = true) {
  int const sign_bit = f.exponent_bits + f.mantissa_bits;
  if (std::isnan(value)) return static_cast<std::uint8_t>(f.nan >= 0 ? f.nan : 0);
  int const sign = std::signbit(value) ? 1 << sign_bit : 0;
  int code = f.largest + 1;
  if (std::isfinite(value) && std::fabs(value) < 0x1p17f) {
    float const a = std::fabs(value);
    int const exponent = a == 0 ? 1 - f.bias : std::max(std::ilogb(a), 1 - f.bias);
    auto const units = static_cast<int>(std::nearbyint(std::ldexp(a, f.mantissa_bits - exponent)));
    code = ((exponent + f.bias - 1) << f.mantissa_bits) + units;
  }
  if (code > f.largest) {
    if (!saturate && f.infinity >= 0) return static_cast<std::uint8_t>(sign | f.infinity);
    if (!saturate && f.nan >= 0) return static_cast<std::uint8_t>(f.negative_zero ? sign | f.nan : f.nan);
    code = f.largest;
  }
  if (code == 0 && !f.negative_zero) return 0;
  return static_cast<std::uint8_t>(sign | code);
}

/// Powers of two 2^-127 … 2^127; the code 0xff is NaN.
inline float decode_e8m0(std::uint8_t code) {
  return code == 0xff ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.0f, int(code) - 127);
}

enum class e8m0_rounding : std::uint8_t { nearest, up, down };

/// The power of two near |value|. Outside the range: the nearest end if `saturate`, else NaN.
inline std::uint8_t encode_e8m0(float value, e8m0_rounding rounding = e8m0_rounding::nearest, bool saturate = true) {
  if (std::isnan(value)) return 0xff;
  float const a = std::fabs(value);
  if (std::isinf(a)) return saturate ? 0xfe : 0xff;
  if (a == 0) return saturate ? 0 : 0xff;
  int exponent = std::ilogb(a);
  float const fraction = std::ldexp(a, -exponent);
  if (rounding == e8m0_rounding::up ? fraction > 1 : rounding == e8m0_rounding::nearest && fraction >= 1.5f) ++exponent;
  if (exponent > 127) return saturate ? 0xfe : 0xff;
  if (exponent < -127) return saturate ? 0 : 0xff;
  return static_cast<std::uint8_t>(exponent + 127);
}

}  // namespace sinter
