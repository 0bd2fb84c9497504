#pragma once

#include <sinter/ops/elementwise.hpp>

#include <cmath>
#include <cstdint>

namespace sinter {

/// y = f(x) elementwise, without attributes: a formula, or where machine code has none, a function of the C library.
/// The third is f for integers; it is null where the operator is defined for floating types only.
struct unary_row {
  op_schema schema{};
  expr::value (*formula)(expr::value) = nullptr;
  double (*function)(double) = nullptr;
  std::int64_t (*integer)(std::int64_t) = nullptr;
};

/// https://onnx.ai/onnx/operators/onnx__Abs.html and so on.
inline constexpr unary_row unary_rows[] = {
    {{.name = "Abs"},
     expr::abs,
     nullptr,
     [](std::int64_t x) { return x < 0 ? std::int64_t(0 - std::uint64_t(x)) : x; }},
    {{.name = "Neg"},
     [](expr::value x) { return -x; },
     nullptr,
     [](std::int64_t x) { return std::int64_t(0 - std::uint64_t(x)); }},
    {{.name = "Sign"}, expr::sign, nullptr, [](std::int64_t x) { return std::int64_t(x > 0) - std::int64_t(x < 0); }},
    {{.name = "Relu"},
     [](expr::value x) { return max(0.0f, x); },
     nullptr,
     [](std::int64_t x) { return x > 0 ? x : 0; }},
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
    {{.name = "Asin"}, nullptr, std::asin},
    {{.name = "Acos"}, nullptr, std::acos},
    {{.name = "Atan"}, nullptr, std::atan},
    {{.name = "Sinh"}, nullptr, std::sinh},
    {{.name = "Cosh"}, nullptr, std::cosh},
    {{.name = "Asinh"}, nullptr, std::asinh},
    {{.name = "Acosh"}, nullptr, std::acosh},
    {{.name = "Atanh"}, nullptr, std::atanh},
    {{.name = "Softplus"}, [](expr::value x) { return max(0.0f, x) + log(1.0f + exp(-abs(x))); }},
    {{.name = "Softsign"}, [](expr::value x) { return x / (1.0f + abs(x)); }},
    {{.name = "HardSwish"}, [](expr::value x) { return x * max(0.0f, min(1.0f, x / 6.0f + 0.5f)); }},
    {{.name = "Mish"}, [](expr::value x) { return x * tanh(max(0.0f, x) + log(1.0f + exp(-abs(x)))); }},
};

inline void evaluate_unary(unary_row const& row, tensor_view in, mutable_tensor_view out) {
  tensor_view const operands[] = {in};
  if (is_floating(out.type) && row.formula)
    return interpret_pointwise(operands, out, [&](std::span<expr::value const> x) { return row.formula(x[0]); });
  if (is_floating(out.type))
    return map_blocks<double>(operands, out, [&](double* y, std::span<double const* const> x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = row.function(x[0][i]);
    });
  if (!row.integer)
    fail(error_code::malformed_model, "{} is defined for floating types, got {}", row.schema.name, name(out.type));
  if (info(out.type).kind == dtype_kind::unsigned_integer && row.schema.name != "Sign" && row.schema.name != "Neg") {
    std::memcpy(out.data, in.data, in.bytes());  // |x| and relu(x) of what has no sign
    return;
  }
  map_blocks<std::int64_t>(operands, out, [&](std::int64_t* y, std::span<std::int64_t const* const> x, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] = row.integer(x[0][i]);
  });
}

/// Line `Row` of the table.
template <std::size_t Row>
struct unary_operator {
  static constexpr op_schema schema = [] {
    auto s = unary_rows[Row].schema;
    s.max_inputs = 1;
    return s;
  }();
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static void evaluate(input_views in, output_views out, attributes const&) {
    evaluate_unary(unary_rows[Row], in[0], out[0]);
  }
  static expr::value expression(std::span<expr::value const> x,
                                attributes const&) requires(unary_rows[Row].formula != nullptr) {
    return unary_rows[Row].formula(x[0]);
  }
};

using unary_family = table_family<unary_operator, std::size(unary_rows)>;

}  // namespace sinter
