#pragma once

#include <sinter/kernels/integers.hpp>
#include <sinter/ops/elementwise.hpp>

#include <string>

namespace sinter {

/// One attribute of an activation and its default.
struct activation_parameter {
  std::string_view name{};
  float otherwise = 0;
};

/// y = f(x, a, b) elementwise, for floating types; a and b are attributes.
struct activation_row {
  op_schema schema{};
  activation_parameter a{};
  activation_parameter b{};
  expr::value (*formula)(expr::value x, float a, float b) = nullptr;
};

/// https://onnx.ai/onnx/operators/onnx__Elu.html and so on.
inline constexpr activation_row activation_rows[] = {
    {{.name = "LeakyRelu"},
     {"alpha", 0.01f},
     {},
     [](expr::value x, float a, float) { return select(x < 0, a * x, x); }},
    {{.name = "Elu"},
     {"alpha", 1},
     {},
     [](expr::value x, float a, float) { return select(x < 0, a * (exp(x) - 1), x); }},
    {{.name = "Selu"},
     {"alpha", 1.67326319217681884765625f},
     {"gamma", 1.05070102214813232421875f},
     [](expr::value x, float a, float b) { return select(x > 0, b * x, b * (a * exp(x) - a)); }},
    {{.name = "Celu"},
     {"alpha", 1},
     {},
     [](expr::value x, float a, float) { return max(0.0f, x) + min(0.0f, a * (exp(x / a) - 1)); }},
    {{.name = "HardSigmoid"},
     {"alpha", 0.2f},
     {"beta", 0.5f},
     [](expr::value x, float a, float b) { return max(0.0f, min(1.0f, a * x + b)); }},
    {{.name = "ThresholdedRelu"},
     {"alpha", 1},
     {},
     [](expr::value x, float a, float) { return select(x > a, x, 0.0f); }},
    {{.name = "Shrink"},
     {"bias", 0},
     {"lambd", 0.5f},
     [](expr::value x, float a, float b) { return select(x < -b, x + a, select(x > b, x - a, 0.0f)); }},
    {{.name = "Swish"}, {"alpha", 1}, {}, [](expr::value x, float a, float) { return x * sigmoid(a * x); }},
};

/// Line `Row` of the table.
template <std::size_t Row>
struct activation_operator {
  static constexpr op_schema schema = [] {
    auto s = activation_rows[Row].schema;
    s.max_inputs = 1;
    return s;
  }();
  struct attributes {
    float a = 0;
    float b = 0;
  };

  static attributes parse(attribute_reader const& r) {
    auto const& row = activation_rows[Row];
    return {.a = r.get(row.a.name, row.a.otherwise), .b = r.get(row.b.name, row.b.otherwise)};
  }
  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static expr::value expression(std::span<expr::value const> x, attributes const& a) {
    return activation_rows[Row].formula(x[0], a.a, a.b);
  }
};

using activation_family = table_family<activation_operator, std::size(activation_rows)>;

/// Gelu: x * Φ(x), by erf or by its approximation with tanh.   https://onnx.ai/onnx/operators/onnx__Gelu.html
struct gelu {
  static constexpr op_schema schema{.name = "Gelu", .since = 20, .max_inputs = 1};
  struct attributes {
    bool by_tanh = false;
  };

  static attributes parse(attribute_reader const& r) {
    auto const approximate = r.get<std::string>("approximate", "none");
    if (approximate != "none" && approximate != "tanh")
      fail(error_code::malformed_model, "approximate is '{}', expected 'none' or 'tanh'", approximate);
    return {.by_tanh = approximate == "tanh"};
  }
  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static expr::value expression(std::span<expr::value const> x, attributes const& a) {
    constexpr float sqrt_half = 0.70710678118654752f, sqrt_2_over_pi = 0.79788456080286536f;
    auto const inner =
        a.by_tanh ? tanh(sqrt_2_over_pi * (x[0] + 0.044715f * (x[0] * x[0] * x[0]))) : erf(x[0] * sqrt_half);
    return 0.5f * x[0] * (1.0f + inner);
  }
};

/// SwiGLU: a gate by Swish, times a linear input.   https://onnx.ai/onnx/operators/onnx__SwiGLU.html
struct swiglu {
  static constexpr op_schema schema{.name = "SwiGLU", .since = 28, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    float alpha = 1;
  };

  static attributes parse(attribute_reader const& r) { return {r.get("alpha", 1.0f)}; }
  static types infer(inputs const& in, attributes const&) {
    expect_one_element_type(in);
    if (in.shape(1) != in.shape(0))
      fail(error_code::malformed_model, "the inputs have shapes {} and {}, expected one", in.shape(0), in.shape(1));
    return {in[0]};
  }
  static expr::value expression(std::span<expr::value const> x, attributes const& a) {
    return x[0] * sigmoid(a.alpha * x[0]) * x[1];
  }
};

/// PRelu: y = x < 0 ? slope * x : x; the slope broadcasts to x.   https://onnx.ai/onnx/operators/onnx__PRelu.html
struct prelu {
  static constexpr op_schema schema{.name = "PRelu", .since = 7, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) {
    expect_one_element_type(in);
    if (broadcast_shape(in) != in.shape(0))
      fail(error_code::malformed_model, "a slope of shape {} does not broadcast to {}", in.shape(1), in.shape(0));
    return {in[0]};
  }
  static kernel_call kernel(inputs const& in, attributes const& a) {
    if (!is_floating(in.element(0)))
      return {.kernel = {kernels::fold<kernels::leak>, "fold<sinter::kernels::leak>", "integers.hpp"}};
    return pointwise_call(in.size(), [&](std::span<expr::value const> x) { return expression(x, a); });
  }
  static expr::value expression(std::span<expr::value const> x, attributes const&) {
    return select(x[0] < 0, x[1] * x[0], x[0]);
  }
};

/// PRelu before operator set 7: a slope of several elements belongs to axis 1.
struct legacy_prelu {
  static constexpr op_schema schema{.name = "PRelu", .since = 1, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static shape aligned(shape const& slope, shape const& x) {
    auto const axis = slope.elements() == 1 ? std::nullopt : std::optional<std::int64_t>(1);
    return legacy_broadcast{.broadcasts = true, .axis = axis}.aligned(slope, x);
  }
  static types infer(inputs const& in, attributes const&) {
    expect_one_element_type(in);
    aligned(in.shape(1), in.shape(0));
    return {in[0]};
  }
  static kernel_call kernel(inputs const& in, attributes const&) {
    auto call = prelu::kernel(in, {});
    call.shapes = {in.shape(0), aligned(in.shape(1), in.shape(0))};
    return call;
  }
};

}  // namespace sinter
