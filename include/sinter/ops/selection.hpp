#pragma once

#include <sinter/kernels/movement.hpp>
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

  /// Indices of the true elements.
  static std::vector<std::int64_t> chosen(tensor_view condition, std::int64_t extent) {
    std::vector<std::int64_t> result;
    auto const flags = condition.as<bool>();
    for (std::size_t i = 0; i < flags.size(); ++i)
      if (flags[i]) result.push_back(static_cast<std::int64_t>(i));
    if (!result.empty() && result.back() >= extent)
      fail(error_code::invalid_argument, "the condition chooses index {} of a dimension of {}", result.back(), extent);
    return result;
  }

  static types infer(inputs const& in, attributes const& a) {
    if (in.shape(1).rank() != 1)
      fail(error_code::malformed_model, "the condition has shape {}, expected one dimension", in.shape(1));
    auto result = a.axis ? in.shape(0) : shape{static_cast<std::int64_t>(in.shape(0).elements())};
    auto const axis = a.axis ? normalize_axis(*a.axis, result.rank()) : 0;
    auto const condition = in.value(1);
    if (!condition) return {unknown_shape(in.element(0))};
    result[axis] = static_cast<std::int64_t>(chosen(*condition, result[axis]).size());
    return {{in.element(0), result}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const s = a.axis ? in[0].shape : shape{static_cast<std::int64_t>(in[0].elements())};
    auto const axis = a.axis ? normalize_axis(*a.axis, s.rank()) : 0;
    auto const outer = static_cast<std::int64_t>(s.elements(0, axis));
    auto const inner = static_cast<std::int64_t>(s.elements(axis + 1, s.rank()));
    auto const indices = chosen(in[1], s[axis]);
    std::int64_t to = 0;
    for (std::int64_t row = 0; row < outer; ++row)
      for (auto const index : indices) {
        copy_elements(in[0], (row * s[axis] + index) * inner, out[0], to, static_cast<std::size_t>(inner));
        to += inner;
      }
  }
};

/// NonZero: a column of indices for each element that is not zero, in row-major order.
/// https://onnx.ai/onnx/operators/onnx__NonZero.html
struct non_zero {
  static constexpr op_schema schema{.name = "NonZero", .since = 9, .max_inputs = 1};
  using attributes = no_attributes;

  /// Positions of the elements that are not zero.
  static std::vector<std::int64_t> positions(tensor_view x) {
    std::vector<std::int64_t> found;
    auto const count = x.elements();
    if (x.type == dtype::string) {
      for (std::size_t i = 0; i < count; ++i)
        if (!x.as<std::string>()[i].empty()) found.push_back(static_cast<std::int64_t>(i));
      return found;
    }
    visit_compute(x.type, [&]<typename T>() {
      for (std::size_t i = 0; i < count; ++i)
        if (load<T>(x.type, x.data, i) != T(0)) found.push_back(static_cast<std::int64_t>(i));
    });
    return found;
  }

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    auto const x = in.value(0);
    if (!x) return {unknown_shape(dtype::int64)};
    auto const rank = static_cast<std::int64_t>(x->shape.rank());
    return {{dtype::int64, shape{rank, static_cast<std::int64_t>(positions(*x).size())}}};
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    auto const found = positions(in[0]);
    auto const strides = row_major_strides(in[0].shape);
    auto* to = static_cast<std::int64_t*>(out[0].data);
    for (std::size_t axis = 0; axis < in[0].shape.rank(); ++axis)
      for (auto const at : found) *to++ = at / strides[axis] % in[0].shape[axis];
  }
};

}  // namespace sinter
