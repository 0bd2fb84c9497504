#pragma once

#include <sinter/ops/arithmetic.hpp>

namespace sinter {

/// Operators on the bits of integers, and on bool, whose one bit they treat alike.
struct logic_row {
  op_schema schema{};
  integer_fold fold{};
  bool boolean = false;  ///< on bool only
};

/// https://onnx.ai/onnx/operators/onnx__And.html and so on. The first `legacy_logic_rows` exist before operator set 7.
inline constexpr logic_row logic_rows[] = {
    {{.name = "And", .since = 7, .min_inputs = 2, .max_inputs = 2}, [](auto a, auto b) { return a & b; }, true},
    {{.name = "Or", .since = 7, .min_inputs = 2, .max_inputs = 2}, [](auto a, auto b) { return a | b; }, true},
    {{.name = "Xor", .since = 7, .min_inputs = 2, .max_inputs = 2}, [](auto a, auto b) { return a ^ b; }, true},
    {{.name = "BitwiseAnd", .since = 18, .min_inputs = 2, .max_inputs = 2}, [](auto a, auto b) { return a & b; }},
    {{.name = "BitwiseOr", .since = 18, .min_inputs = 2, .max_inputs = 2}, [](auto a, auto b) { return a | b; }},
    {{.name = "BitwiseXor", .since = 18, .min_inputs = 2, .max_inputs = 2}, [](auto a, auto b) { return a ^ b; }},
};
inline constexpr std::size_t legacy_logic_rows = 3;

/// out = fold(in[0], in[1]) on integers, broadcast.
inline void evaluate_integers(integer_fold const& fold, input_views in, mutable_tensor_view out) {
  auto const run = [&]<typename T>() {
    map_blocks<T>(in, out, [&](T* y, std::span<T const* const> x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = fold(x[0][i], x[1][i]);
    });
  };
  if (out.type == dtype::uint64)
    run.template operator()<std::uint64_t>();
  else
    run.template operator()<std::int64_t>();
}

inline void expect_integers(inputs const& in, bool boolean) {
  expect_one_element_type(in);
  if (boolean ? in.element(0) != dtype::boolean : !is_integer(in.element(0)))
    fail(error_code::malformed_model, "the operands hold {}, expected {}", name(in.element(0)),
         boolean ? "bool" : "integers");
}

/// Line `Row` of the table.
template <std::size_t Row>
struct logic_operator {
  static constexpr op_schema schema = logic_rows[Row].schema;
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_integers(in, logic_rows[Row].boolean);
    return {{in.element(0), broadcast_shape(in)}};
  }
  static void evaluate(input_views in, output_views out, attributes const&) {
    evaluate_integers(logic_rows[Row].fold, in, out[0]);
  }
};

/// Line `Row` of the table as operator sets before 7 have it.
template <std::size_t Row>
struct legacy_logic_operator {
  static constexpr op_schema schema{.name = logic_rows[Row].schema.name, .since = 1, .min_inputs = 2, .max_inputs = 2};
  using attributes = legacy_broadcast;

  static attributes parse(attribute_reader const& r) { return legacy_broadcast::parse(r); }
  static types infer(inputs const& in, attributes const& a) {
    expect_integers(in, true);
    a.aligned(in.shape(1), in.shape(0));
    return {in[0]};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    tensor_view const operands[] = {in[0], {in[1].type, a.aligned(in[1].shape, in[0].shape), in[1].data}};
    evaluate_integers(logic_rows[Row].fold, operands, out[0]);
  }
};

struct logic_family : operator_list<table_family<logic_operator, std::size(logic_rows)>,
                                    table_family<legacy_logic_operator, legacy_logic_rows>> {};

/// Not   https://onnx.ai/onnx/operators/onnx__Not.html
struct logical_not {
  static constexpr op_schema schema{.name = "Not", .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_integers(in, true);
    return {in[0]};
  }
  static void evaluate(input_views in, output_views out, attributes const&) {
    std::ranges::transform(in[0].as<bool>(), out[0].as<bool>().begin(), std::logical_not{});
  }
};

/// BitwiseNot   https://onnx.ai/onnx/operators/onnx__BitwiseNot.html
struct bitwise_not {
  static constexpr op_schema schema{.name = "BitwiseNot", .since = 18, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_integers(in, false);
    return {in[0]};
  }
  static void evaluate(input_views in, output_views out, attributes const&) {
    tensor_view const operands[] = {in[0], in[0]};
    evaluate_integers([](auto a, auto) { return ~a; }, operands, out[0]);
  }
};

/// BitShift of unsigned integers; shifting by the width or more gives 0.
/// https://onnx.ai/onnx/operators/onnx__BitShift.html
struct bit_shift {
  static constexpr op_schema schema{.name = "BitShift", .since = 11, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    bool left = false;
  };

  static attributes parse(attribute_reader const& r) {
    auto const direction = r.require<std::string>("direction");
    if (direction != "LEFT" && direction != "RIGHT")
      fail(error_code::malformed_model, "direction is '{}', expected 'LEFT' or 'RIGHT'", direction);
    return {.left = direction == "LEFT"};
  }
  static types infer(inputs const& in, attributes const&) {
    expect_integers(in, false);
    return {{in.element(0), broadcast_shape(in)}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    map_blocks<std::uint64_t>(in, out[0],
                              [&](std::uint64_t* y, std::span<std::uint64_t const* const> x, std::size_t n) {
                                for (std::size_t i = 0; i < n; ++i)
                                  y[i] = x[1][i] > 63 ? 0 : a.left ? x[0][i] << x[1][i] : x[0][i] >> x[1][i];
                              });
  }
};

}  // namespace sinter
