#pragma once

#include <sinter/ops/elementwise.hpp>

#include <cmath>
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

inline void evaluate_comparison(compare test, input_views in, mutable_tensor_view out) {
  if (in[0].type == dtype::string) {
    auto const* a = static_cast<std::string const*>(in[0].data);
    auto const* b = static_cast<std::string const*>(in[1].data);
    shape const strides[] = {broadcast_strides(in[0].shape, out.shape), broadcast_strides(in[1].shape, out.shape)};
    strided_walk const walk(out.shape, strides);
    walk.for_each_run([&](std::size_t first, std::size_t count, std::span<std::int64_t const> at) {
      for (std::size_t i = 0; i < count; ++i) {
        auto const n = static_cast<std::int64_t>(i);
        static_cast<bool*>(out.data)[first + i] =
            holds(test, a[at[0] + n * walk.run_stride(0)], b[at[1] + n * walk.run_stride(1)]);
      }
    });
    return;
  }
  visit_compute(in[0].type, [&]<typename T>() {
    map_blocks<T>(in, out, [&](T* y, std::span<T const* const> x, std::size_t n) {
      for (std::size_t i = 0; i < n; ++i) y[i] = T(holds(test, x[0][i], x[1][i]));
    });
  });
}

/// Line `Row` of the table.
template <std::size_t Row>
struct comparison_operator {
  static constexpr op_schema schema{.name = comparison_rows[Row].name, .since = 7, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_one_element_type(in);
    return {{dtype::boolean, broadcast_shape(in)}};
  }
  static void evaluate(input_views in, output_views out, attributes const&) {
    evaluate_comparison(comparison_rows[Row].test, in, out[0]);
  }
};

/// Line `Row` of the table as operator sets before 7 have it.
template <std::size_t Row>
struct legacy_comparison_operator {
  static constexpr op_schema schema{.name = comparison_rows[Row].name, .since = 1, .min_inputs = 2, .max_inputs = 2};
  using attributes = legacy_broadcast;

  static attributes parse(attribute_reader const& r) { return legacy_broadcast::parse(r); }
  static types infer(inputs const& in, attributes const& a) {
    expect_one_element_type(in);
    a.aligned(in.shape(1), in.shape(0));
    return {{dtype::boolean, in.shape(0)}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    tensor_view const operands[] = {in[0], {in[1].type, a.aligned(in[1].shape, in[0].shape), in[1].data}};
    evaluate_comparison(comparison_rows[Row].test, operands, out[0]);
  }
};

struct comparison_family : operator_list<table_family<comparison_operator, std::size(comparison_rows)>,
                                         table_family<legacy_comparison_operator, 3>> {};

/// IsNaN   https://onnx.ai/onnx/operators/onnx__IsNaN.html
struct is_nan {
  static constexpr op_schema schema{.name = "IsNaN", .since = 9, .max_inputs = 1};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return {{dtype::boolean, in[0].shape}}; }
  static void evaluate(input_views in, output_views out, attributes const&) {
    visit_floating(in[0].type, [&]<typename T>() {
      map_blocks<T>(in, out[0], [](T* y, std::span<T const* const> x, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) y[i] = std::isnan(x[0][i]);
      });
    });
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
  static types infer(inputs const& in, attributes const&) { return {{dtype::boolean, in[0].shape}}; }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    visit_floating(in[0].type, [&]<typename T>() {
      map_blocks<T>(in, out[0], [&](T* y, std::span<T const* const> x, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) y[i] = std::isinf(x[0][i]) && (x[0][i] > 0 ? a.positive : a.negative);
      });
    });
  }
};

}  // namespace sinter
