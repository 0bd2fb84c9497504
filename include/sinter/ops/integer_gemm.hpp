#pragma once

#include <sinter/ops/epilogue.hpp>
#include <sinter/ops/quantized_linear.hpp>

#include <optional>

namespace sinter {

/// sinter.IntegerGemm: A […,M,K] of 8-bit integers less its zero point (one element) times B [K,N] int8, as float32,
/// followed by an elementwise epilogue. Inputs A, B, the zero point, then extras e1… as those of sinter.Gemm. Sums are
/// exact, and rounded when they become float32: MatMulInteger and Cast.
struct integer_gemm {
  static constexpr op_schema schema{.name = "IntegerGemm", .since = 1, .domain = "sinter", .min_inputs = 3};
  struct attributes {
    std::optional<expr::function> epilogue{};
  };

  static attributes parse(attribute_reader const& r) { return {read_epilogue(r)}; }

  static dtype element(inputs const&, attributes const&, std::size_t) { return dtype::float32; }
  static types infer(inputs const& in, attributes const&) {
    if (in.shape(2).elements() != 1)
      fail(error_code::malformed_model, "the zero point has shape {}, expected one element", in.shape(2));
    return {{dtype::float32, *matmul_integer::infer(in, {})[0].shape}};
  }

  static kernel_call kernel(inputs const&, attributes const& a) {
    return with_epilogue({.kernel = {kernels::real_integer_products, "real_integer_products", "matmul.hpp"}},
                         a.epilogue);
  }
};

}  // namespace sinter
