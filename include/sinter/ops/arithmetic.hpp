#pragma once

#include <sinter/kernels/integers.hpp>
#include <sinter/ops/elementwise.hpp>

#include <algorithm>
#include <cstdint>

namespace sinter {

using expressions = std::span<expr::value const>;

/// An arithmetic operator on operands of one type: a formula for floating types, and a kernel for integers.
struct arithmetic_row {
  op_schema schema{};
  expr::value (*formula)(expressions x) = nullptr;
  kernels::kernel fold{};
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

inline expr::value formula_add(expressions x) { return x[0] + x[1]; }
inline expr::value formula_subtract(expressions x) { return x[0] - x[1]; }
inline expr::value formula_multiply(expressions x) { return x[0] * x[1]; }
inline expr::value formula_divide(expressions x) { return x[0] / x[1]; }

}  // namespace detail

/// https://onnx.ai/onnx/operators/onnx__Add.html and so on. The first `binary_rows` are binary.
inline constexpr arithmetic_row arithmetic_rows[] = {
    {{.name = "Add", .since = 7, .min_inputs = 2, .max_inputs = 2},
     detail::formula_add,
     {kernels::fold<kernels::sum>, "fold<sinter::kernels::sum>", "integers.hpp"}},
    {{.name = "Sub", .since = 7, .min_inputs = 2, .max_inputs = 2},
     detail::formula_subtract,
     {kernels::fold<kernels::difference>, "fold<sinter::kernels::difference>", "integers.hpp"}},
    {{.name = "Mul", .since = 7, .min_inputs = 2, .max_inputs = 2},
     detail::formula_multiply,
     {kernels::fold<kernels::product>, "fold<sinter::kernels::product>", "integers.hpp"}},
    {{.name = "Div", .since = 7, .min_inputs = 2, .max_inputs = 2},
     detail::formula_divide,
     {kernels::fold<kernels::quotient>, "fold<sinter::kernels::quotient>", "integers.hpp"}},
    {{.name = "Sum"}, detail::sum, {kernels::fold<kernels::sum>, "fold<sinter::kernels::sum>", "integers.hpp"}},
    {{.name = "Max"},
     detail::largest,
     {kernels::fold<kernels::greatest>, "fold<sinter::kernels::greatest>", "integers.hpp"}},
    {{.name = "Min"},
     detail::smallest,
     {kernels::fold<kernels::least>, "fold<sinter::kernels::least>", "integers.hpp"}},
    {{.name = "Mean"}, [](expressions x) { return detail::sum(x) / float(x.size()); }},
};

inline constexpr std::size_t binary_rows = 4;

/// The formula, or for integers the fold of all operands.
inline kernel_call arithmetic_call(arithmetic_row const& row, inputs const& in) {
  if (is_floating(in.element(0))) return pointwise_call(in.size(), row.formula);
  if (!row.fold.run)
    fail(error_code::unsupported_feature, "{} is defined for floating types only, got {}", row.schema.name,
         name(in.element(0)));
  return {.kernel = row.fold};
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
  static kernel_call kernel(inputs const& in, attributes const&) { return arithmetic_call(arithmetic_rows[Row], in); }
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
  static kernel_call kernel(inputs const& in, attributes const& a) {
    return a.aligned(arithmetic_call(arithmetic_rows[Row], in), in);
  }
};

struct arithmetic_family : operator_list<table_family<arithmetic_operator, std::size(arithmetic_rows)>,
                                         table_family<legacy_arithmetic_operator, binary_rows>> {};

}  // namespace sinter
