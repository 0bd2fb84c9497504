#pragma once

#include <sinter/kernels/integer_range.hpp>
#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>

#include <cmath>

namespace sinter {

/// x / scale rounded to even, moved by the zero point, saturated to the range. A NaN gives the zero point.
inline std::int64_t quantized(float scaled, std::int64_t zero_point, integer_range range) {
  auto const rounded = std::isnan(scaled) ? 0.0 : std::nearbyint(static_cast<double>(scaled));
  auto const value = rounded + static_cast<double>(zero_point);
  return static_cast<std::int64_t>(
      std::clamp(value, static_cast<double>(range.least), static_cast<double>(range.greatest)));
}

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
  quantize_attributes const a{.axis = r.get<std::int64_t>("axis", 1),
                              .block = r.get<std::int64_t>("block_size", 0),
                              .output = static_cast<dtype>(type),
                              .saturate = r.get("saturate", true)};
  if (a.block < 0) fail(error_code::malformed_model, "the attribute 'block_size' is {}, expected 0 or more", a.block);
  return a;
}

/// Which scale belongs to which element: one for all, one for each index of an axis, or one for each block of an axis.
class scale_index {
 public:
  scale_index(shape const& x, shape const& scale, quantize_attributes const& a) {
    if (scale.elements() == 1 && a.block == 0) return;
    auto const axis = normalize_axis(a.axis, x.rank());
    view_ = kernels::axis_view::of(x, axis);
    if (a.block == 0) {
      if (scale != shape{x[axis]})
        fail(error_code::malformed_model, "the scale has shape {}, expected one element or {}", scale, x[axis]);
      kind_ = kind::axis;
      return;
    }
    auto expected = x;
    expected[axis] = ceil_div(x[axis], a.block);
    if (scale != expected)
      fail(error_code::malformed_model, "the scale has shape {}, expected {} for blocks of {}", scale, expected,
           a.block);
    kind_ = kind::block;
    block_ = a.block;
    blocks_ = expected[axis];
  }

  std::int64_t operator()(std::int64_t i) const {
    if (kind_ == kind::tensor) return 0;
    auto const along = i / view_.inner % view_.extent;
    if (kind_ == kind::axis) return along;
    return (i / (view_.inner * view_.extent) * blocks_ + along / block_) * view_.inner + i % view_.inner;
  }

 private:
  enum class kind { tensor, axis, block };
  kind kind_ = kind::tensor;
  kernels::axis_view view_{};
  std::int64_t block_ = 1, blocks_ = 1;
};

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

  static types infer(inputs const& in, attributes const& a) {
    scale_index(in.shape(0), in.shape(1), a);
    check_zero_point(in, 1, 2);
    auto const type = in.has(2) ? in.element(2) : a.output != dtype::undefined ? a.output : dtype::uint8;
    if (!is_floating(type) && (!is_integer(type) || size_of(type) > 4))
      fail(error_code::malformed_model, "cannot quantize to {}", name(type));
    return {{type, in.shape(0)}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    scale_index const index(in[0].shape, in[1].shape, a);
    kernels::staged_input<float> x(in[0]), scale(in[1]);
    auto const count = static_cast<std::int64_t>(in[0].elements());
    auto const type = out[0].type;
    auto const zero_point = in.size() > 2 ? in[2] : tensor_view{};
    if (is_floating(type)) {
      for (std::int64_t i = 0; i < count; ++i)
        store_quantized_float(out[0], static_cast<std::size_t>(i), x[i] / scale[index(i)], a.saturate);
      return;
    }
    auto const range = range_of(type);
    kernels::staged_input<std::int64_t> zeros(zero_point);
    for (std::int64_t i = 0; i < count; ++i) {
      auto const s = index(i);
      store<std::int64_t>(type, out[0].data, static_cast<std::size_t>(i),
                          quantized(x[i] / scale[s], zeros.data() ? zeros[s] : 0, range));
    }
  }

 private:
  /// To an 8-bit or 4-bit float; without saturation what is too large becomes infinity or NaN.
  static void store_quantized_float(mutable_tensor_view y, std::size_t i, float value, bool saturate) {
    auto* codes = static_cast<std::uint8_t*>(y.data);
    switch (saturate ? dtype::undefined : y.type) {
      case dtype::float8e4m3fn: codes[i] = encode(float8e4m3fn_format, value, false); return;
      case dtype::float8e4m3fnuz: codes[i] = encode(float8e4m3fnuz_format, value, false); return;
      case dtype::float8e5m2: codes[i] = encode(float8e5m2_format, value, false); return;
      case dtype::float8e5m2fnuz: codes[i] = encode(float8e5m2fnuz_format, value, false); return;
      default: store<float>(y.type, y.data, i, value);
    }
  }
};

/// DequantizeLinear: (x - zero point) * scale.   https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
struct dequantize_linear {
  static constexpr op_schema schema{.name = "DequantizeLinear", .since = 10, .min_inputs = 2, .max_inputs = 3};
  using attributes = quantize_attributes;

  static attributes parse(attribute_reader const& r) { return parse_quantize(r); }

  static types infer(inputs const& in, attributes const& a) {
    scale_index(in.shape(0), in.shape(1), a);
    check_zero_point(in, 1, 2);
    return {{a.output != dtype::undefined ? a.output : in.element(1), in.shape(0)}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    scale_index const index(in[0].shape, in[1].shape, a);
    auto const count = static_cast<std::int64_t>(in[0].elements());
    kernels::staged_input<float> scale(in[1]);
    kernels::staged_output<float> y(out[0]);
    visit_compute(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]), zeros(in.size() > 2 ? in[2] : tensor_view{});
      for (std::int64_t i = 0; i < count; ++i) {
        auto const s = index(i);
        y[i] = static_cast<float>(zeros.data() ? x[i] - zeros[s] : x[i]) * scale[s];
      }
    });
  }
};

/// DynamicQuantizeLinear: to uint8, with scale and zero point from the input's range, which is made to include 0.
/// https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html
struct dynamic_quantize_linear {
  static constexpr op_schema schema{.name = "DynamicQuantizeLinear", .since = 11, .max_inputs = 1, .max_outputs = 3};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    return {{dtype::uint8, in.shape(0)}, {dtype::float32, shape{}}, {dtype::uint8, shape{}}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    kernels::staged_input<float> x(in[0]);
    auto const count = in[0].elements();
    float least = 0, greatest = 0;
    for (std::size_t i = 0; i < count; ++i) {
      least = std::min(least, x[i]);
      greatest = std::max(greatest, x[i]);
    }
    auto const scale = (greatest - least) / 255;
    integer_range const range{0, 255};
    auto const zero = scale > 0 ? quantized(-least / scale, 0, range) : 0;
    if (out[0])
      for (std::size_t i = 0; i < count; ++i)
        store<std::int64_t>(dtype::uint8, out[0].data, i, scale > 0 ? quantized(x[i] / scale, zero, range) : zero);
    if (out.size() > 1 && out[1]) *out[1].as<float>().data() = scale;
    if (out.size() > 2 && out[2]) *out[2].as<std::uint8_t>().data() = static_cast<std::uint8_t>(zero);
  }
};

}  // namespace sinter
