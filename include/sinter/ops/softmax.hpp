#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>

namespace sinter {

enum class softmax_kind { softmax, log_softmax, hardmax };

/// Softmax, LogSoftmax and Hardmax along an axis; below version 13, over all dimensions from that axis on.
/// https://onnx.ai/onnx/operators/onnx__Softmax.html
template <softmax_kind Kind>
struct softmax_operator {
  static constexpr op_schema schema{.name = Kind == softmax_kind::softmax   ? "Softmax"
                                            : Kind == softmax_kind::hardmax ? "Hardmax"
                                                                            : "LogSoftmax",
                                    .since = 1,
                                    .max_inputs = 1};
  struct attributes {
    std::int64_t axis = -1;
    bool flatten = false;
  };

  static attributes parse(attribute_reader const& r) {
    bool const flatten = r.version() < 13;
    return {.axis = r.get<std::int64_t>("axis", flatten ? 1 : -1), .flatten = flatten};
  }

  /// The lines that are normalised.
  static kernels::axis_view lines(shape const& s, attributes const& a) {
    auto const rank = static_cast<std::int64_t>(s.rank());
    if (a.flatten && a.axis == rank) return {static_cast<std::int64_t>(s.elements()), 1, 1};
    if (s.empty() && (a.axis == -1 || a.axis == 0)) return {};
    auto const axis = normalize_axis(a.axis, s.rank());
    if (!a.flatten) return kernels::axis_view::of(s, axis);
    return {static_cast<std::int64_t>(s.elements(0, axis)), static_cast<std::int64_t>(s.elements(axis, s.rank())), 1};
  }

  static types infer(inputs const& in, attributes const& a) {
    lines(in.shape(0), a);
    return {in[0]};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const view = lines(in[0].shape, a);
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      if (view.extent == 0) return;
      view.for_each_line([&](std::int64_t first) { normalise(x + first, y + first, view.extent, view.inner); });
    });
  }

 private:
  template <typename T>
  static void normalise(T const* x, T* y, std::int64_t count, std::int64_t step) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < count; ++i)
      if (x[i * step] > x[best * step]) best = i;
    if constexpr (Kind == softmax_kind::hardmax) {
      for (std::int64_t i = 0; i < count; ++i) y[i * step] = static_cast<T>(i == best);
      return;
    }
    auto const greatest = x[best * step];
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      auto const e = std::exp(x[i * step] - greatest);
      if constexpr (Kind == softmax_kind::softmax) y[i * step] = e;
      sum += static_cast<double>(e);
    }
    auto const scale = static_cast<T>(1 / sum), shift = static_cast<T>(std::log(sum));
    for (std::int64_t i = 0; i < count; ++i)
      y[i * step] = Kind == softmax_kind::softmax ? y[i * step] * scale : x[i * step] - greatest - shift;
  }
};

using softmax = softmax_operator<softmax_kind::softmax>;
using log_softmax = softmax_operator<softmax_kind::log_softmax>;
using hardmax = softmax_operator<softmax_kind::hardmax>;

}  // namespace sinter
