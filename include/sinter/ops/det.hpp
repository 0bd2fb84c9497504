#pragma once

#include <sinter/kernels/determinant.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// Det: the determinant of each square matrix of a stack.   https://onnx.ai/onnx/operators/onnx__Det.html
struct det {
  static constexpr op_schema schema{.name = "Det", .since = 11, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    auto const& s = in.shape(0);
    if (s.rank() < 2 || s[s.rank() - 2] != s.back())
      fail(error_code::malformed_model, "the input has shape {}, expected square matrices", s);
    return {{in.element(0), shape(s.span().first(s.rank() - 2))}};
  }

  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::determinants, "determinants", "determinant.hpp"}};
  }
};

}  // namespace sinter
