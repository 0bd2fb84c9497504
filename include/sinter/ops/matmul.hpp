#pragma once

#include <sinter/kernels/matmul.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// MatMul: numpy's matmul.   https://onnx.ai/onnx/operators/onnx__MatMul.html
struct matmul {
  static constexpr op_schema schema{.name = "MatMul", .since = 1, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    return {{in.element(0), kernels::extents_of_matmul(in.shape(0), in.shape(1)).output}};
  }

  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::matrix_products, "matrix_products", "matmul.hpp"}};
  }
};

}  // namespace sinter
