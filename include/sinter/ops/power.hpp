#pragma once

#include <sinter/ops/logic.hpp>

namespace sinter {

/// Pow: base and exponent may have different types; the result has the base's.
/// https://onnx.ai/onnx/operators/onnx__Pow.html
struct power {
  static constexpr op_schema schema{.name = "Pow", .since = 7, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return {{in.element(0), broadcast_shape(in)}}; }
  static expr::value expression(expressions x, attributes const&) { return pow(x[0], x[1]); }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    if (is_floating(in.element(0))) return pointwise_call(in.size(), [&](expressions x) { return expression(x, a); });
    if (is_floating(in.element(1))) return {.kernel = {kernels::power_by_reals, "power_by_reals", "integers.hpp"}};
    return {.kernel = {kernels::fold<kernels::integer_power>, "fold<sinter::kernels::integer_power>", "integers.hpp"}};
  }
};

/// Pow before operator set 7.
struct legacy_power {
  static constexpr op_schema schema{.name = "Pow", .since = 1, .min_inputs = 2, .max_inputs = 2};
  using attributes = legacy_broadcast;

  static attributes parse(attribute_reader const& r) { return legacy_broadcast::parse(r); }
  static types infer(inputs const& in, attributes const& a) {
    a.aligned(in.shape(1), in.shape(0));
    return {in[0]};
  }
  static kernel_call kernel(inputs const& in, attributes const& a) { return a.aligned(power::kernel(in, {}), in); }
};

/// Mod: with the sign of the divisor, or with `fmod` that of the dividend.
/// https://onnx.ai/onnx/operators/onnx__Mod.html
struct modulo {
  static constexpr op_schema schema{.name = "Mod", .since = 10, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    bool fmod = false;
  };

  static attributes parse(attribute_reader const& r) { return {.fmod = r.get("fmod", false)}; }
  static types infer(inputs const& in, attributes const&) {
    expect_one_element_type(in);
    return {{in.element(0), broadcast_shape(in)}};
  }
  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::modulo, "modulo", "integers.hpp"}, .integers = {a.fmod}};
  }
};

}  // namespace sinter
