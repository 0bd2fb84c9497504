#pragma once

#include <sinter/ops/cast.hpp>

namespace sinter {

/// BitCast: the same bits as another type of the same width.   https://onnx.ai/onnx/operators/onnx__BitCast.html
struct bit_cast_elements {
  static constexpr op_schema schema{.name = "BitCast", .since = 26, .max_inputs = 1};
  struct attributes {
    dtype to = dtype::undefined;
  };

  static attributes parse(attribute_reader const& r) {
    return {.to = dtype_from_attribute(r.require<std::int64_t>("to"))};
  }

  /// Width in bits; 0 for types that have no bits of their own.
  static std::size_t width(dtype type) {
    switch (type) {
      case dtype::string: return 0;
      case dtype::uint4:
      case dtype::int4:
      case dtype::float4e2m1: return 4;
      case dtype::uint2:
      case dtype::int2: return 2;
      default: return 8 * size_of(type);
    }
  }

  static types infer(inputs const& in, attributes const& a) {
    if (width(in.element(0)) != width(a.to) || width(a.to) == 0)
      fail(error_code::malformed_model, "the bits of {} cannot be read as {}", name(in.element(0)), name(a.to));
    return {{a.to, in[0].shape}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    std::memcpy(out[0].data, in[0].data, in[0].bytes());
    if (width(a.to) >= 8) return;
    auto* const codes =
        static_cast<std::uint8_t*>(out[0].data);  // one a byte; the bits above are those of the new type
    auto const mask = static_cast<std::uint8_t>((1u << width(a.to)) - 1);
    for (std::size_t i = 0; i < out[0].elements(); ++i) {
      codes[i] &= mask;
      if (is_integer(a.to)) store<std::int64_t>(a.to, codes, i, codes[i]);
    }
  }
};

}  // namespace sinter
