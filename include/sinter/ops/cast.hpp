#pragma once

#include <sinter/kernels/broadcast.hpp>
#include <sinter/kernels/text_number.hpp>
#include <sinter/ops/entry.hpp>

#include <optional>
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
};

namespace detail {

inline small_float const* small_float_of(dtype type) {
  switch (type) {
    case dtype::float8e4m3fn: return &float8e4m3fn_format;
    case dtype::float8e4m3fnuz: return &float8e4m3fnuz_format;
    case dtype::float8e5m2: return &float8e5m2_format;
    case dtype::float8e5m2fnuz: return &float8e5m2fnuz_format;
    default: return nullptr;
  }
}

inline void cast_from_strings(tensor_view in, mutable_tensor_view out) {
  auto const strings = in.as<std::string>();
  for (std::size_t i = 0; i < strings.size(); ++i) {
    auto const integer = is_floating(out.type) ? std::nullopt : parse_integer(strings[i]);
    auto const real = integer ? std::nullopt : parse_double(strings[i]);
    if (integer)
      store<std::int64_t>(out.type, out.data, i, *integer);
    else if (real)
      store<double>(out.type, out.data, i, *real);
    else
      fail(error_code::invalid_argument, "'{}' is no number and cannot be cast to {}", strings[i], name(out.type));
  }
}

inline void cast_to_strings(tensor_view in, mutable_tensor_view out) {
  auto const strings = out.as<std::string>();
  for (std::size_t i = 0; i < strings.size(); ++i) {
    if (in.type == dtype::float64)
      strings[i] = number_text(load<double>(in.type, in.data, i));
    else if (is_floating(in.type))
      strings[i] = number_text(load<float>(in.type, in.data, i));
    else if (in.type == dtype::uint64)
      strings[i] = std::to_string(load<std::uint64_t>(in.type, in.data, i));
    else
      strings[i] = std::to_string(load<std::int64_t>(in.type, in.data, i));
  }
}

inline void cast_numbers(tensor_view in, mutable_tensor_view out, cast_options const& options) {
  tensor_view const operands[] = {in};
  auto const* small = small_float_of(out.type);
  if (small || out.type == dtype::float8e8m0) {
    auto* const codes = static_cast<std::uint8_t*>(out.data);
    auto const count = in.elements();
    for (std::size_t i = 0; i < count; ++i) {
      auto const value = load<float>(in.type, in.data, i);
      codes[i] =
          small ? encode(*small, value, options.saturate) : encode_e8m0(value, options.rounding, options.saturate);
    }
    return;
  }
  visit_compute(in.type, [&]<typename T>() {
    map_blocks<T>(operands, out, [](T* y, std::span<T const* const> x, std::size_t n) { std::copy_n(x[0], n, y); });
  });
}

}  // namespace detail

/// Converts all elements. Floating to integer goes towards zero, integers wrap.
inline void cast_elements(tensor_view in, mutable_tensor_view out, cast_options const& options) {
  if (in.type == out.type) {
    if (in.type == dtype::string)
      std::ranges::copy(in.as<std::string>(), out.as<std::string>().begin());
    else
      std::memcpy(out.data, in.data, in.bytes());
  } else if (in.type == dtype::string) {
    detail::cast_from_strings(in, out);
  } else if (out.type == dtype::string) {
    detail::cast_to_strings(in, out);
  } else {
    detail::cast_numbers(in, out, options);
  }
}

/// The element type that an attribute names by its number in TensorProto.DataType.
inline dtype dtype_from_attribute(std::int64_t number) {
  if (number <= 0 || number >= dtype_count) fail(error_code::malformed_model, "{} is no element type of ONNX", number);
  return static_cast<dtype>(number);
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
  static types infer(inputs const& in, attributes const& a) { return {{a.to, in[0].shape}}; }
  static void evaluate(input_views in, output_views out, attributes const& a) {
    cast_elements(in[0], out[0], a.options);
  }

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
  static types infer(inputs const& in, attributes const&) { return {{in.element(1), in[0].shape}}; }
  static void evaluate(input_views in, output_views out, attributes const& a) { cast_elements(in[0], out[0], a); }
};

}  // namespace sinter
