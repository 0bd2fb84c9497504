#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/ops/elementwise.hpp>

namespace sinter {

/// Where: condition ? x : y, broadcast.   https://onnx.ai/onnx/operators/onnx__Where.html
struct where {
  static constexpr op_schema schema{.name = "Where", .since = 9, .min_inputs = 3, .max_inputs = 3};
  using attributes = no_attributes;

  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(1); }
  static types infer(inputs const& in, attributes const&) {
    if (in.element(0) != dtype::boolean)
      fail(error_code::malformed_model, "the condition holds {}, expected bool", name(in.element(0)));
    expect_one_element_type(in, 1);
    return {{in.element(1), broadcast_shape(in)}};
  }

  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::select, "select", "copy.hpp"}};
  }

  static expr::value expression(std::span<expr::value const> x, attributes const&) {
    return select(x[0] != 0, x[1], x[2]);
  }
};

}  // namespace sinter
