#pragma once

#include <cstdint>

namespace sinter {

/// How factors are rounded before they are multiplied: not at all, to 10 bits of mantissa with the range of float, or
/// to a type of 16 bits. Sums are float.
enum class factor_precision : std::int8_t { exact, tf32, float16, bfloat16 };

/// What to give up speed or precision for, where there are several ways to compute the same thing. None changes what a
/// model means.
struct preferences {
  /// Rounding errors no larger than those of sums in order. Without it, 3x3 convolutions may take Winograd's F(4,3),
  /// whose errors are about twice as large.
  bool precise = false;
  /// Packed weights of at most twice the model's. Those of F(4,3) are four times as large.
  bool small_weights = false;
  /// What the factors of convolutions and matrix products may be rounded to on devices with matrix units; CPUs are
  /// exact.
  factor_precision factors = factor_precision::exact;
};

}  // namespace sinter
