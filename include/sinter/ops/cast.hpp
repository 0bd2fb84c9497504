#pragma once

#include <sinter/kernels/cast.hpp>
#include <sinter/ops/entry.hpp>

#include <string>

namespace sinter {

/// How Cast and CastLike convert to floating types of eight bits.
struct cast_options {
  bool saturate = true;
  e8m0_rounding rounding = e8m0_rounding::up;

  static cast_options parse(attribute_reader const& r) {
    cast_options options{.saturate = r.get("saturate", true)};
    auto const mode = r.get<std::string>("round_mode", "up");
    if (mode != "up" && mode != "down" && mode != "nearest")
      fail(error_code::malformed_model, "round_mode is '{}', expected 'up', 'down' or 'nearest'", mode);
    options.rounding = mode == "up" ? e8m0_rounding::up : mode == "down" ? e8m0_rounding::down : e8m0_rounding::nearest;
    return options;
  }

  kernel_call call() const {
    return {.kernel = {kernels::cast, "cast", "cast.hpp"},
            .integers = {saturate, static_cast<std::int64_t>(rounding)},
            .reads = 1};
  }
};

/// The element type that an attribute names by its number in TensorProto.DataType.
inline dtype dtype_from_attribute(std::int64_t number) {
  if (number <= 0 || number >= dtype_count) fail(error_code::malformed_model, "{} is no element type of ONNX", number);
  return static_cast<dtype>(number);
}

/// The attribute `stash_type`: the floating type in which intermediate results are kept, at least.
inline dtype parse_stash_type(attribute_reader const& r) {
  auto const type = dtype_from_attribute(r.get<std::int64_t>("stash_type", 1));
  if (!is_floating(type))
    fail(error_code::malformed_model, "the attribute 'stash_type' is {}, expected a floating type", name(type));
  return type;
}

/// Cast   https://onnx.ai/onnx/operators/onnx__Cast.html
struct cast {
  static constexpr op_schema schema{.name = "Cast", .max_inputs = 1};
  struct attributes {
    dtype to = dtype::undefined;
    cast_options options{};
  };

  static attributes parse(attribute_reader const& r) {
    if (r.version() < 6) return {.to = dtype_from_name(r.require<std::string>("to")), .options = {}};
    return {.to = dtype_from_attribute(r.require<std::int64_t>("to")), .options = cast_options::parse(r)};
  }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) { return {{a.to, in[0].shape}}; }
  static kernel_call kernel(inputs const&, attributes const& a) { return a.options.call(); }

  /// Before operator set 6 the attribute spells the type in upper case.
  static dtype dtype_from_name(std::string const& spelled) {
    for (std::size_t i = 1; i < dtype_table.size(); ++i)
      if (std::ranges::equal(dtype_table[i].name, spelled, [](char a, char b) { return a == b || a - 'a' + 'A' == b; }))
        return static_cast<dtype>(i);
    fail(error_code::malformed_model, "'{}' is no element type of ONNX", spelled);
  }
};

/// CastLike: Cast to the type of the second input.   https://onnx.ai/onnx/operators/onnx__CastLike.html
struct cast_like {
  static constexpr op_schema schema{.name = "CastLike", .since = 15, .min_inputs = 2, .max_inputs = 2};
  using attributes = cast_options;

  static attributes parse(attribute_reader const& r) { return cast_options::parse(r); }
  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const&) { return {{in.element(1), in[0].shape}}; }
  static kernel_call kernel(inputs const&, attributes const& a) { return a.call(); }
};

}  // namespace sinter
