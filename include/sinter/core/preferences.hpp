#pragma once

#include <sinter/core/dtype.hpp>

#include <cstdint>

namespace sinter {

/// What numbers may be rounded to; sums are float32 always. On CPUs bfloat16 alone has kernels: it is for factors.
enum class precision : std::int8_t {
  exact,    ///< float32 is stored and computed as such
  tf32,     ///< factors of products have 10 bits of mantissa and the range of float32
  float16,  ///< factors have 16 bits, and weights and what passes between nodes are stored so; up to 65504
  bfloat16  ///< the same with 7 bits of mantissa and the range of float32
};

/// The type that tensors of float32 are stored as; undefined: float32.
constexpr dtype stored_element(precision p) {
  if (p == precision::float16) return dtype::float16;
  return p == precision::bfloat16 ? dtype::bfloat16 : dtype::undefined;
}

/// What to give up speed or precision for, where there are several ways to compute the same thing. None changes what a
/// model means.
struct preferences {
  /// Rounding errors no larger than those of sums in order. Without it, 3x3 convolutions may take Winograd's F(4,3),
  /// whose errors are about twice as large.
  bool precise = false;
  /// Packed weights of at most twice the model's. Those of F(4,3) are four times as large.
  bool small_weights = false;
  /// What may be rounded to.
  sinter::precision precision = sinter::precision::exact;
};

}  // namespace sinter
