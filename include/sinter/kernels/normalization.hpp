#pragma once

#include <cmath>
#include <cstdint>

namespace sinter::kernels {

/// Mean and mean square distance from it.
struct moments {
  double mean = 0;
  double variance = 0;
};

/// The moments of `count` elements; with `centred` false, the mean is taken to be 0.
template <typename T>
moments moments_of(T const* x, std::int64_t count, bool centred = true) {
  moments m;
  if (centred) {
    for (std::int64_t i = 0; i < count; ++i) m.mean += static_cast<double>(x[i]);
    m.mean /= static_cast<double>(count);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    auto const d = static_cast<double>(x[i]) - m.mean;
    m.variance += d * d;
  }
  m.variance /= static_cast<double>(count);
  return m;
}

inline double inverse_deviation(moments const& m, double epsilon) { return 1 / std::sqrt(m.variance + epsilon); }

/// y = x * scale + shift.
template <typename T>
void scale_and_shift(T const* x, T* y, std::int64_t count, T scale, T shift) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] * scale + shift;
}

}  // namespace sinter::kernels
