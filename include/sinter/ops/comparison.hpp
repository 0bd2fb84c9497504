#pragma once

#include <sinter/kernels/integers.hpp>
#include <sinter/ops/elementwise.hpp>

#include <string>

namespace sinter {

struct comparison_row {
  std::string_view name{};
  compare test{};
};

/// https://onnx.ai/onnx/operators/onnx__Equal.html and so on.
inline constexpr comparison_row comparison_rows[] = {
    {"Equal", compare::eq},          {"Greater", compare::gt},     {"Less", compare::lt},
    {"GreaterOrEqual", compare::ge}, {"LessOrEqual", compare::le},
};

inline kernel_call comparison_call(compare test) {
  return {.kernel = {kernels::compare_elements, "compare_elements", "integers.hpp"},
          .integers = {static_cast<std::int64_t>(test)}};
}

/// Line `Row` of the table.
template <std::size_t Row>
struct comparison_operator {
  static constexpr op_schema schema{.name = comparison_rows[Row].name, .since = 7, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::boolean; }
  static types infer(inputs const& in, attributes const&) {
    expect_one_element_type(in);
    return {{dtype::boolean, broadcast_shape(in)}};
  }
  static kernel_call kernel(inputs const&, attributes const&) { return comparison_call(comparison_rows[Row].test); }
};

/// Line `Row` of the table as operator sets before 7 have it.
template <std::size_t Row>
struct legacy_comparison_operator {
  static constexpr op_schema schema{.name = comparison_rows[Row].name, .since = 1, .min_inputs = 2, .max_inputs = 2};
  using attributes = legacy_broadcast;

  static attributes parse(attribute_reader const& r) { return legacy_broadcast::parse(r); }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::boolean; }
  static types infer(inputs const& in, attributes const& a) {
    expect_one_element_type(in);
    a.aligned(in.shape(1), in.shape(0));
    return {{dtype::boolean, in.shape(0)}};
  }
  static kernel_call kernel(inputs const& in, attributes const& a) {
    return a.aligned(comparison_call(comparison_rows[Row].test), in);
  }
};

struct comparison_family : operator_list<table_family<comparison_operator, std::size(comparison_rows)>,
                                         table_family<legacy_comparison_operator, 3>> {};

/// IsNaN   https://onnx.ai/onnx/operators/onnx__IsNaN.html
struct is_nan {
  static constexpr op_schema schema{.name = "IsNaN", .since = 9, .max_inputs = 1};
  using attributes = no_attributes;

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::boolean; }
  static types infer(inputs const& in, attributes const&) { return {{dtype::boolean, in[0].shape}}; }
  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::is_nan, "is_nan", "integers.hpp"}};
  }
};

/// IsInf: of the signs that the attributes ask for.   https://onnx.ai/onnx/operators/onnx__IsInf.html
struct is_inf {
  static constexpr op_schema schema{.name = "IsInf", .since = 10, .max_inputs = 1};
  struct attributes {
    bool negative = true;
    bool positive = true;
  };

  static attributes parse(attribute_reader const& r) {
    return {.negative = r.get("detect_negative", true), .positive = r.get("detect_positive", true)};
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::boolean; }
  static types infer(inputs const& in, attributes const&) { return {{dtype::boolean, in[0].shape}}; }
  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::is_infinite, "is_infinite", "integers.hpp"}, .integers = {a.negative, a.positive}};
  }
};

}  // namespace sinter
