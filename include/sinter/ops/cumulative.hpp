#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// CumSum and CumProd: running sums or products along an axis.   https://onnx.ai/onnx/operators/onnx__CumSum.html
template <bool Product>
struct cumulative {
  static constexpr op_schema schema{
      .name = Product ? "CumProd" : "CumSum", .since = Product ? 26 : 11, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    bool exclusive = false;
    bool reverse = false;
  };

  static attributes parse(attribute_reader const& r) {
    return {.exclusive = r.get("exclusive", false), .reverse = r.get("reverse", false)};
  }

  static types infer(inputs const& in, attributes const&) { return {in[0]}; }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    if (in[1].elements() != 1)
      fail(error_code::malformed_model, "the input 'axis' has shape {}, expected one element", in[1].shape);
    auto const axis = normalize_axis(integers_of(in[1])[0], in[0].shape.rank());
    auto const view = kernels::axis_view::of(in[0].shape, axis);
    kernels::visit_modular(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      view.for_each_line([&](std::int64_t first) {
        T running{Product};
        for (std::int64_t i = 0; i < view.extent; ++i) {
          auto const at = first + (a.reverse ? view.extent - 1 - i : i) * view.inner;
          auto const next = Product ? running * x[at] : running + x[at];
          y[at] = a.exclusive ? running : next;
          running = next;
        }
      });
    });
  }
};

}  // namespace sinter
