#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// OneHot: `values` are what an element is off and on; indices outside [-depth, depth) are off everywhere.
/// https://onnx.ai/onnx/operators/onnx__OneHot.html
struct one_hot {
  static constexpr op_schema schema{.name = "OneHot", .since = 9, .min_inputs = 3, .max_inputs = 3};
  struct attributes {
    std::int64_t axis = -1;
  };

  static attributes parse(attribute_reader const& r) { return {.axis = r.get<std::int64_t>("axis", -1)}; }

  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(2); }
  static types infer(inputs const& in, attributes const& a) {
    if (in.shape(2) != shape{2}) fail(error_code::malformed_model, "values have shape {}, expected 2", in.shape(2));
    if (in.shape(1).elements() != 1)
      fail(error_code::malformed_model, "depth has shape {}, expected one element", in.shape(1));
    auto const depth = in.value(1);
    if (!depth) return {unknown_shape(in.element(2))};
    auto result = in.shape(0);
    result.insert(normalize_axis(a.axis, result.rank() + 1), integers_of(*depth)[0]);
    result.elements();
    return {{in.element(2), result}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank() + 1);
    return {.kernel = {kernels::one_hot, "one_hot", "copy.hpp"}, .integers = {static_cast<std::int64_t>(axis)}};
  }
};

}  // namespace sinter
