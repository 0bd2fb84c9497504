#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/core/error.hpp>
#include <sinter/core/target.hpp>

#include <array>
#include <cstdint>
#include <utility>

namespace sinter {

/// What numbers may be rounded to, where that costs less; sums are float32 always. On CPUs weights of products are
/// stored in 16 bits, what passes between nodes is float32, and pairs of bfloat16 are multiplied where the target can.
enum class precision : std::int8_t {
  exact,     ///< float32 is stored and computed as such
  tf32,      ///< factors of products have 10 bits of mantissa and the range of float32; CUDA devices only
  float16,   ///< factors have 16 bits, and weights and what passes between nodes are stored so; up to 65504
  bfloat16,  ///< the same with 7 bits of mantissa and the range of float32
  fastest    ///< of these, what costs least on the target: see `precision_on`
};

/// What the tool calls them.
inline constexpr auto precision_names =
    std::to_array<std::pair<char const*, precision>>({{"exact", precision::exact},
                                                      {"tf32", precision::tf32},
                                                      {"fp16", precision::float16},
                                                      {"bf16", precision::bfloat16},
                                                      {"fastest", precision::fastest}});

/// What `asked` is on a target: `fastest` is bfloat16 for a CPU that multiplies pairs of it, else float16, which rounds
/// less. Errors: unsupported_feature for tf32 on what is no CUDA device.
inline precision precision_on(target const& machine, precision asked) {
  bool const cuda = machine.device() == device_kind::cuda;
  if (asked == precision::tf32 && !cuda)
    fail(error_code::unsupported_feature,
         "precision tf32 is for CUDA devices, not for {}: expected exact, fp16, bf16 or fastest", machine.row().name);
  if (asked != precision::fastest) return asked;
  return machine.has(feature::avx512bf16) ? precision::bfloat16 : precision::float16;
}

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
