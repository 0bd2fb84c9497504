#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>

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

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    axis_set const axes(a.axes, s.rank());
    auto const groups = axes.reduced(s, false).elements();
    auto const count = static_cast<double>(axes.elements(s));
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      std::vector<double> mean(groups), deviation(groups);
      auto const each = [&](auto&& visit) {
        kernels::for_each_reduced(
            s, [&](std::size_t axis) { return axes.contains(axis); },
            [&](std::int64_t i, std::int64_t o) { visit(i, static_cast<std::size_t>(o)); });
      };
      each([&](std::int64_t i, std::size_t o) { mean[o] += static_cast<double>(x[i]) / count; });
      each([&](std::int64_t i, std::size_t o) {
        auto const d = static_cast<double>(x[i]) - mean[o];
        deviation[o] += d * d / count;
      });
      for (auto& d : deviation) d = std::sqrt(d) + 1e-9;
      each([&](std::int64_t i, std::size_t o) {
        y[i] = static_cast<T>((static_cast<double>(x[i]) - mean[o]) / deviation[o]);
      });
    });
  }
};

}  // namespace sinter
