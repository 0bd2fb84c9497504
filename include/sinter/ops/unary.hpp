#pragma once

#include <sinter/kernels/integers.hpp>
#include <sinter/ops/elementwise.hpp>

namespace sinter {

/// y = f(x) elementwise, without attributes. `on_integers` is f for integers; it is null where the operator is defined
/// for floating types only.
struct unary_row {
  op_schema schema{};
  expr::value (*formula)(expr::value) = nullptr;
  kernels::kernel on_integers{};
};

/// https://onnx.ai/onnx/operators/onnx__Abs.html and so on.
inline constexpr unary_row unary_rows[] = {
    {{.name = "Abs"}, expr::abs, {kernels::map<kernels::magnitude>, "map<sinter::kernels::magnitude>", "integers.hpp"}},
    {{.name = "Neg"},
     [](expr::value x) { return -x; },
     {kernels::map<kernels::negation>, "map<sinter::kernels::negation>", "integers.hpp"}},
    {{.name = "Sign"}, expr::sign, {kernels::map<kernels::sign>, "map<sinter::kernels::sign>", "integers.hpp"}},
    {{.name = "Relu"},
     [](expr::value x) { return max(0.0f, x); },
     {kernels::map<kernels::positive_part>, "map<sinter::kernels::positive_part>", "integers.hpp"}},
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

inline kernel_call unary_call(unary_row const& row, dtype element) {
  if (is_floating(element)) return pointwise_call(1, [&](std::span<expr::value const> x) { return row.formula(x[0]); });
  if (!row.on_integers.run)
    fail(error_code::malformed_model, "{} is defined for floating types, got {}", row.schema.name, name(element));
  return {.kernel = row.on_integers};
}

/// Line `Row` of the table.
template <std::size_t Row>
struct unary_operator {
  static constexpr op_schema schema{.name = unary_rows[Row].schema.name, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static kernel_call kernel(inputs const& in, attributes const&) { return unary_call(unary_rows[Row], in.element(0)); }
  static expr::value expression(std::span<expr::value const> x, attributes const&) {
    return unary_rows[Row].formula(x[0]);
  }
};

/// Functions of the C library that machine code has no formula for; floating types only. Line `Row` of their table.
template <std::size_t Row>
struct function_operator {
  static constexpr op_schema schema{.name = kernels::real_functions[Row].name, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static kernel_call kernel(inputs const& in, attributes const&) {
    if (!is_floating(in.element(0)))
      fail(error_code::malformed_model, "{} is defined for floating types, got {}", schema.name, name(in.element(0)));
    return {.kernel = {kernels::apply_function, "apply_function", "integers.hpp"}, .integers = {Row}};
  }
};

struct unary_family : operator_list<table_family<unary_operator, std::size(unary_rows)>,
                                    table_family<function_operator, std::size(kernels::real_functions)>> {};

}  // namespace sinter
