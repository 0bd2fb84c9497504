#pragma once

#include <sinter/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace sinter {

/// Arithmetic on values that come from a model: overflow is `error_code::malformed_model`, never undefined.
inline std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_add_overflow(a, b, &r)) fail(error_code::malformed_model, "{} + {} overflows 64 bits", a, b);
  return r;
}

inline std::int64_t checked_sub(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_sub_overflow(a, b, &r)) fail(error_code::malformed_model, "{} - {} overflows 64 bits", a, b);
  return r;
}

inline std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) fail(error_code::malformed_model, "{} * {} overflows 64 bits", a, b);
  return r;
}

/// Quotient rounded towards zero; division by zero and INT64_MIN / -1 are errors.
inline std::int64_t checked_div(std::int64_t a, std::int64_t b) {
  if (b == 0) fail(error_code::malformed_model, "{} is divided by zero", a);
  if (a == INT64_MIN && b == -1) fail(error_code::malformed_model, "{} / {} overflows 64 bits", a, b);
  return a / b;
}

/// Product of non-negative extents as a size; a negative extent or an overflow is an error.
inline std::size_t checked_product(std::span<std::int64_t const> extents) {
  std::int64_t product = 1;
  for (auto const extent : extents) {
    if (extent < 0) fail(error_code::malformed_model, "a dimension is negative: {}", extent);
    product = checked_mul(product, extent);
  }
  return static_cast<std::size_t>(product);
}

/// Smallest multiple of `step` that is at least `value`; both non-negative, `step` positive.
constexpr std::int64_t round_up(std::int64_t value, std::int64_t step) { return (value + step - 1) / step * step; }
constexpr std::int64_t ceil_div(std::int64_t value, std::int64_t step) { return (value + step - 1) / step; }

}  // namespace sinter
