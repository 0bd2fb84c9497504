#pragma once

#include <sinter/kernels/normalization.hpp>
#include <sinter/kernels/staging.hpp>
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
    if (r.version() < 14) a.training = r.output_count() > 1;
    return a;
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

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const channels = scales(s, a);
    auto const images = s.rank() > 1 ? s[0] : 1;
    auto const plane = images * channels == 0 ? 0 : static_cast<std::int64_t>(s.elements()) / (images * channels);
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]), scale(in[1]), bias(in[2]), mean(in[3]), variance(in[4]);
      kernels::staged_output<T> y(out[0]);
      for (std::int64_t c = 0; c < channels; ++c) {
        kernels::moments m{static_cast<double>(mean[c]), static_cast<double>(variance[c])};
        if (a.training) {
          auto const batch = channel_moments(x.data(), images, channels, plane, c);
          store_moments<T>(out, a, c, m, batch);
          m = batch;
        }
        auto const factor = static_cast<double>(scale[c]) * kernels::inverse_deviation(m, double{a.epsilon});
        auto const shift = static_cast<double>(bias[c]) - m.mean * factor;
        for (std::int64_t n = 0; n < images; ++n) {
          auto const at = (n * channels + c) * plane;
          kernels::scale_and_shift(x + at, y + at, plane, static_cast<T>(factor), static_cast<T>(shift));
        }
      }
    });
  }

 private:
  static std::int64_t scales(shape const& x, attributes const& a) {
    if (!a.spatial) return static_cast<std::int64_t>(x.elements(1, x.rank()));
    return x.rank() > 1 ? x[1] : 1;
  }

  template <typename T>
  static kernels::moments channel_moments(T const* x, std::int64_t images, std::int64_t channels, std::int64_t plane,
                                          std::int64_t c) {
    std::vector<T> values;
    for (std::int64_t n = 0; n < images; ++n) {
      auto const* from = x + (n * channels + c) * plane;
      values.insert(values.end(), from, from + plane);
    }
    return kernels::moments_of(values.data(), static_cast<std::int64_t>(values.size()));
  }

  /// The running moments and, in the versions that have them, those of the batch.
  template <typename T>
  static void store_moments(output_views out, attributes const& a, std::int64_t c, kernels::moments const& running,
                            kernels::moments const& batch) {
    auto const mix = [&](double before, double now) { return before * a.momentum + now * (1 - double{a.momentum}); };
    double const values[] = {mix(running.mean, batch.mean), mix(running.variance, batch.variance), batch.mean,
                             batch.variance};
    for (std::size_t i = 1; i < out.size(); ++i)
      if (out[i]) store<T>(out[i].type, out[i].data, static_cast<std::size_t>(c), static_cast<T>(values[i - 1]));
  }
};

}  // namespace sinter
