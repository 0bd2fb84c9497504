#pragma once

#include <sinter/kernels/broadcast.hpp>
#include <sinter/kernels/matmul.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

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

inline matmul_extents extents_of_matmul(shape a, shape b) {
  if (a.empty() || b.empty())
    fail(error_code::malformed_model, "the inputs have shapes {} and {}, expected at least one dimension", a, b);
  bool const row = a.rank() == 1, column = b.rank() == 1;
  if (row) a.insert(0, 1);
  if (column) b.push_back(1);
  matmul_extents e;
  e.m = a[a.rank() - 2];
  e.k = a.back();
  e.n = b.back();
  if (b[b.rank() - 2] != e.k)
    fail(error_code::malformed_model, "matrices of shapes {} and {} do not multiply: {} columns, {} rows", a, b, e.k,
         b[b.rank() - 2]);
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
    kernels::multiply(e.m, e.n, e.k, a + ia * e.m * e.k, b + ib * e.k * e.n, y + i * e.m * e.n);
  }
}

/// MatMul: numpy's matmul.   https://onnx.ai/onnx/operators/onnx__MatMul.html
struct matmul {
  static constexpr op_schema schema{.name = "MatMul", .since = 1, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    return {{in.element(0), extents_of_matmul(in.shape(0), in.shape(1)).output}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    kernels::visit_modular(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> a(in[0]), b(in[1]);
      kernels::staged_output<T> y(out[0]);
      multiply_stacks<T>(extents_of_matmul(in[0].shape, in[1].shape), a, b, y);
    });
  }
};

}  // namespace sinter
