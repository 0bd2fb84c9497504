#pragma once

#include <sinter/core/failure.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sinter {

namespace detail {

[[noreturn]] inline void overflows(std::int64_t a, char const* operation, std::int64_t b) {
  throw error(error_code::malformed_model,
              std::to_string(a) + " " + operation + " " + std::to_string(b) + " overflows 64 bits");
}

}  // namespace detail

/// Arithmetic on values that come from a model: overflow is `error_code::malformed_model`, never undefined.
inline std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_add_overflow(a, b, &r)) detail::overflows(a, "+", b);
  return r;
}

inline std::int64_t checked_sub(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_sub_overflow(a, b, &r)) detail::overflows(a, "-", b);
  return r;
}

inline std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) detail::overflows(a, "*", b);
  return r;
}

/// Product of non-negative extents as a size; a negative extent or an overflow is an error.
inline std::size_t checked_product(std::span<std::int64_t const> extents) {
  std::int64_t product = 1;
  for (auto const extent : extents) {
    if (extent < 0) throw error(error_code::malformed_model, "a dimension is negative: " + std::to_string(extent));
    product = checked_mul(product, extent);
  }
  return static_cast<std::size_t>(product);
}

/// value / step rounded up, for any `value` and a positive `step`; does not overflow.
constexpr std::int64_t ceil_div(std::int64_t value, std::int64_t step) { return value / step + (value % step > 0); }

/// Smallest multiple of `step` that is at least `value`; `step` positive.
constexpr std::int64_t round_up(std::int64_t value, std::int64_t step) { return ceil_div(value, step) * step; }

}  // namespace sinter
