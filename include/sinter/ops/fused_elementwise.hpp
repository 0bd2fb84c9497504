#pragma once

#include <sinter/expr/text.hpp>
#include <sinter/ops/operator.hpp>

#include <span>
#include <string>

namespace sinter {

/// sinter.Elementwise: each element of the output is the expression function `function` (text form) of the elements of
/// the inputs, which broadcast together as in numpy. float32 only.
struct fused_elementwise {
  static constexpr op_schema schema{.name = "Elementwise", .since = 1, .domain = "sinter", .min_inputs = 1};

  struct attributes {
    expr::function function{};
  };

  static attributes parse(attribute_reader const& r) {
    auto function = expr::parse(r.require<std::string>("function"));
    if (function.inputs > r.input_count())
      fail(error_code::malformed_model, "the function reads {} inputs, the node has {}", function.inputs,
           r.input_count());
    return {.function = std::move(function)};
  }

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const&) {
    auto out = in.shape(0);
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (in.element(i) != dtype::float32)
        fail(error_code::malformed_model, "input {} is {}, expected float", i, name(in.element(i)));
      out = broadcast(out, in.shape(i));
    }
    return {{dtype::float32, out}};
  }

  static expr::value expression(std::span<expr::value const> x, attributes const& a) {
    return expr::substitute(a.function, x);
  }
};

/// 0 for a NaN, else the input: what exporters put behind the softmax of rows that a mask may hide whole.
inline expr::function zero_for_nan() {
  auto const x = expr::input(0);
  return expr::flatten(expr::select(x != x, 0.0f, x), 1);
}

}  // namespace sinter
