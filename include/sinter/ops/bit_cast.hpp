#pragma once

#include <sinter/kernels/copy.hpp>
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

  static constexpr bool infers_any_shape = true;
  static types infer(inputs const& in, attributes const& a) {
    if (width(in.element(0)) != width(a.to) || width(a.to) == 0)
      fail(error_code::malformed_model, "the bits of {} cannot be read as {}", name(in.element(0)), name(a.to));
    return {{a.to, in[0].shape}};
  }

  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::copy_bits, "copy_bits", "copy.hpp"},
            .integers = {static_cast<std::int64_t>(width(a.to))}};
  }
};

}  // namespace sinter
