#pragma once

#include <sinter/ops/elementwise.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sinter {

/// A generic function of one integer, for int64 and uint64. Narrower types wrap when they are stored.
struct integer_function {
  std::int64_t (*integer)(std::int64_t) = nullptr;
  std::uint64_t (*natural)(std::uint64_t) = nullptr;

  constexpr integer_function() = default;
  template <typename Function>
  constexpr integer_function(Function f) : integer(f), natural(f) {}

  template <typename T>
  T operator()(T x) const {
    if constexpr (std::is_signed_v<T>)
      return integer(x);
    else
      return natural(x);
  }
};

/// y = f(x) elementwise, without attributes. `on_integers` is f for integers; it is null where the operator is defined
/// for floating types only.
struct unary_row {
  op_schema schema{};
  expr::value (*formula)(expr::value) = nullptr;
  integer_function on_integers{};
};

inline constexpr auto negate_integer = [](auto x) -> decltype(x) {
  return static_cast<decltype(x)>(0 - static_cast<std::uint64_t>(x));
};

/// https://onnx.ai/onnx/operators/onnx__Abs.html and so on.
inline constexpr unary_row unary_rows[] = {
    {{.name = "Abs"}, expr::abs, [](auto x) { return x < 0 ? negate_integer(x) : x; }},
    {{.name = "Neg"}, [](expr::value x) { return -x; }, negate_integer},
    {{.name = "Sign"}, expr::sign, [](auto x) -> decltype(x) { return (x > 0) - (x < 0); }},
    {{.name = "Relu"}, [](expr::value x) { return max(0.0f, x); }, [](auto x) { return x > 0 ? x : 0; }},
    {{.name = "Sqrt"}, expr::sqrt},
    {{.name = "Exp"}, expr::exp},
    {{.name = "Log"}, expr::log},
    {{.name = "Reciprocal"}, expr::reciprocal},
    {{.name = "Floor"}, expr::floor},
    {{.name = "Ceil"}, expr::ceil},
    {{.name = "Round"}, expr::round},
    {{.name = "Erf"}, expr::erf},
    {{.name = "Sin"}, expr::sin},
    {{.name = "Cos"}, expr::cos},
    {{.name = "Tan"}, [](expr::value x) { return sin(x) / cos(x); }},
    {{.name = "Tanh"}, expr::tanh},
    {{.name = "Sigmoid"}, expr::sigmoid},
    {{.name = "Softplus"}, [](expr::value x) { return max(0.0f, x) + log(1.0f + exp(-abs(x))); }},
    {{.name = "Softsign"}, [](expr::value x) { return x / (1.0f + abs(x)); }},
    {{.name = "HardSwish"}, [](expr::value x) { return x * max(0.0f, min(1.0f, x / 6.0f + 0.5f)); }},
    {{.name = "Mish"}, [](expr::value x) { return x * tanh(max(0.0f, x) + log(1.0f + exp(-abs(x)))); }},
};

inline void evaluate_unary(unary_row const& row, tensor_view in, mutable_tensor_view out) {
  tensor_view const operands[] = {in};
  if (is_floating(out.type))
    return interpret_pointwise(operands, out, [&](std::span<expr::value const> x) { return row.formula(x[0]); });
  if (!row.on_integers.integer)
    fail(error_code::malformed_model, "{} is defined for floating types, got {}", row.schema.name, name(out.type));
  visit_compute(out.type, [&]<typename T>() {
    if constexpr (std::is_integral_v<T>)
      map_blocks<T>(operands, out, [&](T* y, std::span<T const* const> x, std::size_t n) {
        std::transform(x[0], x[0] + n, y, row.on_integers);
      });
  });
}

/// Line `Row` of the table.
template <std::size_t Row>
struct unary_operator {
  static constexpr op_schema schema{.name = unary_rows[Row].schema.name, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static void evaluate(input_views in, output_views out, attributes const&) {
    evaluate_unary(unary_rows[Row], in[0], out[0]);
  }
  static expr::value expression(std::span<expr::value const> x, attributes const&) {
    return unary_rows[Row].formula(x[0]);
  }
};

/// A function of the C library that machine code has no formula for; floating types only.
struct function_row {
  std::string_view name{};
  double (*function)(double) = nullptr;
};

inline constexpr function_row function_rows[] = {
    {"Asin", std::asin}, {"Acos", std::acos},   {"Atan", std::atan},   {"Sinh", std::sinh},
    {"Cosh", std::cosh}, {"Asinh", std::asinh}, {"Acosh", std::acosh}, {"Atanh", std::atanh},
};

/// Line `Row` of the table.
template <std::size_t Row>
struct function_operator {
  static constexpr op_schema schema{.name = function_rows[Row].name, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static void evaluate(input_views in, output_views out, attributes const&) {
    if (!is_floating(out[0].type))
      fail(error_code::malformed_model, "{} is defined for floating types, got {}", schema.name, name(out[0].type));
    map_blocks<double>(in, out[0], [](double* y, std::span<double const* const> x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = function_rows[Row].function(x[0][i]);
    });
  }
};

struct unary_family : operator_list<table_family<unary_operator, std::size(unary_rows)>,
                                    table_family<function_operator, std::size(function_rows)>> {};

}  // namespace sinter
