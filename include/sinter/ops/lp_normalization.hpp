#pragma once

#include <sinter/kernels/normalization.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// LpNormalization: lines along an axis, divided by their 1-norm or 2-norm; a line of zeros stays zero.
/// https://onnx.ai/onnx/operators/onnx__LpNormalization.html
struct lp_normalization {
  static constexpr op_schema schema{.name = "LpNormalization", .since = 1, .max_inputs = 1};
  struct attributes {
    std::int64_t axis = -1;
    std::int64_t p = 2;
  };

  static attributes parse(attribute_reader const& r) {
    attributes const a{.axis = r.get<std::int64_t>("axis", -1), .p = r.get<std::int64_t>("p", 2)};
    if (a.p != 1 && a.p != 2) fail(error_code::malformed_model, "the attribute 'p' is {}, expected 1 or 2", a.p);
    return a;
  }

  static types infer(inputs const& in, attributes const& a) {
    normalize_axis(a.axis, in.shape(0).rank());
    return {in[0]};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    return {.kernel = {kernels::normalize_lines, "normalize_lines", "normalization.hpp"},
            .integers = {static_cast<std::int64_t>(axis), a.p}};
  }
};

}  // namespace sinter
