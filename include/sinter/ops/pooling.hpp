#pragma once

#include <sinter/kernels/pooling.hpp>
#include <sinter/ops/window.hpp>

namespace sinter {

/// The window of a pool over `x`; kernel_shape is required.
inline kernels::window pooling_window(shape const& x, window_attributes const& a) {
  if (a.kernel.empty()) fail(error_code::malformed_model, "the attribute 'kernel_shape' is required");
  return place_window(a, x, a.kernel);
}

/// MaxPool: the greatest element of each window, and where it lies.
/// https://onnx.ai/onnx/operators/onnx__MaxPool.html
struct max_pool {
  static constexpr op_schema schema{.name = "MaxPool", .since = 1, .max_inputs = 1, .max_outputs = 2};
  struct attributes {
    window_attributes window{};
    bool column_major = false;  ///< order of the indices in a plane
  };

  static attributes parse(attribute_reader const& r) {
    return {.window = parse_window(r), .column_major = r.get("storage_order", false)};
  }

  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return output == 0 ? in.element(0) : dtype::int64;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const out = window_output(pooling_window(in.shape(0), a.window), in.shape(0), in.shape(0)[1]);
    return {{in.element(0), out}, {dtype::int64, out}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::greatest_of_windows, "greatest_of_windows", "pooling.hpp"},
            .integers = numbers_of(pooling_window(in.shape(0), a.window), {a.column_major})};
  }
};

/// AveragePool: the mean of each window.   https://onnx.ai/onnx/operators/onnx__AveragePool.html
struct average_pool {
  static constexpr op_schema schema{.name = "AveragePool", .since = 1, .max_inputs = 1};
  struct attributes {
    window_attributes window{};
    bool count_padding = false;
  };

  static attributes parse(attribute_reader const& r) {
    return {.window = parse_window(r), .count_padding = r.get("count_include_pad", false)};
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const w = pooling_window(in.shape(0), a.window);
    return {{in.element(0), window_output(w, in.shape(0), in.shape(0)[1])}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::means_of_windows, "means_of_windows", "pooling.hpp"},
            .integers = numbers_of(pooling_window(in.shape(0), a.window), {a.count_padding})};
  }
};

/// LpPool: the p-norm of each window.   https://onnx.ai/onnx/operators/onnx__LpPool.html
struct lp_pool {
  static constexpr op_schema schema{.name = "LpPool", .since = 1, .max_inputs = 1};
  struct attributes {
    window_attributes window{};
    double p = 2;
  };

  static attributes parse(attribute_reader const& r) { return {.window = parse_window(r), .p = parse_norm(r)}; }

  /// The attribute p: an integer, in version 1 a float; positive.
  static double parse_norm(attribute_reader const& r) {
    auto const p = r.version() < 2 ? double{r.get("p", 2.0f)} : static_cast<double>(r.get<std::int64_t>("p", 2));
    if (!(p > 0)) fail(error_code::malformed_model, "the attribute 'p' is {}, expected more than 0", p);
    return p;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const w = pooling_window(in.shape(0), a.window);
    return {{in.element(0), window_output(w, in.shape(0), in.shape(0)[1])}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::norms_of_windows, "norms_of_windows", "pooling.hpp"},
            .integers = numbers_of(pooling_window(in.shape(0), a.window), {}),
            .reals = {a.p}};
  }
};

}  // namespace sinter
