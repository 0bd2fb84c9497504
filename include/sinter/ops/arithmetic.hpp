#pragma once

#include <sinter/ops/elementwise.hpp>

#include <algorithm>
#include <cstdint>

namespace sinter {

using expressions = std::span<expr::value const>;

/// How integers are combined: one generic function for int64 and uint64. Narrower types wrap when they are stored.
struct integer_fold {
  std::int64_t (*integer)(std::int64_t, std::int64_t) = nullptr;
  std::uint64_t (*natural)(std::uint64_t, std::uint64_t) = nullptr;

  constexpr integer_fold() = default;
  template <typename Function>
  constexpr integer_fold(Function f) : integer(f), natural(f) {}

  template <typename T>
  T operator()(T a, T b) const {
    if constexpr (std::is_signed_v<T>)
      return integer(a, b);
    else
      return natural(a, b);
  }
};

/// Quotient towards zero; 0 for a division by zero.
inline constexpr auto divide_integers = [](auto a, auto b) -> decltype(a) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<decltype(a)>)
    if (b == -1) return static_cast<decltype(a)>(0 - static_cast<std::uint64_t>(a));
  return a / b;
};

/// An arithmetic operator on operands of one type: a formula for floating types, and a fold for integers.
struct arithmetic_row {
  op_schema schema{};
  expr::value (*formula)(expressions x) = nullptr;
  integer_fold fold{};
};

namespace detail {

template <typename Combine>
expr::value fold(expressions x, Combine combine) {
  auto result = x[0];
  for (auto const& next : x.subspan(1)) result = combine(result, next);
  return result;
}

inline expr::value sum(expressions x) {
  return fold(x, [](auto const& a, auto const& b) { return a + b; });
}
/// A NaN wins.
inline expr::value largest(expressions x) {
  return fold(x, [](auto const& a, auto const& b) { return select(a == a, max(a, b), a); });
}
inline expr::value smallest(expressions x) {
  return fold(x, [](auto const& a, auto const& b) { return select(a == a, min(a, b), a); });
}

inline constexpr auto add = [](auto a, auto b) -> decltype(a) {
  return static_cast<decltype(a)>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
};
inline constexpr auto subtract = [](auto a, auto b) -> decltype(a) {
  return static_cast<decltype(a)>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
};
inline constexpr auto multiply = [](auto a, auto b) -> decltype(a) {
  return static_cast<decltype(a)>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
};

inline expr::value formula_add(expressions x) { return x[0] + x[1]; }
inline expr::value formula_subtract(expressions x) { return x[0] - x[1]; }
inline expr::value formula_multiply(expressions x) { return x[0] * x[1]; }
inline expr::value formula_divide(expressions x) { return x[0] / x[1]; }

}  // namespace detail

/// https://onnx.ai/onnx/operators/onnx__Add.html and so on. The first `binary_rows` are binary.
inline constexpr arithmetic_row arithmetic_rows[] = {
    {{.name = "Add", .since = 7, .min_inputs = 2, .max_inputs = 2}, detail::formula_add, detail::add},
    {{.name = "Sub", .since = 7, .min_inputs = 2, .max_inputs = 2}, detail::formula_subtract, detail::subtract},
    {{.name = "Mul", .since = 7, .min_inputs = 2, .max_inputs = 2}, detail::formula_multiply, detail::multiply},
    {{.name = "Div", .since = 7, .min_inputs = 2, .max_inputs = 2}, detail::formula_divide, divide_integers},
    {{.name = "Sum"}, detail::sum, detail::add},
    {{.name = "Max"}, detail::largest, [](auto a, auto b) { return std::max(a, b); }},
    {{.name = "Min"}, detail::smallest, [](auto a, auto b) { return std::min(a, b); }},
    {{.name = "Mean"}, [](expressions x) { return detail::sum(x) / float(x.size()); }},
};

inline constexpr std::size_t binary_rows = 4;

/// out = formula(in), or for integers the fold of all operands.
inline void evaluate_arithmetic(arithmetic_row const& row, input_views in, mutable_tensor_view out) {
  if (is_floating(out.type)) return interpret_pointwise(in, out, row.formula);
  if (!row.fold.integer)
    fail(error_code::unsupported_feature, "{} is defined for floating types only, got {}", row.schema.name,
         name(out.type));
  visit_compute(out.type, [&]<typename T>() {
    if constexpr (std::is_integral_v<T>)
      map_blocks<T>(in, out, [&](T* y, std::span<T const* const> x, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
          y[i] = x[0][i];
          for (std::size_t k = 1; k < x.size(); ++k) y[i] = row.fold(y[i], x[k][i]);
        }
      });
  });
}

/// Line `Row` of the table.
template <std::size_t Row>
struct arithmetic_operator {
  static constexpr op_schema schema = arithmetic_rows[Row].schema;
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_one_element_type(in);
    return {{in.element(0), broadcast_shape(in)}};
  }
  static void evaluate(input_views in, output_views out, attributes const&) {
    evaluate_arithmetic(arithmetic_rows[Row], in, out[0]);
  }
  static expr::value expression(expressions x, attributes const&) { return arithmetic_rows[Row].formula(x); }
};

/// Line `Row` of the table as operator sets before 7 have it. No expression: operands broadcast by attributes.
template <std::size_t Row>
struct legacy_arithmetic_operator {
  static constexpr op_schema schema{
      .name = arithmetic_rows[Row].schema.name, .since = 1, .min_inputs = 2, .max_inputs = 2};
  using attributes = legacy_broadcast;

  static attributes parse(attribute_reader const& r) { return legacy_broadcast::parse(r); }
  static types infer(inputs const& in, attributes const& a) {
    expect_one_element_type(in);
    a.aligned(in.shape(1), in.shape(0));
    return {in[0]};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    tensor_view const operands[] = {in[0], {in[1].type, a.aligned(in[1].shape, in[0].shape), in[1].data}};
    evaluate_arithmetic(arithmetic_rows[Row], operands, out[0]);
  }
};

struct arithmetic_family : operator_list<table_family<arithmetic_operator, std::size(arithmetic_rows)>,
                                         table_family<legacy_arithmetic_operator, binary_rows>> {};

}  // namespace sinter
