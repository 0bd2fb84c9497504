#pragma once

#include <sinter/kernels/selection.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <optional>
#include <vector>

namespace sinter {

/// Operators whose result has as many elements as the data decides.

/// Compress: the slices along `axis` (elements, without axis) whose condition is true.
/// https://onnx.ai/onnx/operators/onnx__Compress.html
struct compress {
  static constexpr op_schema schema{.name = "Compress", .since = 9, .min_inputs = 2, .max_inputs = 2};
  struct attributes {
    std::optional<std::int64_t> axis{};
  };

  static attributes parse(attribute_reader const& r) {
    if (!r.has("axis")) return {};
    return {.axis = r.require<std::int64_t>("axis")};
  }

  /// All slices.
  static std::vector<bounded_shape> bounds(inputs const& in, attributes const& a) {
    return {all_slices(in.shape(0), a.axis)};
  }

  static types infer(inputs const& in, attributes const& a) {
    if (in.shape(1).rank() != 1)
      fail(error_code::malformed_model, "the condition has shape {}, expected one dimension", in.shape(1));
    std::optional<std::vector<tensor_view>> counted;
    if (auto const condition = in.value(1)) counted = {{in.element(0), in.shape(0)}, *condition};
    return {bounds(in, a)[0].type(in.element(0), count(kernel(in, a), counted))};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const [s, axis] = bounds(in, a)[0];
    return {.kernel = {kernels::compress, "compress", "selection.hpp"},
            .integers = {static_cast<std::int64_t>(axis)},
            .shapes = {s, in.shape(1)},
            .may_fail = !in.value(1)};
  }
};

/// NonZero: a column of indices for each element that is not zero, in row-major order.
/// https://onnx.ai/onnx/operators/onnx__NonZero.html
struct non_zero {
  static constexpr op_schema schema{.name = "NonZero", .since = 9, .max_inputs = 1};
  using attributes = no_attributes;

  /// A column for each element.
  static std::vector<bounded_shape> bounds(inputs const& in, attributes const&) {
    auto const& s = in.shape(0);
    return {{{static_cast<std::int64_t>(s.rank()), static_cast<std::int64_t>(s.elements())}, 1}};
  }

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::int64; }
  static types infer(inputs const& in, attributes const& a) {
    return {bounds(in, a)[0].type(dtype::int64, count(kernel(in, a), in.counted()))};
  }

  static kernel_call kernel(inputs const&, attributes const&) {
    return {.kernel = {kernels::non_zero, "non_zero", "selection.hpp"}};
  }
};

}  // namespace sinter
