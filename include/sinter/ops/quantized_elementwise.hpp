#pragma once

#include <sinter/expr/text.hpp>
#include <sinter/ops/elementwise.hpp>
#include <sinter/ops/fused_elementwise.hpp>
#include <sinter/ops/interpret.hpp>
#include <sinter/ops/quantized.hpp>

#include <span>
#include <string>
#include <utility>

namespace sinter {

/// A quantised number as an expression: (q - zero point) * scale.
inline expr::value dequantizing(expr::value const& q, float scale, std::int64_t zero_point) {
  return (q - static_cast<float>(zero_point)) * scale;
}

/// round(x / scale) + zero point within `range`, half to even; a NaN gives the zero point.
inline expr::value quantizing(expr::value const& x, float scale, std::int64_t zero_point, integer_range range) {
  auto const zero = static_cast<float>(zero_point);
  auto const q = expr::round(x / scale) + zero;
  auto const number = expr::select(q == q, q, zero);
  return expr::max(expr::min(number, static_cast<float>(range.greatest)), static_cast<float>(range.least));
}

/// sinter.QuantizedElementwise: each element of the output, an int8 or (`signed` is 0) a uint8, is the expression
/// function `function` (text form) of the elements of the inputs, which broadcast together as in numpy: 8-bit integers
/// or float32. The function gives integers that the output's type holds.
struct quantized_elementwise {
  static constexpr op_schema schema{.name = "QuantizedElementwise", .since = 1, .domain = "sinter", .min_inputs = 1};

  struct attributes {
    fused_elementwise::attributes pointwise{};
    dtype result = dtype::uint8;
  };

  static attributes parse(attribute_reader const& r) {
    return {.pointwise = fused_elementwise::parse(r),
            .result = r.require<std::int64_t>("signed") != 0 ? dtype::int8 : dtype::uint8};
  }

  static dtype element(inputs const&, attributes const& a, std::size_t) { return a.result; }
  static types infer(inputs const& in, attributes const& a) {
    for (std::size_t i = 0; i < in.size(); ++i)
      if (in.element(i) != dtype::float32 && in.element(i) != dtype::int8 && in.element(i) != dtype::uint8)
        fail(error_code::malformed_model, "input {} is {}, expected int8, uint8 or float", i, name(in.element(i)));
    return {{a.result, broadcast_shape(in)}};
  }

  static expr::value expression(std::span<expr::value const> x, attributes const& a) {
    return fused_elementwise::expression(x, a.pointwise);
  }
};

}  // namespace sinter
