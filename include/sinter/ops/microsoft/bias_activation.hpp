#pragma once

#include <sinter/ops/entry.hpp>

#include <initializer_list>

/// Operators of com.microsoft, which onnxruntime's optimiser and exporters for it write:
/// https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
namespace sinter::microsoft {

inline constexpr std::string_view domain = "com.microsoft";

/// Inputs that are required though others before them are optional.
inline void require_inputs(attribute_reader const& r, std::initializer_list<std::size_t> numbers) {
  for (auto const i : numbers)
    if (!r.has_input(i)) fail(error_code::malformed_model, "input {}, which is required, is not given", i);
}

/// A bias, where its shape is known, is a vector as long as the last axis of the input, or has one element.
inline void expect_bias(inputs const& in, std::size_t x, std::size_t bias) {
  if (!in.has(bias) || !in[bias].shape || !in[x].shape) return;
  auto const &s = in.shape(bias), &of = in.shape(x);
  if (of.empty() || s != shape{of.back()})
    fail(error_code::malformed_model, "the input {} has shape {}, expected a vector as long as the last axis of {}",
         bias, s, of);
}

/// Gelu: x * Φ(x).
struct gelu {
  static constexpr op_schema schema{.name = "Gelu", .domain = domain, .max_inputs = 1};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    body_builder b(in);
    return b.finish({b("Gelu", {b.input(0)})});
  }
};

/// BiasGelu: Gelu of a sum.
struct bias_gelu {
  static constexpr op_schema schema{.name = "BiasGelu", .domain = domain, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    expect_bias(in, 0, 1);
    body_builder b(in);
    return b.finish({b("Gelu", {b.plus(b.input(0), b.input(1))})});
  }
};

/// FastGelu: Gelu by tanh of an input, to which a bias may be added.
struct fast_gelu {
  static constexpr op_schema schema{.name = "FastGelu", .domain = domain, .max_inputs = 2};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    expect_bias(in, 0, 1);
    body_builder b(in);
    return b.finish({b("Gelu", {b.plus(b.input(0), b.input(1))}, {{"approximate", std::string("tanh")}})});
  }
};

/// QuickGelu: x * sigmoid(alpha * x).
struct quick_gelu {
  static constexpr op_schema schema{.name = "QuickGelu", .domain = domain, .max_inputs = 1};
  struct attributes {
    float alpha = 0;
  };
  static constexpr bool infers_any_shape = true;

  static attributes parse(attribute_reader const& r) { return {r.get("alpha", 1.702f)}; }
  static graph body(inputs const& in, attributes const& a) {
    body_builder b(in);
    return b.finish({b("Swish", {b.input(0)}, {{"alpha", a.alpha}}, 24)});
  }
};

/// BiasSplitGelu: the sum of input and bias in two halves along its last axis, the left one times Gelu of the right.
struct bias_split_gelu {
  static constexpr op_schema schema{.name = "BiasSplitGelu", .domain = domain, .min_inputs = 2, .max_inputs = 2};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    expect_bias(in, 0, 1);
    if (in[0].shape && in.shape(0).back() % 2 != 0)
      fail(error_code::malformed_model, "the input has shape {}, expected an even last dimension", in.shape(0));
    body_builder b(in);
    auto const halves = b.several(2, "Split", {b.plus(b.input(0), b.input(1))},
                                  {{"axis", std::int64_t{-1}}, {"num_outputs", std::int64_t{2}}});
    return b.finish({b("Mul", {halves[0], b("Gelu", {halves[1]})})});
  }
};

/// BiasAdd: input, bias and a skipped connection added up.
struct bias_add {
  static constexpr op_schema schema{.name = "BiasAdd", .domain = domain, .min_inputs = 3, .max_inputs = 3};
  using attributes = no_attributes;
  static constexpr bool infers_any_shape = true;

  static graph body(inputs const& in, attributes const&) {
    expect_bias(in, 0, 1);
    if (in[0].shape && in[2].shape && in.shape(0) != in.shape(2))
      fail(error_code::malformed_model, "the inputs 0 and 2 have shapes {} and {}, expected one", in.shape(0),
           in.shape(2));
    body_builder b(in);
    return b.finish({b.plus(b.plus(b.input(0), b.input(1)), b.input(2))});
  }
};

}  // namespace sinter::microsoft
