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
  /// All elements along the axis.
  static std::vector<bounded_shape> bounds(inputs const& in, attributes const& a) {
    bounded_shape const all{in.shape(0), normalize_axis(a.axis, in.shape(0).rank())};
    return {all, all};
  }

  /// K, if it is known now.
  static std::optional<std::int64_t> known_k(inputs const& in, attributes const& a) {
    if (a.k) return a.k;
    if (in.shape(1).elements() != 1)
      fail(error_code::malformed_model, "the input 'K' has shape {}, expected one element", in.shape(1));
    auto const given = in.integers(1);
    return given ? std::optional(given->front()) : std::nullopt;
  }

  static types infer(inputs const& in, attributes const& a) {
    auto const all = bounds(in, a)[0];
    auto const k = known_k(in, a);
    auto const extent = all.most[all.axis];
    if (k && (*k < 0 || *k > extent))
      fail(error_code::malformed_model, "K is {}, expected 0 to {}, the extent of axis {}", *k, extent, a.axis);
    return {all.type(in.element(0), k), all.type(dtype::int64, k)};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const k = known_k(in, a);
    kernel_call call{.kernel = {kernels::top_elements, "top_elements", "reduce.hpp"},
                     .integers = {static_cast<std::int64_t>(bounds(in, a)[0].axis), a.largest},
                     .reads = k ? std::size_t{1} : 2,
                     .may_fail = !k};
    if (k) call.integers.push_back(*k);
    return call;
  }
};

}  // namespace sinter
