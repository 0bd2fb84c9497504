#pragma once

namespace sinter {

/// What to give up speed for, where there are several ways to compute the same thing. Neither changes what a model
/// means.
struct preferences {
  /// Rounding errors no larger than those of sums in order. Without it, 3x3 convolutions may take Winograd's F(4,3),
  /// whose errors are about twice as large.
  bool precise = false;
  /// Packed weights of at most twice the model's. Those of F(4,3) are four times as large.
  bool small_weights = false;
};

}  // namespace sinter
