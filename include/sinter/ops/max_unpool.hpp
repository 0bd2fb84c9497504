#pragma once

#include <sinter/kernels/pooling.hpp>
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

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const from = pooled(in.shape(0), a);
    return {.kernel = {kernels::put_where_found, "put_where_found", "pooling.hpp"},
            .integers = {from.begin(), from.end()},
            .reads = 2,
            .may_fail = true};
  }

 private:
  static bool fits(shape const& inner, std::vector<std::int64_t> const& outer) {
    for (std::size_t i = 0; i < inner.rank(); ++i)
      if (outer[i] < inner[i]) return false;
    return true;
  }
};

}  // namespace sinter
