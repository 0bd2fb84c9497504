#pragma once

#include <sinter/kernels/integers.hpp>
#include <sinter/ops/elementwise.hpp>

#include <algorithm>
#include <limits>
#include <optional>

namespace sinter {

/// Clip: y = min(max(x, lowest), highest); the bounds are optional, scalars, attributes before operator set 11 and
/// inputs since.   https://onnx.ai/onnx/operators/onnx__Clip.html
struct clip {
  static constexpr op_schema schema{.name = "Clip", .max_inputs = 3};
  struct attributes {
    std::optional<float> lowest{};
    std::optional<float> highest{};
    bool has_lowest_input = false;
    bool has_highest_input = false;
  };

  static attributes parse(attribute_reader const& r) {
    attributes a;
    if (r.version() >= 11) {
      a.has_lowest_input = r.has_input(1);
      a.has_highest_input = r.has_input(2);
      return a;
    }
    if (r.has("min")) a.lowest = r.require<float>("min");
    if (r.has("max")) a.highest = r.require<float>("max");
    return a;
  }

  static types infer(inputs const& in, attributes const&) {
    expect_one_element_type(in);
    for (std::size_t i = 1; i < in.size(); ++i)
      if (in.has(i) && in.shape(i).elements() != 1)
        fail(error_code::malformed_model, "a bound has shape {}, expected a scalar", in.shape(i));
    return {in[0]};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    if (!is_floating(in.element(0))) return {.kernel = {kernels::clip_integers, "clip_integers", "integers.hpp"}};
    auto call = pointwise_call(in.size(), [&](std::span<expr::value const> x) { return expression(x, a); });
    call.shapes.assign(in.size(), shape{});
    call.shapes[0] = in.shape(0);
    return call;
  }

  /// A NaN stays NaN.
  static expr::value expression(std::span<expr::value const> x, attributes const& a) {
    auto y = x[0];
    if (a.has_lowest_input) y = max(x[1], y);
    if (a.lowest) y = max(*a.lowest, y);
    if (a.has_highest_input) y = min(x[2], y);
    if (a.highest) y = min(*a.highest, y);
    return y;
  }
};

}  // namespace sinter
