#pragma once

#include <sinter/kernels/normalization.hpp>
#include <sinter/kernels/staging.hpp>
#include <sinter/ops/cast.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// LayerNormalization and RMSNormalization: everything from an axis on is normalised, then scaled and shifted.
/// https://onnx.ai/onnx/operators/onnx__LayerNormalization.html
/// The first has been in ONNX since operator set 17; onnxruntime had it in ONNX's domain before, since 1.
template <bool Centred>
struct normalization_from_axis {
  static constexpr op_schema schema{.name = Centred ? "LayerNormalization" : "RMSNormalization",
                                    .since = Centred ? 1 : 23,
                                    .min_inputs = 2,
                                    .max_inputs = Centred ? 3 : 2,
                                    .max_outputs = Centred ? 3 : 1};
  struct attributes {
    std::int64_t axis = -1;
    float epsilon = 1e-5f;
    dtype moments_type = dtype::float32;
  };

  static attributes parse(attribute_reader const& r) {
    return {.axis = r.get<std::int64_t>("axis", -1),
            .epsilon = r.get("epsilon", 1e-5f),
            .moments_type = parse_stash_type(r)};
  }

  static dtype element(inputs const& in, attributes const& a, std::size_t output) {
    return output == 0 ? in.element(0) : a.moments_type;
  }
  static types infer(inputs const& in, attributes const& a) {
    auto moments = in.shape(0);
    for (std::size_t i = normalize_axis(a.axis, moments.rank()); i < moments.rank(); ++i) moments[i] = 1;
    for (std::size_t i = 1; i < 3; ++i)
      if (in.has(i) && broadcast(in.shape(i), in.shape(0)) != in.shape(0))
        fail(error_code::malformed_model, "the input {} has shape {}, which does not broadcast to {}", i, in.shape(i),
             in.shape(0));
    return {in[0], {a.moments_type, moments}, {a.moments_type, moments}};
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    auto const axis = normalize_axis(a.axis, in.shape(0).rank());
    return {.kernel = {kernels::normalize_rows, "normalize_rows", "normalization.hpp"},
            .integers = {static_cast<std::int64_t>(axis), Centred},
            .reals = {static_cast<double>(a.epsilon)}};
  }
};

using layer_normalization = normalization_from_axis<true>;
using rms_normalization = normalization_from_axis<false>;

}  // namespace sinter
