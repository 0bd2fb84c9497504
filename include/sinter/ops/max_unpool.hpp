#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/window.hpp>

namespace sinter {

/// MaxUnpool: puts each element where MaxPool found it, in a tensor of zeros. With `output_shape` the elements keep
/// their positions in the tensor that was pooled, which lies at the origin of the larger one.
/// https://onnx.ai/onnx/operators/onnx__MaxUnpool.html
struct max_unpool {
  static constexpr op_schema schema{.name = "MaxUnpool", .since = 9, .min_inputs = 2, .max_inputs = 3};
  struct attributes {
    window_attributes window{};
  };

  static attributes parse(attribute_reader const& r) {
    if (!r.has("kernel_shape")) fail(error_code::malformed_model, "the attribute 'kernel_shape' is required");
    return {.window = parse_window(r)};
  }

  /// The shape of the tensor that was pooled.
  static shape pooled(shape const& x, attributes const& a) {
    auto const rank = spatial_rank(x);
    auto const& w = a.window;
    detail::expect_length("kernel_shape", w.kernel.size(), rank);
    detail::expect_length("strides", w.strides.size(), rank);
    detail::expect_length("pads", w.pads.size(), 2 * rank);
    auto out = x;
    for (std::size_t i = 0; i < rank; ++i) {
      auto const stride = w.strides.empty() ? 1 : w.strides[i];
      auto const padding = w.pads.empty() ? 0 : w.pads[i] + w.pads[i + rank];
      out[i + 2] = std::max<std::int64_t>(0, checked_mul(x[i + 2] - 1, stride) + w.kernel[i] - padding);
    }
    return out;
  }

  static types infer(inputs const& in, attributes const& a) {
    if (in.shape(1) != in.shape(0))
      fail(error_code::malformed_model, "the indices have shape {}, expected {}", in.shape(1), in.shape(0));
    auto out = pooled(in.shape(0), a);
    if (!in.has(2)) return {{in.element(0), out}};
    auto const wanted = in.integers(2);
    if (!wanted) return {unknown_shape(in.element(0))};
    if (wanted->size() != out.rank() || !fits(out, *wanted))
      fail(error_code::malformed_model, "the input 'output_shape' is {}, expected at least {}", fmt::join(*wanted, "x"),
           out);
    return {{in.element(0), shape(*wanted)}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const from = pooled(in[0].shape, a);
    auto const limit = static_cast<std::int64_t>(from.elements());
    auto const strides = row_major_strides(out[0].shape);
    auto const indices = in[1].as<std::int64_t>();
    visit_compute(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      std::fill_n(y.data(), out[0].elements(), T{});
      for (std::size_t i = 0; i < indices.size(); ++i) {
        auto rest = indices[i];
        if (rest < 0 || rest >= limit)
          fail(error_code::malformed_model, "an index is {}, expected 0 to {}", rest, limit - 1);
        std::int64_t target = 0;
        for (std::size_t d = from.rank(); d-- > 0; rest /= from[d]) target += rest % from[d] * strides[d];
        y[target] = x[i];
      }
    });
  }

 private:
  static bool fits(shape const& inner, std::vector<std::int64_t> const& outer) {
    for (std::size_t i = 0; i < inner.rank(); ++i)
      if (outer[i] < inner[i]) return false;
    return true;
  }
};

}  // namespace sinter
