#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>

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

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const view = kernels::axis_view::of(in[0].shape, normalize_axis(a.axis, in[0].shape.rank()));
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      view.for_each_line([&](std::int64_t first) {
        double norm = 0;
        for (std::int64_t i = 0; i < view.extent; ++i) {
          auto const v = static_cast<double>(x[first + i * view.inner]);
          norm += a.p == 1 ? std::abs(v) : v * v;
        }
        if (a.p == 2) norm = std::sqrt(norm);
        for (std::int64_t i = 0; i < view.extent; ++i) {
          auto const at = first + i * view.inner;
          y[at] = norm == 0 ? T{} : static_cast<T>(static_cast<double>(x[at]) / norm);
        }
      });
    });
  }
};

}  // namespace sinter
