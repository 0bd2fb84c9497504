#pragma once

#include <sinter/kernels/matmul.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// Gemm: alpha * A' * B' + beta * C, where ' may transpose.   https://onnx.ai/onnx/operators/onnx__Gemm.html
struct gemm {
  static constexpr op_schema schema{.name = "Gemm", .since = 1, .min_inputs = 2, .max_inputs = 3};
  struct attributes {
    float alpha = 1, beta = 1;
    bool transpose_a = false, transpose_b = false;
  };
  struct extents {
    std::int64_t m = 0, n = 0, k = 0;
  };

  static attributes parse(attribute_reader const& r) {
    return {.alpha = r.get("alpha", 1.0f),
            .beta = r.get("beta", 1.0f),
            .transpose_a = r.get("transA", false),
            .transpose_b = r.get("transB", false)};
  }

  static extents extents_of(shape const& a, shape const& b, attributes const& attrs) {
    if (a.rank() != 2 || b.rank() != 2)
      fail(error_code::malformed_model, "the inputs have shapes {} and {}, expected two matrices", a, b);
    auto const inner = attrs.transpose_b ? b[1] : b[0];
    extents const e{.m = attrs.transpose_a ? a[1] : a[0],
                    .n = attrs.transpose_b ? b[0] : b[1],
                    .k = attrs.transpose_a ? a[0] : a[1]};
    if (e.k != inner)
      fail(error_code::malformed_model, "matrices of shapes {} and {} do not multiply: {} columns, {} rows", a, b, e.k,
           inner);
    return e;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const e = extents_of(in.shape(0), in.shape(1), a);
    shape const out{e.m, e.n};
    if (in.has(2) && broadcast(in.shape(2), out) != out)
      fail(error_code::malformed_model, "C has shape {}, which does not broadcast to {}", in.shape(2), out);
    return {{in.element(0), out}};
  }

  /// y = beta * c, broadcast, or zero.
  template <typename T>
  static void start(tensor_view c, shape const& out, T beta, T* y) {
    auto const m = out[0], n = out[1];
    if (!c || beta == T{}) {
      std::fill_n(y, m * n, T{});
      return;
    }
    kernels::staged_input<T> values(c);
    auto const columns = c.shape.rank() > 0 ? c.shape.back() : 1;
    auto const rows = c.shape.rank() > 1 ? c.shape[c.shape.rank() - 2] : 1;
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        y[i * n + j] = beta * values[(rows == 1 ? 0 : i) * columns + (columns == 1 ? 0 : j)];
  }

  static void evaluate(input_views in, output_views out, attributes const& attrs) {
    auto const e = extents_of(in[0].shape, in[1].shape, attrs);
    visit_compute(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> given_a(in[0]), b(in[1]);
      kernels::staged_output<T> y(out[0]);
      start<T>(in.size() > 2 ? in[2] : tensor_view{}, out[0].shape, static_cast<T>(attrs.beta), y.data());
      T const* a = given_a;
      std::vector<T> copy;
      if (attrs.transpose_a || attrs.alpha != 1) {
        copy = attrs.transpose_a ? kernels::transposed(e.k, e.m, a) : std::vector<T>(a, a + e.m * e.k);
        for (auto& v : copy) v = static_cast<T>(v * attrs.alpha);
        a = copy.data();
      }
      if (attrs.transpose_b)
        kernels::multiply_transposed<T>(e.m, e.n, e.k, a, b, y);
      else
        kernels::multiply<T>(e.m, e.n, e.k, a, b, y);
    });
  }
};

}  // namespace sinter
