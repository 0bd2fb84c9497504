#pragma once

#include <sinter/kernels/reduce.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// CumSum and CumProd: running sums or products along an axis.   https://onnx.ai/onnx/operators/onnx__CumSum.html
template <bool Product>
struct cumulative {
  static constexpr op_schema schema{
      .name = Product ? "CumProd" : "CumSum", .since = Product ? 26 : 11, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    bool exclusive = false;
    bool reverse = false;
  };

  static attributes parse(attribute_reader const& r) {
    return {.exclusive = r.get("exclusive", false), .reverse = r.get("reverse", false)};
  }

  static types infer(inputs const& in, attributes const&) { return {in[0]}; }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const given = in.integers(1);
    if (!given) return {};
    if (given->size() != 1)
      fail(error_code::malformed_model, "the input 'axis' has shape {}, expected one element", in.shape(1));
    auto const axis = normalize_axis(given->front(), in.shape(0).rank());
    return {.kernel = {kernels::accumulate, "accumulate", "reduce.hpp"},
            .integers = {static_cast<std::int64_t>(axis), Product, a.exclusive, a.reverse},
            .reads = 1};
  }
};

}  // namespace sinter
