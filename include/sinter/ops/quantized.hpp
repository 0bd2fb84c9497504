#pragma once

#include <sinter/ops/fused_convolution.hpp>
#include <sinter/ops/quantized_linear.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The form that quantised operators have inside of sinter: operands as those of QLinearConv and QLinearMatMul, their
/// scales and zero points constants, 8-bit integers in and out.
///
///     y = clamp(round(float32(sum of (x - x zero)·(w - w zero) + bias) · (x scale · w scale / y scale)) + y zero)
///
/// Sums are exact; they are rounded when they become float32, and half to even when they become integers. What a float
/// reference computes (dequantise, multiply, quantise) differs by its own rounding: by at most one quantum.
///
/// A product may have an addend R, a quantised tensor of Y's shape, with its scale and zero point and those of the sum
/// Z, which has the bits of DequantizeLinear of both, Add and QuantizeLinear:
///
///     z = clamp(round(((y - y zero) · y scale + (r - r zero) · r scale) / z scale) + z zero)
namespace sinter {

/// The elements of a constant of 8 or 32 bits as integers.
inline std::vector<std::int32_t> integers_of(any_tensor const& t) {
  std::vector<std::byte> bytes(t.bytes());
  t.read(0, bytes);
  std::vector<std::int32_t> values(t.elements());
  auto const convert = [&]<typename T>(T) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      T value;
      std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
      values[i] = value;
    }
  };
  switch (t.type()) {
    case dtype::int8: convert(std::int8_t{}); break;
    case dtype::uint8: convert(std::uint8_t{}); break;
    case dtype::int32: convert(std::int32_t{}); break;
    default: SINTER_ASSERT(!"an integer type of quantized operators");
  }
  return values;
}

/// Whether kernels can take sums of `depth` products of 8-bit integers with these weights: less their zero points (one,
/// or one for each index of `axis`) they are int8, and sums with the bias (may be none) are int32.
inline bool fits_byte_products(any_tensor const& weights, any_tensor const& zero_points, std::size_t axis,
                               any_tensor const* bias, std::int64_t depth) {
  std::int64_t most = INT32_MAX;
  if (bias)
    for (std::int64_t const b : integers_of(*bias)) most = std::min(most, INT32_MAX - std::abs(b));
  if (depth > most / (255 * 128)) return false;
  auto const zeros = integers_of(zero_points);
  if (weights.type() == dtype::int8 && std::ranges::count(zeros, 0) == std::ssize(zeros)) return true;
  auto const values = integers_of(weights);
  auto const view = kernels::axis_view::of(weights.shape(), axis);
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto const along = static_cast<std::int64_t>(i) / view.inner % view.extent;
    auto const w = values[i] - zeros[zeros.size() == 1 ? 0 : static_cast<std::size_t>(along)];
    if (w < -128 || w > 127) return false;
  }
  return true;
}

/// Results below `least` become that, those above `greatest` likewise: an activation before the result was quantised.
struct quantized_bounds {
  std::optional<std::int64_t> least{}, greatest{};

  /// The attributes `least` and `greatest` behind `prefix`.
  static quantized_bounds parse(attribute_reader const& r, std::string const& prefix = {}) {
    auto const read = [&](std::string const& name) {
      return r.has(name) ? std::optional(r.require<std::int64_t>(name)) : std::nullopt;
    };
    return {read(prefix + "least"), read(prefix + "greatest")};
  }
  /// Those of a result of type `type`.
  integer_range range(dtype type) const {
    auto const all = range_of(type);
    return {std::max(all.least, least.value_or(all.least)), std::min(all.greatest, greatest.value_or(all.greatest))};
  }
};

/// Whether kernels add terms with the steps `a` and `b` to a sum with the step `sum`: it is an int32 before it is one
/// of 8 bits, and 1 / sum is no denormal number.
inline bool adds_steps(float a, float b, float sum) {
  constexpr float most = 0x1p20f, limit = 0x1p60f;
  return sum > 1 / limit && sum < limit && a < most * sum && b < most * sum;
}

/// What quantised products have in common: operands behind those of the product, and bounds.
struct quantized_product_result {
  static constexpr std::size_t addend = 9;  ///< R; then its scale, zero point, Z's scale, zero point

  quantized_bounds bounds{}, sum{};  ///< of Y; of Z

  static quantized_product_result parse(attribute_reader const& r) {
    return {quantized_bounds::parse(r), quantized_bounds::parse(r, "sum_")};
  }
  static dtype element(inputs const& in) { return in.element(in.has(addend) ? addend + 4 : 7); }
  /// The type of the result, of shape `y`. Errors: malformed_model.
  static types infer(inputs const& in, shape const& y) {
    if (in.has(addend)) {
      if (in.shape(addend) != y)
        fail(error_code::malformed_model, "the addend has shape {}, expected that of the result, {}", in.shape(addend),
             y);
      for (std::size_t i = addend + 1; i < addend + 5; ++i)
        detail::check_scale(in.shape(i), 1, "addend's quantisation");
    }
    return {{element(in), y}};
  }
  /// Numbers of the kernels.
  std::vector<std::int64_t> numbers(inputs const& in) const {
    auto const range = bounds.range(in.element(7));
    if (!in.has(addend)) return {range.least, range.greatest};
    auto const sums = sum.range(element(in));
    return {range.least, range.greatest, sums.least, sums.greatest};
  }
};

/// sinter.QuantizedConv: X, scale, zero point, W, scale ([1] or [M]), zero point, Y's scale, zero point, bias int32 [M]
/// (may be omitted), then perhaps an addend. The geometry is explicit, as in sinter.Conv.
struct quantized_convolution {
  static constexpr op_schema schema{
      .name = "QuantizedConv", .since = 1, .domain = "sinter", .min_inputs = 8, .max_inputs = 14};
  struct attributes {
    fused_convolution::attributes geometry{};
    quantized_product_result result{};
  };

  static attributes parse(attribute_reader const& r) {
    return {fused_convolution::parse_geometry(r), quantized_product_result::parse(r)};
  }

  static dtype element(inputs const& in, attributes const&, std::size_t) {
    return quantized_product_result::element(in);
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const out = fused_convolution::result_shape(in.shape(0), in.shape(3), a.geometry);
    detail::check_scale(in.shape(4), out[1], "weights' scale");
    detail::check_zero_point(in, 5, out[1]);
    check_vector(in, 8, out[1], "bias");
    return quantized_product_result::infer(in, out);
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto integers = numbers_of(fused_convolution::window(in.shape(0), in.shape(3), a.geometry), {a.geometry.group});
    auto const bounds = a.result.numbers(in);
    integers.insert(integers.end(), bounds.begin(), bounds.end());
    return {.kernel = {kernels::quantized_convolution, "quantized_convolution", "convolution.hpp"},
            .integers = std::move(integers)};
  }
};

/// sinter.QuantizedGemm: A […,M,K], scale, zero point, B [K,N], scale ([1] or [N]), zero point, Y's scale, zero point,
/// bias int32 [N] (may be omitted), then perhaps an addend.
struct quantized_gemm {
  static constexpr op_schema schema{
      .name = "QuantizedGemm", .since = 1, .domain = "sinter", .min_inputs = 8, .max_inputs = 14};
  using attributes = quantized_product_result;

  static attributes parse(attribute_reader const& r) { return quantized_product_result::parse(r); }

  static dtype element(inputs const& in, attributes const&, std::size_t) { return attributes::element(in); }
  static types infer(inputs const& in, attributes const&) {
    auto const product = qlinear_matmul::infer(in, {});
    check_vector(in, 8, in.shape(3).back(), "bias");
    return attributes::infer(in, *product[0].shape);
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::quantized_products, "quantized_products", "matmul.hpp"}, .integers = a.numbers(in)};
  }
};

/// sinter.QuantizedAdd: A, scale, zero point, B, scale, zero point, Y's scale, zero point; all of one shape. Equals
/// DequantizeLinear, Add, QuantizeLinear bit by bit.
struct quantized_add {
  static constexpr op_schema schema{
      .name = "QuantizedAdd", .since = 1, .domain = "sinter", .min_inputs = 8, .max_inputs = 8};
  using attributes = quantized_bounds;

  static attributes parse(attribute_reader const& r) { return quantized_bounds::parse(r); }

  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(7); }
  static types infer(inputs const& in, attributes const&) {
    if (in.shape(0) != in.shape(3))
      fail(error_code::malformed_model, "the terms have shapes {} and {}, expected one", in.shape(0), in.shape(3));
    return {{in.element(7), in.shape(0)}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const range = a.range(in.element(7));
    return {.kernel = {kernels::quantized_sum, "quantized_sum", "quantize.hpp"},
            .integers = {range.least, range.greatest}};
  }
};

}  // namespace sinter
