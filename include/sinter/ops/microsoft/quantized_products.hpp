#pragma once

#include <sinter/ops/microsoft/quantized.hpp>

namespace sinter::microsoft {

/// A * B of integers less their zero points, as float32 times the scales of both.
inline value_id scaled_product(body_builder& b, value_id x, value_id x_scale, value_id x_zero, value_id w,
                               value_id w_scale, value_id w_zero) {
  auto const product = b.cast(b("MatMulInteger", {x, w, x_zero, w_zero}), dtype::float32);
  return b("Mul", {product, b("Mul", {x_scale, w_scale})});
}

/// MatMulIntegerToFloat: A, B, their scales, their zero points, and a bias. Scale and zero point of B may be those of
/// each column.
struct matmul_integer_to_float {
  static constexpr op_schema schema{.name = "MatMulIntegerToFloat", .domain = domain, .min_inputs = 4, .max_inputs = 7};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    for (auto const i : {std::size_t{2}, std::size_t{3}, std::size_t{6}}) expect_element(in, i, {dtype::float32});
    body_builder b(in);
    auto const y = scaled_product(b, b.input(0), b.input(2), b.input(4), b.input(1), b.input(3), b.input(5));
    return b.finish({b.plus(y, b.input(6))});
  }
};

/// DynamicQuantizeMatMul: A is quantised by its range; B, its scale and zero point, and a bias.
struct dynamic_quantize_matmul {
  static constexpr op_schema schema{
      .name = "DynamicQuantizeMatMul", .domain = domain, .min_inputs = 3, .max_inputs = 5};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    for (auto const i : {std::size_t{0}, std::size_t{2}, std::size_t{4}}) expect_element(in, i, {dtype::float32});
    body_builder b(in);
    auto const a = b.several(3, "DynamicQuantizeLinear", {b.input(0)});
    auto const y = scaled_product(b, a[0], a[1], a[2], b.input(1), b.input(2), b.input(3));
    return b.finish({b.plus(y, b.input(4))});
  }
};

/// QGemm: alpha * A' * B' + C, where ' may transpose; A, B and the result have scale and zero point, C the scale of the
/// product. Without a scale the result stays float32.
struct qgemm {
  static constexpr op_schema schema{.name = "QGemm", .domain = domain, .min_inputs = 6, .max_inputs = 9};
  enum : std::size_t { a, a_scale, a_zero, b, b_scale, b_zero, c, y_scale, y_zero };
  struct attributes {
    float alpha = 1;
    bool transpose_a = false, transpose_b = false;
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) {
    if (r.has_input(y_scale) != r.has_input(y_zero))
      fail(error_code::malformed_model, "of scale and zero point of the result one is given, expected both or none");
    return {
        .alpha = r.get("alpha", 1.0f), .transpose_a = r.get("transA", false), .transpose_b = r.get("transB", false)};
  }
  static graph body(inputs const& in, attributes const& how) {
    expect_element(in, c, {dtype::int32});
    for (auto const i : {std::size_t{a}, std::size_t{b}})
      if (in[i].shape && in.shape(i).rank() != 2)
        fail(error_code::malformed_model, "the input {} has shape {}, expected a matrix", i, in.shape(i));
    body_builder g(in);
    auto const factor = [&](std::size_t i, bool transposed) {
      return transposed ? g.transpose(g.input(i), {1, 0}) : g.input(i);
    };
    auto const sum = g.plus(
        g("MatMulInteger", {factor(a, how.transpose_a), factor(b, how.transpose_b), g.input(a_zero), g.input(b_zero)}),
        g.input(c));
    auto const scale = g.times(g("Mul", {g.input(a_scale), g.input(b_scale)}), static_cast<double>(how.alpha));
    auto const y = g("Mul", {g.cast(sum, dtype::float32), scale});
    return g.finish({in.has(y_scale) ? quantized(g, y, y_scale, in.element(y_zero)) : y});
  }
};

/// GatherBlockQuantized: rows of a matrix whose elements have scale and zero point for each block along an axis.
struct gather_block_quantized {
  static constexpr op_schema schema{.name = "GatherBlockQuantized", .domain = domain, .min_inputs = 3, .max_inputs = 4};
  enum : std::size_t { data, indices, scales, zeros };
  struct attributes {
    std::int64_t gathered = 0, quantized = 1, block = 128, bits = 4;
  };

  static attributes parse(attribute_reader const& r) {
    attributes const a{.gathered = r.get<std::int64_t>("gather_axis", 0),
                       .quantized = r.get<std::int64_t>("quantize_axis", 1),
                       .block = r.get<std::int64_t>("block_size", 128),
                       .bits = r.get<std::int64_t>("bits", 4)};
    if (a.block < 16 || (a.block & (a.block - 1)) != 0)
      fail(error_code::malformed_model, "'block_size' is {}, expected a power of two of 16 or more", a.block);
    if (a.bits != 4 && a.bits != 8) fail(error_code::unsupported_feature, "'bits' is {}, expected 4 or 8", a.bits);
    return a;
  }

  static dtype element(inputs const& in, attributes const&, std::size_t) { return in.element(scales); }
  static graph body(inputs const& in, attributes const& a) {
    expect_element(in, data, {dtype::int4, dtype::uint4, dtype::uint8});
    auto const rank = in.shape(data).rank();
    auto const axis = normalize_axis(a.gathered, rank), along = normalize_axis(a.quantized, rank);
    if (axis == along)
      fail(error_code::malformed_model, "'gather_axis' and 'quantize_axis' are both {}, expected two", axis);
    for (auto const i : {std::size_t{scales}, std::size_t{zeros}})
      if (in.has(i) && in.shape(i).rank() != rank)
        fail(error_code::malformed_model, "the input {} has shape {}, expected rank {}", i, in.shape(i), rank);
    bool const packed = in.element(data) == dtype::uint8 && a.bits == 4;
    if (packed && (axis != 0 || along != rank - 1))
      fail(error_code::unsupported_feature, "two elements share a byte, and the axes are {} and {}, expected 0 and {}",
           axis, along, rank - 1);
    body_builder b(in);
    auto const gather = [&](std::size_t i) {
      return b("Gather", {b.input(i), b.input(indices)}, {{"axis", static_cast<std::int64_t>(axis)}});
    };
    auto const moved = static_cast<std::int64_t>(along < axis ? along : along + in.shape(indices).rank() - 1);
    auto x = gather(data), zero = in.has(zeros) ? gather(zeros) : value_id{};
    auto const scale = gather(scales);
    if (packed) {
      x = nibbles(b, x, b.shape(x).back() * 2);
      if (zero) zero = nibbles(b, zero, b.shape(scale).back());
    }
    if (!zero && in.element(data) == dtype::uint8) {
      any_tensor middle(dtype::uint8, {1});
      *static_cast<std::uint8_t*>(middle.data()) = static_cast<std::uint8_t>(1 << (a.bits - 1));
      zero = b("Expand", {b.constant(middle), b.integers(extents_of(b.shape(scale)))});
    }
    return b.finish({b("DequantizeLinear", {x, scale, zero}, {{"axis", moved}, {"block_size", a.block}})});
  }

 private:
  static std::vector<std::int64_t> extents_of(shape const& s) { return {s.span().begin(), s.span().end()}; }

  /// The halves of bytes, low ones first, as `length` elements of the last axis.
  static value_id nibbles(body_builder& b, value_id x, std::int64_t length) {
    auto const one = [](std::uint8_t value) { return any_tensor::scalar<std::uint8_t>(value); };
    auto const low = b("BitwiseAnd", {x, b.constant(one(15))});
    auto const high = b("BitShift", {x, b.constant(one(4))}, {{"direction", std::string("RIGHT")}});
    auto const axis = b.integers({-1});
    auto const pairs =
        b("Concat", {b("Unsqueeze", {low, axis}), b("Unsqueeze", {high, axis})}, {{"axis", std::int64_t{-1}}});
    auto all = extents_of(b.shape(x));
    all.back() *= 2;
    auto const joined = b.reshape(pairs, all);
    if (all.back() == length) return joined;
    return b("Slice", {joined, b.integers({0}), b.integers({length}), axis});
  }
};

}  // namespace sinter::microsoft
