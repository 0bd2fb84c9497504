#pragma once

#include <sinter/kernels/convolution.hpp>
#include <sinter/ops/window.hpp>

namespace sinter {

/// The attributes of convolutions: those of the window, and the number of groups.
struct convolution_attributes {
  window_attributes window{};
  std::int64_t groups = 1;
};

inline convolution_attributes parse_convolution(attribute_reader const& r) {
  convolution_attributes a{.window = parse_window(r), .groups = r.get<std::int64_t>("group", 1)};
  check_range("group", {a.groups}, 1);
  return a;
}

/// The window of a convolution of `x` (NxCxspatial) with weights `w` (MxC/group x kernel); checks that they fit.
inline kernels::window convolution_window(shape const& x, shape const& w, convolution_attributes const& a) {
  spatial_rank(x);
  if (w.rank() != x.rank())
    fail(error_code::malformed_model, "the weights have shape {}, expected rank {} like the input's {}", w, x.rank(),
         x);
  if (x[1] != checked_mul(w[1], a.groups))
    fail(error_code::malformed_model, "the input has {} channels, expected {} groups of {} as the weights {} say", x[1],
         a.groups, w[1], w);
  if (w[0] % a.groups != 0)
    fail(error_code::malformed_model, "the attribute 'group' is {}, expected a divisor of the {} output channels",
         a.groups, w[0]);
  auto const kernel = w.span().subspan(2);
  if (!a.window.kernel.empty() && !std::ranges::equal(a.window.kernel, kernel))
    fail(error_code::malformed_model, "the attribute 'kernel_shape' is {}, the weights have shape {}",
         fmt::join(a.window.kernel, "x"), w);
  if (std::ranges::any_of(kernel, [](auto k) { return k < 1; }))
    fail(error_code::malformed_model, "the weights have shape {}, expected a kernel that is not empty", w);
  return place_window(a.window, x, kernel);
}

/// Checks that the optional input `i` is a vector of `length` elements.
inline void check_vector(inputs const& in, std::size_t i, std::int64_t length, std::string_view what) {
  if (in.has(i) && in.shape(i) != shape{length})
    fail(error_code::malformed_model, "the {} has shape {}, expected {}", what, in.shape(i), length);
}

/// Conv: cross-correlation of 1 to 3 spatial dimensions.   https://onnx.ai/onnx/operators/onnx__Conv.html
struct conv {
  static constexpr op_schema schema{.name = "Conv", .since = 1, .min_inputs = 2, .max_inputs = 3};
  using attributes = convolution_attributes;

  static attributes parse(attribute_reader const& r) { return parse_convolution(r); }

  static types infer(inputs const& in, attributes const& a) {
    auto const w = convolution_window(in.shape(0), in.shape(1), a);
    check_vector(in, 2, in.shape(1)[0], "bias");
    return {{in.element(0), window_output(w, in.shape(0), in.shape(1)[0])}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::convolution, "convolution", "convolution.hpp"},
            .integers = numbers_of(convolution_window(in.shape(0), in.shape(1), a), {a.groups})};
  }
};

}  // namespace sinter
