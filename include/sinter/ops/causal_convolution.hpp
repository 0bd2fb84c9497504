#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/ops/entry.hpp>

#include <array>
#include <cmath>
#include <vector>

namespace sinter {

/// CausalConvWithState: each channel convolved along time with its own kernel, which sees the past only.
/// https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html
struct causal_convolution {
  static constexpr op_schema schema{
      .name = "CausalConvWithState", .since = 27, .min_inputs = 2, .max_inputs = 4, .max_outputs = 2};
  struct attributes {
    bool silu = false;
  };
  enum : std::size_t { input, weight, bias, past };

  static attributes parse(attribute_reader const& r) {
    static constexpr std::array<std::string_view, 3> names{"none", "silu", "swish"};
    return {.silu = r.choice("activation", "none", names) > 0};
  }

  static types infer(inputs const& in, attributes const&) {
    auto const &x = in.shape(input), &w = in.shape(weight);
    if (x.rank() != 3 || w.rank() != 3 || w[0] != x[1] || w[1] != 1 || w[2] < 1)
      fail(error_code::malformed_model, "input and weight have shapes {} and {}, expected BxCxT and Cx1xK", x, w);
    shape const state{x[0], x[1], w[2] - 1};
    if (in.has(bias) && in.shape(bias) != shape{x[1]})
      fail(error_code::malformed_model, "the bias has shape {}, expected {}", in.shape(bias), x[1]);
    if (in.has(past) && in.shape(past) != state)
      fail(error_code::malformed_model, "the past state has shape {}, expected {}", in.shape(past), state);
    return {in[input], {in.element(input), state}};
  }

  static void evaluate(input_views in, output_views out, attributes const& a) {
    auto const& s = in[input].shape;
    auto const count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    auto const taps = count(in[weight].shape[2]), length = count(s[2]);
    std::vector<double> line(taps - 1 + length), w(taps), y(length);
    for (std::size_t row = 0; row < count(s[0] * s[1]); ++row) {
      auto const channel = row % count(s[1]);
      std::fill(line.begin(), line.end(), 0.0);
      if (in.size() > past && in[past])
        load_run<double>(in[past].type, in[past].data, row * (taps - 1), 1, taps - 1, line.data());
      load_run<double>(in[input].type, in[input].data, row * length, 1, length, line.data() + taps - 1);
      load_run<double>(in[weight].type, in[weight].data, channel * taps, 1, taps, w.data());
      auto const offset = in.size() > bias && in[bias] ? load<double>(in[bias].type, in[bias].data, channel) : 0.0;
      for (std::size_t t = 0; t < length; ++t) {
        y[t] = offset;
        for (std::size_t k = 0; k < taps; ++k) y[t] += w[k] * line[t + k];
        if (a.silu) y[t] /= 1 + std::exp(-y[t]);
      }
      if (out[0]) store_run<double>(out[0].type, out[0].data, row * length, length, y.data());
      if (out.size() > 1 && out[1])
        store_run<double>(out[1].type, out[1].data, row * (taps - 1), taps - 1, line.data() + length);
    }
  }
};

}  // namespace sinter
