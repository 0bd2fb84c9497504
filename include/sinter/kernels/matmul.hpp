#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/kernels/pointwise.hpp>
#include <sinter/kernels/quantize.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <utility>

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

/// How numpy's matmul sees two shapes: a stack of m x k by k x n products whose leading dimensions broadcast.
struct matmul_extents {
  shape output{};
  shape batch{};
  shape a_strides{};  ///< of the batch dimensions, in matrices; 0 where broadcast
  shape b_strides{};
  std::int64_t m = 1, n = 1, k = 1;

  /// The matrices of `a` and `b` that product number `index` multiplies.
  std::pair<std::int64_t, std::int64_t> matrices(std::int64_t index) const {
    std::int64_t a = 0, b = 0;
    for (std::size_t d = batch.rank(); d-- > 0; index /= batch[d]) {
      a += index % batch[d] * a_strides[d];
      b += index % batch[d] * b_strides[d];
    }
    return {a, b};
  }
};

/// Shapes that do not multiply are an error.
inline matmul_extents extents_of_matmul(shape a, shape b) {
  if (a.empty() || b.empty())
    throw error(error_code::malformed_model, "the inputs have shapes " + to_string(a) + " and " + to_string(b) +
                                                 ", expected at least one dimension");
  bool const row = a.rank() == 1, column = b.rank() == 1;
  if (row) a.insert(0, 1);
  if (column) b.push_back(1);
  matmul_extents e;
  e.m = a[a.rank() - 2];
  e.k = a.back();
  e.n = b.back();
  if (auto const rows = b[b.rank() - 2]; rows != e.k)
    throw error(error_code::malformed_model, "matrices of shapes " + to_string(a) + " and " + to_string(b) +
                                                 " do not multiply: " + std::to_string(e.k) + " columns, " +
                                                 std::to_string(rows) + " rows");
  shape const a_batch(a.span().first(a.rank() - 2)), b_batch(b.span().first(b.rank() - 2));
  e.batch = broadcast(a_batch, b_batch);
  e.a_strides = broadcast_strides(a_batch, e.batch);
  e.b_strides = broadcast_strides(b_batch, e.batch);
  e.output = e.batch;
  if (!row) e.output.push_back(e.m);
  if (!column) e.output.push_back(e.n);
  return e;
}

/// y = a * b for every matrix of the stack.
template <typename T>
void multiply_stacks(matmul_extents const& e, T const* a, T const* b, T* y) {
  auto const count = static_cast<std::int64_t>(e.batch.elements());
  std::fill_n(y, count * e.m * e.n, T{});
  for (std::int64_t i = 0; i < count; ++i) {
    auto const [ia, ib] = e.matrices(i);
    multiply(e.m, e.n, e.k, a + ia * e.m * e.k, b + ib * e.k * e.n, y + i * e.m * e.n);
  }
}

/// Products of stacks of matrices in[0] and in[1].
inline status matrix_products(call const& c) {
  return visit_modular(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> a(c.in[0], c.memory), b(c.in[1], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (!c.memory.measuring()) multiply_stacks<T>(extents_of_matmul(c.in[0].shape, c.in[1].shape), a, b, y);
    return {};
  });
}

/// The same plus in[2] (which may be omitted), and then an expression of that and of in[3] and so on, where there are
/// reals. Numbers: whether the matrices of in[1] are transposed, the expression.
inline status fused_products(call const& c) {
  auto right = c.in[1];
  if (c.integers[0]) {
    auto const rank = right.shape.rank();
    auto strides = row_major_strides(right.shape);
    std::swap(strides[rank - 1], strides[rank - 2]);
    std::swap(right.shape[rank - 1], right.shape[rank - 2]);
    right.data = c.memory.take<std::uint64_t>((right.bytes() + 7) / 8);
    if (!c.memory.measuring())
      strided_copy(c.in[1], 0, strides, {right.type, right.shape, const_cast<void*>(right.data)});
  }
  std::array<tensor_view, 2> const factors{c.in[0], right};
  matrix_products({factors, c.out, {}, {}, c.memory});
  if (auto const bias = c.input(2)) {
    visit_floating(c.out[0].type, [&]<typename T>() {
      auto const add = [](T* y, T const* const* x, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) y[i] = x[0][i] + x[1][i];
      };
      std::array<tensor_view, 2> const terms{c.out[0], bias};
      return map_blocks<T>(terms, c.out[0], c.memory, add);
    });
  }
  return pointwise_after(c, 1);
}

/// alpha * A' * B' + beta * C, where C may be omitted. Numbers: whether A and B are transposed; reals: alpha, beta.
inline status general_product(call const& c) {
  bool const transpose_a = c.integers[0] != 0, transpose_b = c.integers[1] != 0;
  auto const m = c.out[0].shape[0], n = c.out[0].shape[1], k = c.in[0].shape[transpose_a ? 0 : 1];
  return visit_compute(c.in[0].type, [&]<typename T>() -> status {
    auto const alpha = static_cast<float>(c.reals[0]);
    auto const beta = static_cast<T>(c.reals[1]);
    bool const changes = transpose_a || alpha != 1;
    staged_input<T> given(c.in[0], c.memory), b(c.in[1], c.memory), addend(c.input(2), c.memory);
    staged_output<T> y(c.out[0], c.memory);
    auto* const copy = c.memory.take<T>(changes ? static_cast<std::size_t>(m * k) : 0);
    if (c.memory.measuring()) return {};
    std::fill_n(y.data(), m * n, T{});
    if (addend.data() && beta != T{}) {
      auto const& s = c.in[2].shape;
      auto const columns = s.rank() > 0 ? s.back() : 1, rows = s.rank() > 1 ? s[s.rank() - 2] : 1;
      for (std::int64_t i = 0; i < m; ++i)
        for (std::int64_t j = 0; j < n; ++j)
          y[i * n + j] = beta * addend[(rows == 1 ? 0 : i) * columns + (columns == 1 ? 0 : j)];
    }
    for (std::int64_t i = 0; changes && i < m; ++i)
      for (std::int64_t j = 0; j < k; ++j)
        copy[i * k + j] = static_cast<T>(given[transpose_a ? j * m + i : i * k + j] * alpha);
    T const* const a = changes ? copy : given.data();
    if (transpose_b)
      multiply_transposed<T>(m, n, k, a, b, y);
    else
      multiply<T>(m, n, k, a, b, y);
    return {};
  });
}

/// The axis along which a zero point of the left factor varies.
inline std::size_t row_axis(shape const& a) { return a.rank() > 1 ? a.rank() - 2 : 0; }

/// Products of integers; in[2] and in[3] are zero points, which may be omitted.
inline status integer_products(call const& c) {
  auto const &a = c.in[0].shape, &b = c.in[1].shape;
  auto const* const x = without_zero_point(c.in[0], c.input(2), row_axis(a), c.memory);
  auto const* const w = without_zero_point(c.in[1], c.input(3), b.rank() - 1, c.memory);
  staged_output<std::int64_t> y(c.out[0], c.memory);
  if (!c.memory.measuring()) multiply_stacks<std::int64_t>(extents_of_matmul(a, b), x, w, y);
  return {};
}

/// The products of in[0] less its zero point in[2] with in[1] as float32, and then an expression of these and of in[3]
/// and so on, where there are reals. Numbers: the expression.
inline status real_integer_products(call const& c) {
  auto const &a = c.in[0].shape, &b = c.in[1].shape;
  auto const* const x = without_zero_point(c.in[0], c.in[2], row_axis(a), c.memory);
  auto const* const w = without_zero_point(c.in[1], {}, b.rank() - 1, c.memory);
  auto* const sums = c.memory.take<std::int64_t>(c.out[0].elements());
  if (!c.memory.measuring()) {
    multiply_stacks<std::int64_t>(extents_of_matmul(a, b), x, w, sums);
    std::transform(sums, sums + c.out[0].elements(), static_cast<float*>(c.out[0].data),
                   [](std::int64_t sum) { return static_cast<float>(sum); });
  }
  return pointwise_after(c, 0);
}

/// Products of quantised numbers: A, its scale and zero point, B, its, the output's, a bias that may be omitted.
/// Then what is added to the results. Numbers: the least and the greatest result, and those of sums.
inline status quantized_products(call const& c) {
  auto const e = extents_of_matmul(c.in[0].shape, c.in[3].shape);
  auto const* const a = without_zero_point(c.in[0], c.in[2], row_axis(c.in[0].shape), c.memory);
  auto const* const b = without_zero_point(c.in[3], c.in[5], c.in[3].shape.rank() - 1, c.memory);
  staged_input<float> a_scale(c.in[1], c.memory), b_scale(c.in[4], c.memory), y_scale(c.in[6], c.memory);
  staged_input<std::int64_t> zero(c.in[7], c.memory), bias(c.input(8), c.memory);
  quantized_addend const added(c, 9);
  auto const count = c.out[0].elements();
  auto* const sums = c.memory.take<std::int64_t>(count);
  if (c.memory.measuring()) return {};
  multiply_stacks<std::int64_t>(e, a, b, sums);
  integer_range const range{c.integers[0], c.integers[1]},
      of_sums = c.input(9) ? integer_range{c.integers[2], c.integers[3]} : range;
  auto const pick = [](tensor_view v, std::int64_t i) { return v.elements() == 1 ? 0 : i; };
  for (std::size_t i = 0; i < count; ++i) {
    auto const column = static_cast<std::int64_t>(i) % e.n, row = static_cast<std::int64_t>(i) / e.n % e.m;
    auto const scale = a_scale[pick(c.in[1], row)] * b_scale[pick(c.in[4], column)] / y_scale[pick(c.in[6], row)];
    auto const sum = bias.data() ? sums[i] + bias[column] : sums[i];
    auto const y = quantized(static_cast<float>(sum) * scale, zero[pick(c.in[7], row)], range);
    store<std::int64_t>(c.out[0].type, c.out[0].data, i, added(i, y, y_scale[0], zero[0], of_sums));
  }
  return {};
}

}  // namespace sinter::kernels
