#pragma once

#include <sinter/ops/gather.hpp>

#include <algorithm>
#include <string>

namespace sinter {

inline kernels::scatter_reduction parse_scatter_reduction(attribute_reader const& r) {
  auto const mode = r.get<std::string>("reduction", "none");
  constexpr std::string_view modes[] = {"none", "add", "mul", "min", "max"};
  auto const found = std::ranges::find(modes, mode);
  if (found == std::end(modes))
    fail(error_code::malformed_model, "reduction is '{}', expected none, add, mul, min or max", mode);
  return static_cast<kernels::scatter_reduction>(found - std::begin(modes));
}

/// ScatterElements: out = data, then out[index[i][j]][j] = update[i][j] (for axis 0), in row-major order.
/// https://onnx.ai/onnx/operators/onnx__ScatterElements.html
struct scatter_elements {
  static constexpr op_schema schema{.name = "ScatterElements", .since = 11, .min_inputs = 3, .max_inputs = 3};
  struct attributes {
    std::int64_t axis = 0;
    kernels::scatter_reduction reduction{};
  };

  static attributes parse(attribute_reader const& r) {
    return {.axis = r.get<std::int64_t>("axis", 0), .reduction = parse_scatter_reduction(r)};
  }

  static types infer(inputs const& in, attributes const& a) {
    expect_indices(in.element(1));
    if (in.shape(1) != in.shape(2) || in.element(0) != in.element(2))
      fail(error_code::malformed_model, "updates are {} {}, expected {} {}", name(in.element(2)), in.shape(2),
           name(in.element(0)), in.shape(1));
    gather_elements::expect_within(in.shape(1), in.shape(0), normalize_axis(a.axis, in.shape(0).rank()));
    return {in[0]};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    return {.kernel = {kernels::scatter_elements, "scatter_elements", "gather.hpp"},
            .integers = {static_cast<std::int64_t>(a.reduction), static_cast<std::int64_t>(axis)},
            .may_fail = may_miss(in, in.shape(0), axis)};
  }
};

/// Scatter: what ScatterElements was called in operator sets 9 and 10.
/// https://onnx.ai/onnx/operators/onnx__Scatter.html
struct scatter : scatter_elements {
  static constexpr op_schema schema{.name = "Scatter", .since = 9, .min_inputs = 3, .max_inputs = 3};
};

/// ScatterND   https://onnx.ai/onnx/operators/onnx__ScatterND.html
struct scatter_nd {
  static constexpr op_schema schema{.name = "ScatterND", .since = 11, .min_inputs = 3, .max_inputs = 3};
  struct attributes {
    kernels::scatter_reduction reduction{};
  };

  static attributes parse(attribute_reader const& r) { return {.reduction = parse_scatter_reduction(r)}; }

  static types infer(inputs const& in, attributes const&) {
    expect_indices(in.element(1));
    auto const& s = in.shape(0);
    auto const& tuples = in.shape(1);
    if (tuples.empty() || tuples.back() > static_cast<std::int64_t>(s.rank()))
      fail(error_code::malformed_model, "tuples of shape {} do not index a tensor of shape {}", tuples, s);
    shape expected;
    for (std::size_t i = 0; i + 1 < tuples.rank(); ++i) expected.push_back(tuples[i]);
    for (auto i = static_cast<std::size_t>(tuples.back()); i < s.rank(); ++i) expected.push_back(s[i]);
    if (in.shape(2) != expected || in.element(2) != in.element(0))
      fail(error_code::malformed_model, "updates are {} {}, expected {} {}", name(in.element(2)), in.shape(2),
           name(in.element(0)), expected);
    return {in[0]};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::scatter_slices, "scatter_slices", "gather.hpp"},
            .integers = {static_cast<std::int64_t>(a.reduction)},
            .may_fail = may_miss(in, in.shape(0), 0, static_cast<std::size_t>(in.shape(1).back()))};
  }
};

}  // namespace sinter
