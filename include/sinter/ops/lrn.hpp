#pragma once

#include <sinter/kernels/normalization.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/window.hpp>

namespace sinter {

/// LRN: local response normalisation across channels.   https://onnx.ai/onnx/operators/onnx__LRN.html
struct lrn {
  static constexpr op_schema schema{.name = "LRN", .since = 1, .max_inputs = 1};
  struct attributes {
    float alpha = 1e-4f, beta = 0.75f, bias = 1;
    std::int64_t size = 1;
  };

  static attributes parse(attribute_reader const& r) {
    attributes const a{.alpha = r.get("alpha", 1e-4f),
                       .beta = r.get("beta", 0.75f),
                       .bias = r.get("bias", 1.0f),
                       .size = r.require<std::int64_t>("size")};
    check_range("size", {a.size}, 1);
    return a;
  }

  static types infer(inputs const& in, attributes const&) {
    if (in.shape(0).rank() < 2)
      fail(error_code::malformed_model, "the input has shape {}, expected NxC or more dimensions", in.shape(0));
    return {in[0]};
  }

  static kernel_call kernel(inputs const&, attributes const& a) {
    return {.kernel = {kernels::normalize_neighbours, "normalize_neighbours", "normalization.hpp"},
            .integers = {a.size},
            .reals = {static_cast<double>(a.alpha), static_cast<double>(a.beta), static_cast<double>(a.bias)}};
  }
};

}  // namespace sinter
