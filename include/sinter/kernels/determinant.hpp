#pragma once

#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace sinter::kernels {

/// The determinant of an n x n matrix, by elimination with partial pivoting; destroys the matrix.
inline double determinant(double* m, std::int64_t n) {
  double result = 1;
  auto const at = [&](std::int64_t i, std::int64_t j) -> double& { return m[i * n + j]; };
  for (std::int64_t k = 0; k < n; ++k) {
    auto pivot = k;
    for (auto i = k + 1; i < n; ++i)
      if (std::abs(at(i, k)) > std::abs(at(pivot, k))) pivot = i;
    if (at(pivot, k) == 0) return 0;
    if (pivot != k) {
      for (std::int64_t j = 0; j < n; ++j) std::swap(at(k, j), at(pivot, j));
      result = -result;
    }
    result *= at(k, k);
    for (auto i = k + 1; i < n; ++i) {
      auto const factor = at(i, k) / at(k, k);
      for (auto j = k; j < n; ++j) at(i, j) -= factor * at(k, j);
    }
  }
  return result;
}

/// The determinants of a stack of square matrices.
inline status determinants(call const& c) {
  auto const n = c.in[0].shape.back();
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    auto* const copy = c.memory.take<double>(static_cast<std::size_t>(n * n));
    if (c.memory.measuring()) return {};
    auto const count = static_cast<std::int64_t>(c.out[0].elements());
    for (std::int64_t i = 0; i < count; ++i) {
      std::copy_n(x + i * n * n, n * n, copy);
      y[i] = static_cast<T>(determinant(copy, n));
    }
    return {};
  });
}

}  // namespace sinter::kernels
