#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/ops/axes.hpp>
#include <sinter/ops/entry.hpp>

#include <algorithm>
#include <optional>
#include <vector>

namespace sinter {

/// A copy of input 0.
inline kernel_call copy_call() { return {.kernel = {kernels::copy, "copy", "copy.hpp"}, .reads = 1}; }

/// A copy of input 0, read from element `offset` on with `strides`, as a tensor of the given extents.
inline kernel_call move_call(std::int64_t offset, shape const& extents, shape const& strides) {
  kernel_call call{.kernel = {kernels::move, "move", "copy.hpp"}, .integers = {offset}, .reads = 1};
  call.integers.insert(call.integers.end(), extents.begin(), extents.end());
  call.integers.insert(call.integers.end(), strides.begin(), strides.end());
  return call;
}

/// Operators that keep the elements and their order.

/// Identity   https://onnx.ai/onnx/operators/onnx__Identity.html
struct identity {
  static constexpr op_schema schema{.name = "Identity", .max_inputs = 1};
  using attributes = no_attributes;

  static constexpr bool passes_on = true;
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) { return {in[0]}; }
  static kernel_call kernel(inputs const&, attributes const&) { return copy_call(); }
};

/// A list of integers that is an attribute before some version of the operator set and an input since.
struct integers_source {
  std::optional<std::vector<std::int64_t>> attribute{};

  static integers_source parse(attribute_reader const& r, std::string_view name, std::int64_t input_since) {
    if (r.version() >= input_since || !r.has(name)) return {};
    return {r.require<std::vector<std::int64_t>>(name)};
  }
  bool given(inputs const& in, std::size_t i) const { return attribute || in.has(i); }
  /// None where the list is not given, or not known yet.
  std::optional<std::vector<std::int64_t>> read(inputs const& in, std::size_t i) const {
    if (attribute) return attribute;
    return in.has(i) ? in.integers(i) : std::nullopt;
  }
  std::optional<std::vector<std::int64_t>> read(input_views in, std::size_t i) const {
    if (attribute || i >= in.size() || !in[i]) return attribute;
    return integers_of(in[i]);
  }
};

/// Reshape: 0 keeps a dimension (unless allowzero), one -1 takes what is left.
/// https://onnx.ai/onnx/operators/onnx__Reshape.html
struct reshape {
  static constexpr op_schema schema{.name = "Reshape", .max_inputs = 2};
  struct attributes {
    integers_source target{};
    bool allow_zero = false;
  };

  static attributes parse(attribute_reader const& r) {
    return {.target = integers_source::parse(r, "shape", 5), .allow_zero = r.get("allowzero", false)};
  }

  static types infer(inputs const& in, attributes const& a) {
    if (!a.target.given(in, 1)) fail(error_code::malformed_model, "the new shape is not given");
    auto const target = a.target.read(in, 1);
    if (!target) return {unknown_shape(in.element(0))};
    return {{in.element(0), resolve(in.shape(0), *target, a.allow_zero)}};
  }
  static kernel_call kernel(inputs const&, attributes const&) { return copy_call(); }

  static shape resolve(shape const& from, std::vector<std::int64_t> const& target, bool allow_zero) {
    shape result;
    std::optional<std::size_t> open;
    for (std::size_t i = 0; i < target.size(); ++i) {
      auto extent = target[i];
      if (extent < -1 || (extent == -1 && open))
        fail(error_code::malformed_model, "cannot reshape to {}: one -1 is allowed, nothing below",
             fmt::join(target, "x"));
      if (extent == 0 && !allow_zero) {
        if (i >= from.rank())
          fail(error_code::malformed_model, "cannot reshape {} to {}: there is no dimension {} to keep", from,
               fmt::join(target, "x"), i);
        extent = from[i];
      }
      if (extent == -1) open = i;
      result.push_back(extent == -1 ? 1 : extent);
    }
    auto const have = from.elements(), named = result.elements();
    if (open && named > 0 && have % named == 0) result[*open] = static_cast<std::int64_t>(have / named);
    if (open && named == 0) result[*open] = 0;
    if (result.elements() != have)
      fail(error_code::malformed_model, "cannot reshape {} ({} elements) to {}", from, have, fmt::join(target, "x"));
    return result;
  }
};

/// Flatten to a matrix   https://onnx.ai/onnx/operators/onnx__Flatten.html
struct flatten {
  static constexpr op_schema schema{.name = "Flatten", .max_inputs = 1};
  struct attributes {
    std::int64_t axis = 1;
  };

  static attributes parse(attribute_reader const& r) { return {.axis = r.get<std::int64_t>("axis", 1)}; }
  static types infer(inputs const& in, attributes const& a) {
    auto const& s = in.shape(0);
    auto const rank = static_cast<std::int64_t>(s.rank());
    auto const axis = a.axis == rank ? s.rank() : s.rank() == 0 ? 0 : normalize_axis(a.axis, s.rank());
    auto const rows = s.elements(0, axis), columns = s.elements(axis, s.rank());
    return {{in.element(0), shape{static_cast<std::int64_t>(rows), static_cast<std::int64_t>(columns)}}};
  }
  static kernel_call kernel(inputs const&, attributes const&) { return copy_call(); }
};

/// Squeeze: drops dimensions of size 1.   https://onnx.ai/onnx/operators/onnx__Squeeze.html
struct squeeze {
  static constexpr op_schema schema{.name = "Squeeze", .max_inputs = 2};
  struct attributes {
    integers_source axes{};
  };

  static attributes parse(attribute_reader const& r) { return {.axes = integers_source::parse(r, "axes", 13)}; }
  static types infer(inputs const& in, attributes const& a) {
    auto const& from = in.shape(0);
    auto const axes = a.axes.read(in, 1);
    if (!axes && a.axes.given(in, 1)) return {unknown_shape(in.element(0))};
    auto const chosen = axes ? axis_set(*axes, from.rank()) : axis_set();
    shape result;
    for (std::size_t i = 0; i < from.rank(); ++i) {
      if (axes && chosen.contains(i) && from[i] != 1)
        fail(error_code::malformed_model, "cannot squeeze dimension {} of {}: it is not 1", i, from);
      if (axes ? !chosen.contains(i) : from[i] != 1) result.push_back(from[i]);
    }
    return {{in.element(0), result}};
  }
  static kernel_call kernel(inputs const&, attributes const&) { return copy_call(); }
};

/// Unsqueeze: `axes` of the result have size 1.   https://onnx.ai/onnx/operators/onnx__Unsqueeze.html
struct unsqueeze {
  static constexpr op_schema schema{.name = "Unsqueeze", .max_inputs = 2};
  struct attributes {
    integers_source axes{};
  };

  static attributes parse(attribute_reader const& r) { return {.axes = integers_source::parse(r, "axes", 13)}; }
  static types infer(inputs const& in, attributes const& a) {
    if (!a.axes.given(in, 1)) fail(error_code::malformed_model, "axes are not given");
    auto const axes = a.axes.read(in, 1);
    if (!axes) return {unknown_shape(in.element(0))};
    auto const rank = in.shape(0).rank() + axes->size();
    if (rank > max_rank) fail(error_code::limit_exceeded, "a tensor has more than {} dimensions", max_rank);
    axis_set const added(*axes, rank);
    shape result;
    std::size_t next = 0;
    for (std::size_t i = 0; i < rank; ++i) result.push_back(added.contains(i) ? 1 : in.shape(0)[next++]);
    return {{in.element(0), result}};
  }
  static kernel_call kernel(inputs const&, attributes const&) { return copy_call(); }
};

}  // namespace sinter
