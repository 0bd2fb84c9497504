#pragma once

#include <sinter/kernels/normalization.hpp>
#include <sinter/ops/entry.hpp>

namespace sinter {

/// BatchNormalization: (x - mean) / sqrt(variance + epsilon) * scale + bias for each channel. In training mode the
/// moments are those of the batch. https://onnx.ai/onnx/operators/onnx__BatchNormalization.html
struct batch_normalization {
  static constexpr op_schema schema{
      .name = "BatchNormalization", .since = 1, .min_inputs = 5, .max_inputs = 5, .max_outputs = 5};
  struct attributes {
    float epsilon = 1e-5f;
    float momentum = 0.9f;
    bool training = false;
    bool spatial = true;  ///< false: a scale for each element of an image, not for each channel
  };

  static attributes parse(attribute_reader const& r) {
    attributes a{.epsilon = r.get("epsilon", 1e-5f),
                 .momentum = r.get("momentum", 0.9f),
                 .training = r.get("training_mode", false),
                 .spatial = r.get("spatial", true)};
    r.ignore("is_test");  // the outputs that are named tell as much
    if (r.version() < 14) a.training = r.output_count() > 1;
    return a;
  }

  static dtype element(inputs const& in, attributes const&, std::size_t output) {
    return in.element(output == 0 ? 0 : 3);
  }
  static types infer(inputs const& in, attributes const& a) {
    auto const& x = in.shape(0);
    if (x.empty()) fail(error_code::malformed_model, "the input is a scalar, expected NxC or more dimensions");
    auto const expected = scales(x, a);
    for (std::size_t i = 1; i < 5; ++i)
      if (static_cast<std::int64_t>(in.shape(i).elements()) != expected)
        fail(error_code::malformed_model, "the input {} has shape {}, expected {} elements", i, in.shape(i), expected);
    types out{in[0]};
    for (int i = 0; i < 4; ++i) out.push_back(in[3]);
    return out;
  }

  static kernel_call kernel(inputs const& in, attributes const& a) {
    return {.kernel = {kernels::normalize_batch, "normalize_batch", "normalization.hpp"},
            .integers = {scales(in.shape(0), a), a.training},
            .reals = {static_cast<double>(a.epsilon), static_cast<double>(a.momentum)}};
  }

 private:
  static std::int64_t scales(shape const& x, attributes const& a) {
    if (!a.spatial) return static_cast<std::int64_t>(x.elements(1, x.rank()));
    return x.rank() > 1 ? x[1] : 1;
  }
};

}  // namespace sinter
