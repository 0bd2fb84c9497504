#pragma once

#include <sinter/kernels/quantize.hpp>
#include <sinter/ops/entry.hpp>

#include <vector>

namespace sinter {

struct quantize_attributes {
  std::int64_t axis = 1;
  std::int64_t block = 0;
  dtype output = dtype::undefined;
  bool saturate = true;
};

inline quantize_attributes parse_quantize(attribute_reader const& r) {
  auto const type = r.get<std::int64_t>("output_dtype", 0);
  if (type < 0 || type >= dtype_count)
    fail(error_code::malformed_model, "the attribute 'output_dtype' is {}, expected a data type", type);
  // Divisions are in float32, at least as exact as any type that `precision` may name.
  if (auto const precision = r.get<std::int64_t>("precision", 0); precision < 0 || precision >= dtype_count)
    fail(error_code::malformed_model, "the attribute 'precision' is {}, expected a data type", precision);
  quantize_attributes const a{.axis = r.get<std::int64_t>("axis", 1),
                              .block = r.get<std::int64_t>("block_size", 0),
                              .output = static_cast<dtype>(type),
                              .saturate = r.get("saturate", true)};
  if (a.block < 0) fail(error_code::malformed_model, "the attribute 'block_size' is {}, expected 0 or more", a.block);
  return a;
}

/// Which scale belongs to which element of a tensor of shape `x`. A shape of the scale that does not fit is an error.
inline kernels::scale_index scales_of(shape const& x, shape const& scale, quantize_attributes const& a) {
  using kind = kernels::scale_index::kind;
  if (scale.elements() == 1 && a.block == 0) return {};
  auto const axis = normalize_axis(a.axis, x.rank());
  auto const view = kernels::axis_view::of(x, axis);
  if (a.block == 0) {
    if (scale != shape{x[axis]})
      fail(error_code::malformed_model, "the scale has shape {}, expected one element or {}", scale, x[axis]);
    return {.what = kind::axis, .view = view};
  }
  auto expected = x;
  expected[axis] = ceil_div(x[axis], a.block);
  if (scale != expected)
    fail(error_code::malformed_model, "the scale has shape {}, expected {} for blocks of {}", scale, expected, a.block);
  return {.what = kind::block, .view = view, .block = a.block, .blocks = expected[axis]};
}

/// The numbers that `scale_index::of` reads.
inline std::vector<std::int64_t> numbers_of(kernels::scale_index const& s) {
  return {static_cast<std::int64_t>(s.what), s.view.outer, s.view.extent, s.view.inner, s.block, s.blocks};
}

inline void check_zero_point(inputs const& in, std::size_t scale, std::size_t zero_point) {
  if (in.has(zero_point) && in.shape(zero_point).elements() != in.shape(scale).elements())
    fail(error_code::malformed_model, "the zero point has shape {}, expected {} as the scale has", in.shape(zero_point),
         in.shape(scale));
}

/// QuantizeLinear: round(x / scale) + zero point.   https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
struct quantize_linear {
  static constexpr op_schema schema{.name = "QuantizeLinear", .since = 10, .min_inputs = 2, .max_inputs = 3};
  using attributes = quantize_attributes;

  static attributes parse(attribute_reader const& r) { return parse_quantize(r); }

  static dtype element(inputs const& in, attributes const& a, std::size_t) {
    return in.has(2) ? in.element(2) : a.output != dtype::undefined ? a.output : dtype::uint8;
  }
  static types infer(inputs const& in, attributes const& a) {
    scales_of(in.shape(0), in.shape(1), a);
    check_zero_point(in, 1, 2);
    auto const type = element(in, a, 0);
    if (!is_floating(type) && (!is_integer(type) || size_of(type) > 4))
      fail(error_code::malformed_model, "cannot quantize to {}", name(type));
    return {{type, in.shape(0)}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto numbers = numbers_of(scales_of(in.shape(0), in.shape(1), a));
    numbers.insert(numbers.begin(), a.saturate);
    return {.kernel = {kernels::quantize, "quantize", "quantize.hpp"}, .integers = std::move(numbers)};
  }
};

/// DequantizeLinear: (x - zero point) * scale.   https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
struct dequantize_linear {
  static constexpr op_schema schema{.name = "DequantizeLinear", .since = 10, .min_inputs = 2, .max_inputs = 3};
  using attributes = quantize_attributes;

  static attributes parse(attribute_reader const& r) { return parse_quantize(r); }

  static dtype element(inputs const& in, attributes const& a, std::size_t) {
    return a.output != dtype::undefined ? a.output : in.element(1);
  }
  static types infer(inputs const& in, attributes const& a) {
    scales_of(in.shape(0), in.shape(1), a);
    check_zero_point(in, 1, 2);
    return {{element(in, a, 0), in.shape(0)}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::dequantize, "dequantize", "quantize.hpp"},
            .integers = numbers_of(scales_of(in.shape(0), in.shape(1), a))};
  }
};

/// DynamicQuantizeLinear: to uint8, with scale and zero point from the input's range, which is made to include 0.
/// https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html
struct dynamic_quantize_linear {
  static constexpr op_schema schema{.name = "DynamicQuantizeLinear", .since = 11, .max_inputs = 1, .max_outputs = 3};
  using attributes = no_attributes;

  static dtype element(inputs const&, attributes const&, std::size_t output) {
    return output == 1 ? dtype::float32 : dtype::uint8;
  }
  static types infer(inputs const& in, attributes const&) {
    return {{dtype::uint8, in.shape(0)}, {dtype::float32, shape{}}, {dtype::uint8, shape{}}};
  }

  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::quantize_dynamically, "quantize_dynamically", "quantize.hpp"}};
  }
};

}  // namespace sinter
