#pragma once

#include <sinter/ops/arithmetic.hpp>

namespace sinter {

/// Operators on the bits of integers, and on bool, whose one bit they treat alike.
struct logic_row {
  op_schema schema{};
  kernels::kernel fold{};
  expr::value (*formula)(expressions x) = nullptr;  ///< of those on bool only: 0 or 1
};

/// A condition as 0 or 1.
inline expr::value as_number(expr::condition c) { return expr::select(std::move(c), 1.0f, 0.0f); }

/// https://onnx.ai/onnx/operators/onnx__And.html and so on. The first `bool_rows` are those on bool, which
/// exist before operator set 7.
inline constexpr logic_row logic_rows[] = {
    {{.name = "And", .since = 7, .min_inputs = 2, .max_inputs = 2},
     {kernels::fold<kernels::bits_and>, "fold<sinter::kernels::bits_and>", "integers.hpp"},
     [](expressions x) { return expr::select(x[0] != 0.0f, as_number(x[1] != 0.0f), 0.0f); }},
    {{.name = "Or", .since = 7, .min_inputs = 2, .max_inputs = 2},
     {kernels::fold<kernels::bits_or>, "fold<sinter::kernels::bits_or>", "integers.hpp"},
     [](expressions x) { return expr::select(x[0] != 0.0f, 1.0f, as_number(x[1] != 0.0f)); }},
    {{.name = "Xor", .since = 7, .min_inputs = 2, .max_inputs = 2},
     {kernels::fold<kernels::bits_xor>, "fold<sinter::kernels::bits_xor>", "integers.hpp"},
     [](expressions x) { return as_number(x[0] != x[1]); }},
    {{.name = "BitwiseAnd", .since = 18, .min_inputs = 2, .max_inputs = 2},
     {kernels::fold<kernels::bits_and>, "fold<sinter::kernels::bits_and>", "integers.hpp"}},
    {{.name = "BitwiseOr", .since = 18, .min_inputs = 2, .max_inputs = 2},
     {kernels::fold<kernels::bits_or>, "fold<sinter::kernels::bits_or>", "integers.hpp"}},
    {{.name = "BitwiseXor", .since = 18, .min_inputs = 2, .max_inputs = 2},
     {kernels::fold<kernels::bits_xor>, "fold<sinter::kernels::bits_xor>", "integers.hpp"}},
};
inline constexpr std::size_t bool_rows = 3;

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
    expect_integers(in, Row < bool_rows);
    return {{in.element(0), broadcast_shape(in)}};
  }
  static kernel_call kernel(inputs const&, attributes const&) { return {.kernel = logic_rows[Row].fold}; }
  static expr::value expression(expressions x, attributes const&) requires(Row < bool_rows) {
    return logic_rows[Row].formula(x);
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
  static kernel_call kernel(inputs const& in, attributes const& a) {
    return a.aligned({.kernel = logic_rows[Row].fold}, in);
  }
};

struct logic_family : operator_list<table_family<logic_operator, std::size(logic_rows)>,
                                    table_family<legacy_logic_operator, bool_rows>> {};

/// Not   https://onnx.ai/onnx/operators/onnx__Not.html
struct logical_not {
  static constexpr op_schema schema{.name = "Not", .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_integers(in, true);
    return {in[0]};
  }
  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::map<kernels::logical_not>, "map<sinter::kernels::logical_not>", "integers.hpp"}};
  }
  static expr::value expression(expressions x, attributes const&) { return as_number(x[0] == 0.0f); }
};

/// BitwiseNot   https://onnx.ai/onnx/operators/onnx__BitwiseNot.html
struct bitwise_not {
  static constexpr op_schema schema{.name = "BitwiseNot", .since = 18, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_integers(in, false);
    return {in[0]};
  }
  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::map<kernels::complement>, "map<sinter::kernels::complement>", "integers.hpp"}};
  }
};

/// BitShift; to the right it copies the sign bit.
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
  static kernel_call kernel(inputs const&, attributes const& a) {
    if (a.left)
      return {.kernel = {kernels::fold<kernels::shift_left>, "fold<sinter::kernels::shift_left>", "integers.hpp"}};
    return {.kernel = {kernels::fold<kernels::shift_right>, "fold<sinter::kernels::shift_right>", "integers.hpp"}};
  }
};

}  // namespace sinter
