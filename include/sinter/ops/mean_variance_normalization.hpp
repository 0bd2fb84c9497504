#pragma once

#include <sinter/kernels/normalization.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// MeanVarianceNormalization: (x - mean) / sqrt(variance) over the given axes.
/// https://onnx.ai/onnx/operators/onnx__MeanVarianceNormalization.html
struct mean_variance_normalization {
  static constexpr op_schema schema{.name = "MeanVarianceNormalization", .since = 9, .max_inputs = 1};
  struct attributes {
    std::vector<std::int64_t> axes{};
  };

  static attributes parse(attribute_reader const& r) {
    return {.axes = r.get("axes", std::vector<std::int64_t>{0, 2, 3})};
  }

  static types infer(inputs const& in, attributes const& a) {
    axis_set(a.axes, in.shape(0).rank());
    return {in[0]};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    axis_set const axes(a.axes, s.rank());
    return {.kernel = {kernels::normalize_axes, "normalize_axes", "normalization.hpp"},
            .integers = {axes.bits(), axes.elements(s), static_cast<std::int64_t>(axes.reduced(s, false).elements())}};
  }
};

}  // namespace sinter
