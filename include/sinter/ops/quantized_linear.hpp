#pragma once

#include <sinter/ops/conv.hpp>
#include <sinter/ops/matmul.hpp>
#include <sinter/ops/quantize.hpp>

namespace sinter {

namespace detail {

/// The elements less their zero point (which may be missing): one for all, or one for each index of `axis`.
inline std::vector<std::int64_t> without_zero_point(tensor_view x, tensor_view zero_point, std::int64_t axis) {
  std::vector<std::int64_t> values(x.elements());
  load_run<std::int64_t>(x.type, x.data, 0, 1, values.size(), values.data());
  if (!zero_point) return values;
  kernels::staged_input<std::int64_t> zeros(zero_point);
  bool const single = zero_point.elements() == 1;
  auto const view =
      x.shape.empty() ? kernels::axis_view{} : kernels::axis_view::of(x.shape, normalize_axis(axis, x.shape.rank()));
  if (!single && static_cast<std::int64_t>(zero_point.elements()) != view.extent)
    fail(error_code::malformed_model, "the zero point has shape {}, expected one element or {}", zero_point.shape,
         view.extent);
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] -= single ? zeros[0] : zeros[static_cast<std::int64_t>(i) / view.inner % view.extent];
  return values;
}

inline tensor_view optional_view(input_views in, std::size_t i) { return i < in.size() ? in[i] : tensor_view{}; }

/// Checks that a scale is one element, or a vector of `length`.
inline void check_scale(shape const& s, std::int64_t length, std::string_view what) {
  if (s.elements() != 1 && s != shape{length})
    fail(error_code::malformed_model, "the {} has shape {}, expected one element or {}", what, s, length);
}

}  // namespace detail

/// ConvInteger: a convolution of 8-bit integers into int32.   https://onnx.ai/onnx/operators/onnx__ConvInteger.html
struct conv_integer {
  static constexpr op_schema schema{.name = "ConvInteger", .since = 10, .min_inputs = 2, .max_inputs = 4};
  using attributes = convolution_attributes;

  static attributes parse(attribute_reader const& r) { return parse_convolution(r); }

  static types infer(inputs const& in, attributes const& a) {
    auto const w = convolution_window(in.shape(0), in.shape(1), a);
    return {{dtype::int32, window_output(w, in.shape(0), in.shape(1)[0])}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const w = convolution_window(in[0].shape, in[1].shape, a);
    auto const x = detail::without_zero_point(in[0], detail::optional_view(in, 2), 0);
    auto const weights = detail::without_zero_point(in[1], detail::optional_view(in, 3), 0);
    kernels::staged_output<std::int64_t> y(out[0]);
    kernels::convolve<std::int64_t>(extents_of_convolution(in[0].shape, in[1].shape, a.groups), w, x.data(),
                                    weights.data(), nullptr, y);
  }
};

/// QLinearConv: a convolution of 8-bit integers, requantised.   https://onnx.ai/onnx/operators/onnx__QLinearConv.html
struct qlinear_conv {
  static constexpr op_schema schema{.name = "QLinearConv", .since = 10, .min_inputs = 8, .max_inputs = 9};
  using attributes = convolution_attributes;

  static attributes parse(attribute_reader const& r) { return parse_convolution(r); }

  static types infer(inputs const& in, attributes const& a) {
    auto const channels = in.shape(3)[0];
    auto const w = convolution_window(in.shape(0), in.shape(3), a);
    detail::check_scale(in.shape(1), 1, "input's scale");
    detail::check_scale(in.shape(4), channels, "weights' scale");
    detail::check_scale(in.shape(6), 1, "output's scale");
    check_vector(in, 8, channels, "bias");
    return {{in.element(7), window_output(w, in.shape(0), channels)}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const w = convolution_window(in[0].shape, in[3].shape, a);
    auto const x = detail::without_zero_point(in[0], in[2], 0);
    auto const weights = detail::without_zero_point(in[3], in[5], 0);
    kernels::staged_input<std::int64_t> bias(detail::optional_view(in, 8)), zero(in[7]);
    std::vector<std::int64_t> sums(out[0].elements());
    kernels::convolve<std::int64_t>(extents_of_convolution(in[0].shape, in[3].shape, a.groups), w, x.data(),
                                    weights.data(), bias, sums.data());
    kernels::staged_input<float> x_scale(in[1]), w_scale(in[4]), y_scale(in[6]);
    auto const range = range_of(out[0].type);
    auto const channels = in[3].shape[0], plane = w.out_size();
    bool const single = in[4].elements() == 1;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      auto const c = static_cast<std::int64_t>(i) / plane % channels;
      auto const scale = x_scale[0] * w_scale[single ? 0 : c] / y_scale[0];
      store<std::int64_t>(out[0].type, out[0].data, i, quantized(static_cast<float>(sums[i]) * scale, zero[0], range));
    }
  }
};

/// MatMulInteger: a matrix product of 8-bit integers into int32.
/// https://onnx.ai/onnx/operators/onnx__MatMulInteger.html
struct matmul_integer {
  static constexpr op_schema schema{.name = "MatMulInteger", .since = 10, .min_inputs = 2, .max_inputs = 4};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    return {{dtype::int32, extents_of_matmul(in.shape(0), in.shape(1)).output}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const row = in[0].shape.rank() > 1 ? -2 : -1;
    auto const a = detail::without_zero_point(in[0], detail::optional_view(in, 2), row);
    auto const b = detail::without_zero_point(in[1], detail::optional_view(in, 3), -1);
    kernels::staged_output<std::int64_t> y(out[0]);
    multiply_stacks<std::int64_t>(extents_of_matmul(in[0].shape, in[1].shape), a.data(), b.data(), y);
  }
};

/// QLinearMatMul: a matrix product of 8-bit integers, requantised; scales of rows of A and columns of B may differ.
/// https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html
struct qlinear_matmul {
  static constexpr op_schema schema{.name = "QLinearMatMul", .since = 10, .min_inputs = 8, .max_inputs = 8};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    auto const e = extents_of_matmul(in.shape(0), in.shape(3));
    detail::check_scale(in.shape(1), e.m, "scale of A");
    detail::check_scale(in.shape(4), e.n, "scale of B");
    detail::check_scale(in.shape(6), e.m, "output's scale");
    detail::check_scale(in.shape(7), e.m, "output's zero point");
    return {{in.element(7), e.output}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const e = extents_of_matmul(in[0].shape, in[3].shape);
    auto const a = detail::without_zero_point(in[0], in[2], in[0].shape.rank() > 1 ? -2 : -1);
    auto const b = detail::without_zero_point(in[3], in[5], -1);
    std::vector<std::int64_t> sums(out[0].elements());
    multiply_stacks<std::int64_t>(e, a.data(), b.data(), sums.data());
    kernels::staged_input<float> a_scale(in[1]), b_scale(in[4]), y_scale(in[6]);
    kernels::staged_input<std::int64_t> zero(in[7]);
    auto const range = range_of(out[0].type);
    auto const pick = [](tensor_view v, std::int64_t i) { return v.elements() == 1 ? 0 : i; };
    for (std::size_t i = 0; i < sums.size(); ++i) {
      auto const column = static_cast<std::int64_t>(i) % e.n, row = static_cast<std::int64_t>(i) / e.n % e.m;
      auto const scale = a_scale[pick(in[1], row)] * b_scale[pick(in[4], column)] / y_scale[pick(in[6], row)];
      store<std::int64_t>(out[0].type, out[0].data, i,
                          quantized(static_cast<float>(sums[i]) * scale, zero[pick(in[7], row)], range));
    }
  }
};

}  // namespace sinter
