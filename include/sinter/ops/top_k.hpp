#pragma once

#include <sinter/kernels/reduce.hpp>
#include <sinter/ops/entry.hpp>

#include <optional>

namespace sinter {

/// TopK: the k greatest or least elements along an axis, and where they lie; of equal ones the first.
/// https://onnx.ai/onnx/operators/onnx__TopK.html
struct top_k {
  static constexpr op_schema schema{.name = "TopK", .since = 1, .max_inputs = 2, .max_outputs = 2};
  struct attributes {
    std::int64_t axis = -1;
    std::optional<std::int64_t> k{};  ///< below version 10
    bool largest = true;
  };

  static attributes parse(attribute_reader const& r) {
    r.ignore("sorted");  // unsorted is any order
    attributes a{.axis = r.get<std::int64_t>("axis", -1), .k = {}, .largest = r.get("largest", true)};
    if (r.version() < 10) a.k = r.require<std::int64_t>("k");
    if (!a.k && r.input_count() < 2) fail(error_code::malformed_model, "the input 'K' is required");
    return a;
  }

  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return output == 0 ? in.element(0) : dtype::int64;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto out = in.shape(0);
    auto const axis = normalize_axis(a.axis, out.rank());
    auto k = a.k;
    if (!k) {
      auto const given = in.integers(1);
      if (!given) return {unknown_shape(in.element(0)), unknown_shape(dtype::int64)};
      if (given->size() != 1)
        fail(error_code::malformed_model, "the input 'K' has shape {}, expected one element", in.shape(1));
      k = given->front();
    }
    if (*k < 0 || *k > out[axis])
      fail(error_code::malformed_model, "K is {}, expected 0 to {}, the extent of axis {}", *k, out[axis], a.axis);
    out[axis] = *k;
    return {{in.element(0), out}, {dtype::int64, out}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    auto const out = infer(in, a)[0].shape;
    if (!out) return {};
    return {.kernel = {kernels::top_elements, "top_elements", "reduce.hpp"},
            .integers = {static_cast<std::int64_t>(axis), (*out)[axis], a.largest},
            .reads = 1};
  }
};

}  // namespace sinter
