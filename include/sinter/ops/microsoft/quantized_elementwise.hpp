#pragma once

#include <sinter/ops/microsoft/quantized.hpp>

#include <algorithm>

namespace sinter::microsoft {

/// QLinearAdd and QLinearMul: A, its scale and zero point, B likewise, scale and zero point of the result.
template <bool Adds>
struct qlinear_arithmetic {
  static constexpr op_schema schema{
      .name = Adds ? "QLinearAdd" : "QLinearMul", .domain = domain, .min_inputs = 2, .max_inputs = 8};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    require_inputs(r, {3, 4, 6});
    return {};
  }
  static graph body(inputs const& in, attributes const&) {
    expect_quantized(in, 0, 1);
    expect_quantized(in, 3, 4);
    if (in.element(0) != in.element(3))
      fail(error_code::malformed_model, "A holds {} and B {}, expected one type", name(in.element(0)),
           name(in.element(3)));
    body_builder b(in);
    auto const y = b(Adds ? "Add" : "Mul", {dequantized(b, 0, 1), dequantized(b, 3, 4)});
    return b.finish({quantized(b, y, 6, in.element(0))});
  }
};

/// QLinearSigmoid and QLinearLeakyRelu: X, its scale and zero point, scale and zero point of the result.
template <bool Sigmoid>
struct qlinear_activation {
  static constexpr op_schema schema{
      .name = Sigmoid ? "QLinearSigmoid" : "QLinearLeakyRelu", .domain = domain, .min_inputs = 2, .max_inputs = 5};
  struct attributes {
    float alpha = 0;
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    require_inputs(r, {3});
    return {Sigmoid ? 0 : r.get("alpha", 0.01f)};
  }
  static graph body(inputs const& in, attributes const& a) {
    expect_quantized(in, 0, 1);
    body_builder b(in);
    auto const x = dequantized(b, 0, 1);
    auto const y = Sigmoid ? b("Sigmoid", {x}) : b("LeakyRelu", {x}, {{"alpha", a.alpha}});
    return b.finish({quantized(b, y, 3, in.element(0))});
  }
};

/// QLinearSoftmax: as Softmax of operator set `opset`, along an axis, or before 13 from it on.
struct qlinear_softmax {
  static constexpr op_schema schema{.name = "QLinearSoftmax", .domain = domain, .min_inputs = 2, .max_inputs = 5};
  struct attributes {
    std::int64_t axis = -1, opset = 13;
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    require_inputs(r, {3, 4});
    return {.axis = r.get<std::int64_t>("axis", -1), .opset = r.require<std::int64_t>("opset")};
  }
  static graph body(inputs const& in, attributes const& a) {
    expect_quantized(in, 0, 1);
    body_builder b(in);
    auto const y = b("Softmax", {dequantized(b, 0, 1)}, {{"axis", a.axis}}, a.opset < 13 ? 11 : 13);
    return b.finish({quantized(b, y, 3, in.element(0))});
  }
};

/// QLinearConcat: scale and zero point of the result, then each part with its scale and zero point.
struct qlinear_concat {
  static constexpr op_schema schema{.name = "QLinearConcat", .domain = domain, .min_inputs = 5};
  struct attributes {
    std::int64_t axis = 0;
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    if (r.input_count() % 3 != 2)
      fail(error_code::malformed_model, "{} inputs are given, expected 2 and 3 for each part", r.input_count());
    return {.axis = r.require<std::int64_t>("axis")};
  }
  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    std::vector<value_id> parts;
    for (std::size_t i = 2; i < in.size(); i += 3) {
      expect_quantized(in, i, i + 1);
      parts.push_back(dequantized(b, i, i + 1));
    }
    return b.finish({quantized(b, b("Concat", parts, {{"axis", a.axis}}), 0, in.element(1))});
  }
};

/// QLinearWhere: a condition, X and Y with scale and zero point each, scale and zero point of the result.
struct qlinear_where {
  static constexpr op_schema schema{.name = "QLinearWhere", .domain = domain, .min_inputs = 9, .max_inputs = 9};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    expect_quantized(in, 1, 2);
    expect_quantized(in, 4, 5);
    body_builder b(in);
    auto const y = b("Where", {b.input(0), dequantized(b, 1, 2), dequantized(b, 4, 5)});
    return b.finish({quantized(b, y, 7, in.element(1))});
  }
};

/// QuantizeLinear and DequantizeLinear, which were here before ONNX had types of 16 and 4 bits.
template <bool Quantizes>
struct linear_quantization {
  static constexpr op_schema schema{
      .name = Quantizes ? "QuantizeLinear" : "DequantizeLinear", .domain = domain, .min_inputs = 2, .max_inputs = 3};
  struct attributes {
    attribute_map axis{};
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) { return {r.pass_on({"axis"})}; }
  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    return b.finish({b(std::string(schema.name), {b.input(0), b.input(1), b.input(2)}, a.axis)});
  }
};

}  // namespace sinter::microsoft
