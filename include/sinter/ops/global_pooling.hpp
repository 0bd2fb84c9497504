#pragma once

#include <sinter/ops/entry.hpp>
#include <sinter/ops/pooling.hpp>

namespace sinter {

/// What the global pools share: one output element for each NxC plane.
struct global_pool {
  static types infer_reduced(inputs const& in) {
    auto const& x = in.shape(0);
    if (x.rank() < 2) fail(error_code::malformed_model, "the input has shape {}, expected NxC or more dimensions", x);
    shape out = shape::filled(x.rank(), 1);
    out[0] = x[0];
    out[1] = x[1];
    return {{in.element(0), out}};
  }

  /// A window that covers the plane as one line.
  static kernels::window whole_plane(shape const& x) {
    kernels::window w;
    w.in[2] = w.kernel[2] = static_cast<std::int64_t>(x.elements(2, x.rank()));
    return w;
  }
};

/// GlobalAveragePool: the mean of each plane.   https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html
struct global_average_pool : global_pool {
  static constexpr op_schema schema{.name = "GlobalAveragePool", .since = 1, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return infer_reduced(in); }

  static kernel_call kernel(inputs const& in, attributes const&) {
    return {.kernel = {kernels::means_of_windows, "means_of_windows", "pooling.hpp"},
            .integers = numbers_of(whole_plane(in.shape(0)), {false})};
  }
};

/// GlobalMaxPool: the greatest element of each plane.   https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html
struct global_max_pool : global_pool {
  static constexpr op_schema schema{.name = "GlobalMaxPool", .since = 1, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return infer_reduced(in); }

  static kernel_call kernel(inputs const& in, attributes const&) {
    return {.kernel = {kernels::greatest_of_windows, "greatest_of_windows", "pooling.hpp"},
            .integers = numbers_of(whole_plane(in.shape(0)), {false})};
  }
};

/// GlobalLpPool: the p-norm of each plane.   https://onnx.ai/onnx/operators/onnx__GlobalLpPool.html
struct global_lp_pool : global_pool {
  static constexpr op_schema schema{.name = "GlobalLpPool", .since = 1, .max_inputs = 1};
  struct attributes {
    double p = 2;
  };

  static attributes parse(attribute_reader const& r) { return {.p = lp_pool::parse_norm(r)}; }
  static types infer(inputs const& in, attributes const&) { return infer_reduced(in); }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::norms_of_windows, "norms_of_windows", "pooling.hpp"},
            .integers = numbers_of(whole_plane(in.shape(0)), {}),
            .reals = {a.p}};
  }
};

}  // namespace sinter
