#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// Trilu: zeroes what is below (or, for the lower triangle, above) the diagonal `k` of each matrix.
/// https://onnx.ai/onnx/operators/onnx__Trilu.html
struct trilu {
  static constexpr op_schema schema{.name = "Trilu", .since = 14, .max_inputs = 2};
  struct attributes {
    bool upper = true;
  };

  static attributes parse(attribute_reader const& r) { return {.upper = r.get("upper", true)}; }
  static types infer(inputs const& in, attributes const&) {
    if (in.shape(0).rank() < 2) fail(error_code::malformed_model, "expected matrices, got {}", in.shape(0));
    if (in.has(1) && in.shape(1).elements() != 1)
      fail(error_code::malformed_model, "k has shape {}, expected a scalar", in.shape(1));
    return {in[0]};
  }
  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::triangle, "triangle", "copy.hpp"}, .integers = {a.upper}};
  }
};

}  // namespace sinter
