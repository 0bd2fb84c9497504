#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/window.hpp>

#include <cmath>

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

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[0].shape;
    auto const channels = s[1], plane = static_cast<std::int64_t>(s.elements(2, s.rank()));
    visit_floating(in[0].type, [&]<typename T>() {
      kernels::staged_input<T> x(in[0]);
      kernels::staged_output<T> y(out[0]);
      std::vector<T> squares(static_cast<std::size_t>(plane));
      for (std::int64_t n = 0; n < s[0]; ++n)
        for (std::int64_t c = 0; c < channels; ++c) {
          std::ranges::fill(squares, T{});
          auto const first = std::max<std::int64_t>(0, c - (a.size - 1) / 2);
          auto const last = std::min(channels - 1, c + a.size / 2);
          for (auto other = first; other <= last; ++other) {
            auto const* from = x + (n * channels + other) * plane;
            for (std::int64_t i = 0; i < plane; ++i) squares[static_cast<std::size_t>(i)] += from[i] * from[i];
          }
          auto const at = (n * channels + c) * plane;
          auto const scale = static_cast<T>(a.alpha / static_cast<float>(a.size));
          for (std::int64_t i = 0; i < plane; ++i)
            y[at + i] = x[at + i] / std::pow(static_cast<T>(a.bias) + scale * squares[static_cast<std::size_t>(i)],
                                             static_cast<T>(a.beta));
        }
    });
  }
};

}  // namespace sinter
