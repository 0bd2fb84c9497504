#pragma once

#include <sinter/kernels/copy.hpp>
#include <sinter/ops/cast.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace sinter {

/// Constant   https://onnx.ai/onnx/operators/onnx__Constant.html
struct constant {
  static constexpr op_schema schema{.name = "Constant", .min_inputs = 0, .max_inputs = 0};
  struct attributes {
    any_tensor value{};
  };

  static attributes parse(attribute_reader const& r) {
    if (r.has("value_float")) return {any_tensor::scalar(r.require<float>("value_float"))};
    if (r.has("value_int")) return {any_tensor::scalar(r.require<std::int64_t>("value_int"))};
    if (r.has("value_string")) return {any_tensor::scalar(r.require<std::string>("value_string"))};
    if (r.has("value_floats")) return {list<float>(r, "value_floats")};
    if (r.has("value_ints")) return {list<std::int64_t>(r, "value_ints")};
    if (r.has("value_strings")) return {list<std::string>(r, "value_strings")};
    if (r.has("sparse_value")) return {r.require<any_tensor>("sparse_value")};
    return {r.require<any_tensor>("value")};
  }
  template <typename T>
  static any_tensor list(attribute_reader const& r, std::string_view name) {
    auto const values = r.require<std::vector<T>>(name);
    return any_tensor::of<T>(shape{static_cast<std::int64_t>(values.size())}, std::span<T const>(values));
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const&, attributes const& a) { return {{a.value.type(), a.value.shape()}}; }
  static void evaluate(input_views, output_views out, attributes const& a) { copy_all(a.value.view(), out[0]); }
};

/// ConstantOfShape: one value, by default 0.0f.   https://onnx.ai/onnx/operators/onnx__ConstantOfShape.html
struct constant_of_shape {
  static constexpr op_schema schema{.name = "ConstantOfShape", .since = 9, .max_inputs = 1};
  using attributes = constant::attributes;

  static attributes parse(attribute_reader const& r) {
    attributes a{r.get("value", any_tensor(dtype::float32, {1}))};
    if (a.value.elements() != 1)
      fail(error_code::malformed_model, "value has shape {}, expected one element", a.value.shape());
    return a;
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) {
    auto const extents = in.integers(0);
    if (!extents) return {unknown_shape(a.value.type())};
    shape const s{std::span(*extents)};
    s.elements();
    return {{a.value.type(), s}};
  }
  static void evaluate(input_views, output_views out, attributes const& a) { fill_elements(out[0], a.value.data()); }
};

/// Shape: the dimensions from `start` up to `end`.   https://onnx.ai/onnx/operators/onnx__Shape.html
struct shape_of {
  static constexpr op_schema schema{.name = "Shape", .max_inputs = 1};
  struct attributes {
    std::int64_t start = 0;
    std::int64_t end = INT64_MAX;
  };

  static attributes parse(attribute_reader const& r) {
    return {.start = r.get<std::int64_t>("start", 0), .end = r.get<std::int64_t>("end", INT64_MAX)};
  }
  static std::span<std::int64_t const> part(shape const& s, attributes const& a) {
    auto const rank = static_cast<std::int64_t>(s.rank());
    auto const bound = [&](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + rank : i, 0, rank); };
    auto const first = bound(a.start), last = std::max(bound(a.end), first);
    return s.span().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  }
  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::int64; }
  static types infer(inputs const& in, attributes const& a) {
    return {{dtype::int64, shape{static_cast<std::int64_t>(part(in.shape(0), a).size())}}};
  }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    std::ranges::copy(part(in[0].shape, a), out[0].as<std::int64_t>().begin());
  }
};

/// Size: the number of elements.   https://onnx.ai/onnx/operators/onnx__Size.html
struct size_of_tensor {
  static constexpr op_schema schema{.name = "Size", .max_inputs = 1};
  using attributes = no_attributes;

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const&, attributes const&) { return {{dtype::int64, shape{}}}; }
  static void evaluate(input_views in, output_views out, attributes const&) {
    out[0].as<std::int64_t>()[0] = static_cast<std::int64_t>(in[0].elements());
  }
};

/// Range: start, start + delta, … up to but without limit.   https://onnx.ai/onnx/operators/onnx__Range.html
struct range_of_numbers {
  static constexpr op_schema schema{.name = "Range", .since = 11, .min_inputs = 3, .max_inputs = 3};
  using attributes = no_attributes;

  static attributes parse(attribute_reader const& r) {
    parse_stash_type(r);  // narrow types are computed in float
    return {};
  }
  static types infer(inputs const& in, attributes const&) {
    auto const start = in.value(0), limit = in.value(1), delta = in.value(2);
    if (!start || !limit || !delta) return {unknown_shape(in.element(0))};
    for (std::size_t i = 0; i < 3; ++i)
      if (in.shape(i).elements() != 1 || in.element(i) != in.element(0))
        fail(error_code::malformed_model, "input {} is {} {}, expected a scalar {}", i, name(in.element(i)),
             in.shape(i), name(in.element(0)));
    auto const count = visit_compute(start->type, [&]<typename T>() {
      return length(load<T>(start->type, start->data, 0), load<T>(limit->type, limit->data, 0),
                    load<T>(delta->type, delta->data, 0));
    });
    return {{in.element(0), shape{count}}};
  }

  template <typename T>
  static std::int64_t length(T start, T limit, T delta) {
    if (delta == T(0)) fail(error_code::invalid_argument, "a range has the step 0");
    double count = 0;
    if constexpr (std::is_same_v<T, std::int64_t>) {
      auto const distance = delta > 0 ? checked_sub(limit, start) : checked_sub(start, limit);
      auto const step = delta > 0 ? delta : checked_sub(0, delta);
      return distance <= 0 ? 0 : (distance - 1) / step + 1;
    } else {
      count = std::ceil((static_cast<double>(limit) - static_cast<double>(start)) / static_cast<double>(delta));
    }
    if (!(count < 0x1p62))
      fail(error_code::limit_exceeded, "a range from {} to {} by {} is too long", start, limit, delta);
    return count > 0 ? static_cast<std::int64_t>(count) : 0;
  }

  static void evaluate(input_views in, output_views out, attributes const&) {
    visit_compute(out[0].type, [&]<typename T>() {
      auto const start = load<T>(in[0].type, in[0].data, 0), delta = load<T>(in[2].type, in[2].data, 0);
      auto const count = out[0].elements();
      for (std::size_t i = 0; i < count; ++i) store<T>(out[0].type, out[0].data, i, start + static_cast<T>(i) * delta);
    });
  }
};

/// EyeLike: 1 on the diagonal `k`, else 0.   https://onnx.ai/onnx/operators/onnx__EyeLike.html
struct eye_like {
  static constexpr op_schema schema{.name = "EyeLike", .since = 9, .max_inputs = 1};
  struct attributes {
    dtype type = dtype::undefined;  ///< undefined: the input's
    std::int64_t diagonal = 0;
  };

  static attributes parse(attribute_reader const& r) {
    auto const type = r.has("dtype") ? dtype_from_attribute(r.require<std::int64_t>("dtype")) : dtype::undefined;
    return {.type = type, .diagonal = r.get<std::int64_t>("k", 0)};
  }
  static dtype element(inputs const& in, attributes const& a, std::size_t) {
    return a.type == dtype::undefined ? in.element(0) : a.type;
  }
  static types infer(inputs const& in, attributes const& a) {
    if (in.shape(0).rank() != 2) fail(error_code::malformed_model, "expected a matrix, got {}", in.shape(0));
    return {{element(in, a, 0), in.shape(0)}};
  }
  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::diagonal, "diagonal", "copy.hpp"}, .integers = {a.diagonal}, .reads = 0};
  }
};

}  // namespace sinter
