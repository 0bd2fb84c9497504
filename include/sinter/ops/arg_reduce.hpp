#pragma once

#include <sinter/kernels/reduce.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// ArgMax and ArgMin: where along an axis the greatest or least element lies.
/// https://onnx.ai/onnx/operators/onnx__ArgMax.html
template <bool Max>
struct arg_reduce {
  static constexpr op_schema schema{.name = Max ? "ArgMax" : "ArgMin", .since = 1, .max_inputs = 1};
  struct attributes {
    std::int64_t axis = 0;
    bool keep = true;
    bool last = false;  ///< of equal elements, take the last
  };

  static attributes parse(attribute_reader const& r) {
    return {.axis = r.get<std::int64_t>("axis", 0),
            .keep = r.get("keepdims", true),
            .last = r.get("select_last_index", false)};
  }

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::int64; }
  static types infer(inputs const& in, attributes const& a) {
    auto out = in.shape(0);
    auto const axis = normalize_axis(a.axis, out.rank());
    if (out[axis] == 0) fail(error_code::malformed_model, "the input {} has no element along axis {}", out, a.axis);
    if (a.keep)
      out[axis] = 1;
    else
      out.erase(axis);
    return {{dtype::int64, out}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    return {.kernel = {kernels::arg_reduce, "arg_reduce", "reduce.hpp"},
            .integers = {static_cast<std::int64_t>(axis), Max, a.last}};
  }
};

}  // namespace sinter
