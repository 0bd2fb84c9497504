#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// ArgMax and ArgMin: where along an axis the greatest or least element lies.
/// https://onnx.ai/onnx/operators/onnx__ArgMax.html
template <bool Max>
struct arg_reduce {
  static constexpr op_schema schema{.name = Max ? "ArgMax" : "ArgMin", .since = 1, .max_inputs = 1};
  struct attributes {
    std::int64_t axis = 0;
    bool keep = true;
    bool last = false;  ///< of equal elements, take the last
  };

  static attributes parse(attribute_reader const& r) {
    return {.axis = r.get<std::int64_t>("axis", 0),
            .keep = r.get("keepdims", true),
            .last = r.get("select_last_index", false)};
  }

  static types infer(inputs const& in, attributes const& a) {
    auto out = in.shape(0);
    auto const axis = normalize_axis(a.axis, out.rank());
    if (out[axis] == 0) fail(error_code::malformed_model, "the input {} has no element along axis {}", out, a.axis);
    if (a.keep)
      out[axis] = 1;
    else
      out.erase(axis);
    return {{dtype::int64, out}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const view = kernels::axis_view::of(in[0].shape, normalize_axis(a.axis, in[0].shape.rank()));
    auto* y = out[0].as<std::int64_t>().data();
    visit_compute(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      view.for_each_line([&](std::int64_t first) {
        auto const at = [&](std::int64_t i) { return x[first + i * view.inner]; };
        std::int64_t best = 0;
        for (std::int64_t i = 1; i < view.extent; ++i)
          if ((Max ? at(i) > at(best) : at(i) < at(best)) || (a.last && at(i) == at(best))) best = i;
        *y++ = best;
      });
    });
  }
};

}  // namespace sinter
