#pragma once

#include <sinter/ops/conv.hpp>
#include <sinter/ops/matmul.hpp>
#include <sinter/ops/quantize.hpp>

namespace sinter {

namespace detail {

/// Checks that a scale is one element, or a vector of `length`.
inline void check_scale(shape const& s, std::int64_t length, std::string_view what) {
  if (s.elements() != 1 && s != shape{length})
    fail(error_code::malformed_model, "the {} has shape {}, expected one element or {}", what, s, length);
}

/// Checks that the zero point in input `i`, where given, is one element or one for each of `extent`.
inline void check_zero_point(inputs const& in, std::size_t i, std::int64_t extent) {
  if (in.has(i) && in.shape(i).elements() != 1 && static_cast<std::int64_t>(in.shape(i).elements()) != extent)
    fail(error_code::malformed_model, "the zero point has shape {}, expected one element or {}", in.shape(i), extent);
}

/// The extent along which the zero point of a left factor may vary.
inline std::int64_t rows_of(shape const& a) { return a[kernels::row_axis(a)]; }

}  // namespace detail

/// ConvInteger: a convolution of 8-bit integers into int32.   https://onnx.ai/onnx/operators/onnx__ConvInteger.html
struct conv_integer {
  static constexpr op_schema schema{.name = "ConvInteger", .since = 10, .min_inputs = 2, .max_inputs = 4};
  using attributes = convolution_attributes;

  static attributes parse(attribute_reader const& r) { return parse_convolution(r); }

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::int32; }
  static types infer(inputs const& in, attributes const& a) {
    auto const w = convolution_window(in.shape(0), in.shape(1), a);
    detail::check_zero_point(in, 2, in.shape(0)[0]);
    detail::check_zero_point(in, 3, in.shape(1)[0]);
    return {{dtype::int32, window_output(w, in.shape(0), in.shape(1)[0])}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::integer_convolution, "integer_convolution", "convolution.hpp"},
            .integers = numbers_of(convolution_window(in.shape(0), in.shape(1), a), {a.groups})};
  }
};

/// QLinearConv: a convolution of 8-bit integers, requantised.   https://onnx.ai/onnx/operators/onnx__QLinearConv.html
struct qlinear_conv {
  static constexpr op_schema schema{.name = "QLinearConv", .since = 10, .min_inputs = 8, .max_inputs = 9};
  using attributes = convolution_attributes;

  static attributes parse(attribute_reader const& r) { return parse_convolution(r); }

  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(7); }
  static types infer(inputs const& in, attributes const& a) {
    auto const channels = in.shape(3)[0];
    auto const w = convolution_window(in.shape(0), in.shape(3), a);
    detail::check_scale(in.shape(1), 1, "input's scale");
    detail::check_scale(in.shape(4), channels, "weights' scale");
    detail::check_scale(in.shape(6), 1, "output's scale");
    detail::check_zero_point(in, 2, in.shape(0)[0]);
    detail::check_zero_point(in, 5, channels);
    check_vector(in, 8, channels, "bias");
    return {{in.element(7), window_output(w, in.shape(0), channels)}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const range = range_of(in.element(7));
    return {.kernel = {kernels::quantized_convolution, "quantized_convolution", "convolution.hpp"},
            .integers =
                numbers_of(convolution_window(in.shape(0), in.shape(3), a), {a.groups, range.least, range.greatest})};
  }
};

/// MatMulInteger: a matrix product of 8-bit integers into int32.
/// https://onnx.ai/onnx/operators/onnx__MatMulInteger.html
struct matmul_integer {
  static constexpr op_schema schema{.name = "MatMulInteger", .since = 10, .min_inputs = 2, .max_inputs = 4};
  using attributes = no_attributes;

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::int32; }
  static types infer(inputs const& in, attributes const&) {
    auto const e = kernels::extents_of_matmul(in.shape(0), in.shape(1));
    detail::check_zero_point(in, 2, detail::rows_of(in.shape(0)));
    detail::check_zero_point(in, 3, in.shape(1).back());
    return {{dtype::int32, e.output}};
  }

  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::integer_products, "integer_products", "matmul.hpp"}};
  }
};

/// QLinearMatMul: a matrix product of 8-bit integers, requantised; scales of rows of A and columns of B may differ.
/// https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html
struct qlinear_matmul {
  static constexpr op_schema schema{.name = "QLinearMatMul", .since = 10, .min_inputs = 8, .max_inputs = 8};
  using attributes = no_attributes;

  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(7); }
  static types infer(inputs const& in, attributes const&) {
    auto const e = kernels::extents_of_matmul(in.shape(0), in.shape(3));
    detail::check_zero_point(in, 2, detail::rows_of(in.shape(0)));
    detail::check_zero_point(in, 5, in.shape(3).back());
    detail::check_scale(in.shape(1), e.m, "scale of A");
    detail::check_scale(in.shape(4), e.n, "scale of B");
    detail::check_scale(in.shape(6), e.m, "output's scale");
    detail::check_scale(in.shape(7), e.m, "output's zero point");
    return {{in.element(7), e.output}};
  }

  static kernel_call kernel(inputs const& in, attributes const&) {
    auto const range = range_of(in.element(7));
    return {.kernel = {kernels::quantized_products, "quantized_products", "matmul.hpp"},
            .integers = {range.least, range.greatest}};
  }
};

}  // namespace sinter
