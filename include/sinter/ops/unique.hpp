#pragma once

#include <sinter/kernels/unique.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <optional>
#include <vector>

namespace sinter {

/// Unique: the different slices along `axis` (elements, without axis), sorted or in the order in which they appear,
/// where each appears first, which one each slice is, and how often each appears.
/// https://onnx.ai/onnx/operators/onnx__Unique.html
struct unique {
  static constexpr op_schema schema{.name = "Unique", .since = 11, .max_inputs = 1, .max_outputs = 4};
  struct attributes {
    std::optional<std::int64_t> axis{};
    bool sorted = true;
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.axis = {}, .sorted = r.get("sorted", true)};
    if (r.has("axis")) a.axis = r.require<std::int64_t>("axis");
    return a;
  }

  /// All slices are different.
  static std::vector<bounded_shape> bounds(inputs const& in, attributes const& a) {
    auto const all = all_slices(in.shape(0), a.axis);
    bounded_shape const list{{all.most[all.axis]}, 0};
    return {all, list, list, list};
  }

  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return output == 0 ? in.element(0) : dtype::int64;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const found = count(kernel(in, a), in.counted());
    auto const most = bounds(in, a);
    auto const list = most[1].type(dtype::int64, found);
    return {most[0].type(in.element(0), found), list, {dtype::int64, most[2].most}, list};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const [s, axis] = bounds(in, a)[0];
    return {.kernel = {kernels::unique, "unique", "unique.hpp"},
            .integers = {static_cast<std::int64_t>(axis), a.sorted},
            .shapes = {s}};
  }
};

}  // namespace sinter
