#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace sinter::kernels {

/// c (m x n) += a (m x k) * b (k x n), all dense row-major.
template <typename T>
void multiply(std::int64_t m, std::int64_t n, std::int64_t k, T const* a, T const* b, T* c) {
  std::int64_t i = 0;
  for (; i + 4 <= m; i += 4) {
    auto *c0 = c + i * n, *c1 = c0 + n, *c2 = c1 + n, *c3 = c2 + n;
    for (std::int64_t p = 0; p < k; ++p) {
      auto const* row = b + p * n;
      T const a0 = a[i * k + p], a1 = a[(i + 1) * k + p], a2 = a[(i + 2) * k + p], a3 = a[(i + 3) * k + p];
      for (std::int64_t j = 0; j < n; ++j) {
        c0[j] += a0 * row[j];
        c1[j] += a1 * row[j];
        c2[j] += a2 * row[j];
        c3[j] += a3 * row[j];
      }
    }
  }
  for (; i < m; ++i)
    for (std::int64_t p = 0; p < k; ++p) {
      auto const* row = b + p * n;
      T const factor = a[i * k + p];
      for (std::int64_t j = 0; j < n; ++j) c[i * n + j] += factor * row[j];
    }
}

/// The inner product of two vectors of `count` elements, summed in eight interleaved parts.
template <typename T>
T inner_product(std::int64_t count, T const* a, T const* b) {
  T parts[8]{};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int l = 0; l < 8; ++l) parts[l] += a[i + l] * b[i + l];
  for (; i < count; ++i) parts[0] += a[i] * b[i];
  return ((parts[0] + parts[4]) + (parts[2] + parts[6])) + ((parts[1] + parts[5]) + (parts[3] + parts[7]));
}

/// c (m x n) += a (m x k) * b' with b n x k, all dense row-major.
template <typename T>
void multiply_transposed(std::int64_t m, std::int64_t n, std::int64_t k, T const* a, T const* b, T* c) {
  for (std::int64_t i = 0; i < m; ++i)
    for (std::int64_t j = 0; j < n; ++j) c[i * n + j] += inner_product(k, a + i * k, b + j * k);
}

/// The transpose (columns x rows) of a dense row-major matrix.
template <typename T>
std::vector<T> transposed(std::int64_t rows, std::int64_t columns, T const* from) {
  std::vector<T> to(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) to[static_cast<std::size_t>(j * rows + i)] = from[i * columns + j];
  return to;
}

}  // namespace sinter::kernels
