#pragma once

#include <sinter/ops/logic.hpp>

#include <cmath>

namespace sinter {

/// Pow: base and exponent may have different types; the result has the base's.
/// https://onnx.ai/onnx/operators/onnx__Pow.html
struct power {
  static constexpr op_schema schema{.name = "Pow", .since = 7, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;

  static types infer(inputs const& in, attributes const&) { return {{in.element(0), broadcast_shape(in)}}; }
  static expr::value expression(expressions x, attributes const&) { return pow(x[0], x[1]); }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    if (is_floating(out[0].type))
      return interpret_pointwise(in, out[0], [&](expressions x) { return expression(x, a); });
    if (is_floating(in[1].type))
      return map_blocks<double>(in, out[0], [](double* y, std::span<double const* const> x, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) y[i] = std::pow(x[0][i], x[1][i]);
      });
    evaluate_integers([](auto base, auto exponent) { return integer_power(base, exponent); }, in, out[0]);
  }

  /// Wraps. A negative exponent gives the quotient towards zero: 0 unless the base is 1 or -1.
  template <typename T>
  static T integer_power(T base, T exponent) {
    if (exponent < 0) {
      if (base == 1) return 1;
      return base == static_cast<T>(-1) ? (exponent % 2 ? base : T(1)) : T(0);
    }
    auto factor = static_cast<std::uint64_t>(base);
    std::uint64_t result = 1;
    for (; exponent > 0; exponent /= 2, factor *= factor)
      if (exponent % 2) result *= factor;
    return static_cast<T>(result);
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
  static void evaluate(input_views in, output_views out, attributes const& a) {
    tensor_view const operands[] = {in[0], {in[1].type, a.aligned(in[1].shape, in[0].shape), in[1].data}};
    power::evaluate(operands, out, {});
  }
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
  static void evaluate(input_views in, output_views out, attributes const& a) {
    visit_compute(out[0].type, [&]<typename T>() {
      map_blocks<T>(in, out[0], [&](T* y, std::span<T const* const> x, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) y[i] = remainder(x[0][i], x[1][i], a.fmod);
      });
    });
  }

  /// 0 for an integer division by zero.
  template <typename T>
  static T remainder(T a, T b, bool truncates) {
    T r{};
    if constexpr (std::is_floating_point_v<T>)
      r = std::fmod(a, b);
    else if (b != 0 && !(std::is_signed_v<T> && b == static_cast<T>(-1)))
      r = a % b;
    return !truncates && r != T(0) && (r < T(0)) != (b < T(0)) ? r + b : r;
  }
};

}  // namespace sinter
