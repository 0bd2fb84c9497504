#pragma once

#include <sinter/ops/entry.hpp>

#include <array>
#include <span>
#include <vector>

/// Optionals: of a tensor or of a sequence.
namespace sinter {

/// Optional: of the input, or without one an empty one of the type that the attribute names.
/// https://onnx.ai/onnx/operators/onnx__Optional.html
struct make_optional {
  static constexpr op_schema schema{.name = "Optional", .since = 15, .min_inputs = 0, .max_inputs = 1};
  struct attributes {
    dtype item = dtype::undefined;  ///< of an empty one
  };

  static attributes parse(attribute_reader const& r) {
    auto const spelled = r.get("type", std::string());
    attributes const a{dtype_named(spelled)};
    if (!r.has_input(0) && (a.item == dtype::undefined || is_optional(a.item)))
      fail(error_code::malformed_model, "there is neither an input nor an attribute 'type' of a tensor or sequence");
    return a;
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) {
    return {unknown_shape(optional_of(in.has(0) ? in.element(0) : a.item))};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const& a) {
    if (in.empty() || !in[0]) return {any_tensor::holding(optional_of(a.item), {})};
    return {any_tensor::holding(optional_of(in[0].type()), {in[0]})};
  }
};

/// OptionalHasElement: also whether there is an input.
/// https://onnx.ai/onnx/operators/onnx__OptionalHasElement.html
struct optional_has_element {
  static constexpr op_schema schema{.name = "OptionalHasElement", .since = 15, .min_inputs = 0, .max_inputs = 1};
  using attributes = no_attributes;

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const&, attributes const&) { return {{dtype::boolean, shape{}}}; }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const&) {
    bool const given = !in.empty() && in[0];
    return {any_tensor::scalar(given && (!is_optional(in[0].type()) || !in[0].items().empty()))};
  }
};

/// OptionalGetElement: what is no optional comes out as it is.
/// https://onnx.ai/onnx/operators/onnx__OptionalGetElement.html
struct optional_get_element {
  static constexpr op_schema schema{.name = "OptionalGetElement", .since = 15, .max_inputs = 1};
  using attributes = no_attributes;

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) {
    if (!is_optional(in.element(0))) return {in[0]};
    return {unknown_shape(item_of(in.element(0)))};
  }
  static std::vector<any_tensor> execute(std::span<any_tensor const> in, attributes const&) {
    if (!is_optional(in[0].type())) return {in[0]};
    if (in[0].items().empty()) fail(error_code::invalid_argument, "the optional is empty, expected an element");
    return {in[0].items()[0]};
  }
};

/// All of them, as one line of the list of operators.
struct optional_family {
  static constexpr std::array entries{entry_of<make_optional>(), entry_of<optional_has_element>(),
                                      entry_of<optional_get_element>()};
};

}  // namespace sinter
