#pragma once

#include <sinter/kernels/matmul.hpp>
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
    r.ignore("broadcast");  // C broadcasts where it must
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

  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::general_product, "general_product", "matmul.hpp"},
            .integers = {a.transpose_a, a.transpose_b},
            .reals = {static_cast<double>(a.alpha), static_cast<double>(a.beta)}};
  }
};

}  // namespace sinter
