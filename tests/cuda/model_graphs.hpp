#pragma once

#include <sinter/graph/text.hpp>

#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace sinter::test {

/// Scales the matrices and filters of a graph so that random numbers keep their size through it.
inline void scale_weights(graph& g) {
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    auto& w = g.at(value_id{static_cast<std::int32_t>(i)}).constant;
    if (w.type() != dtype::float32 || w.shape().rank() < 2) continue;
    any_tensor scaled(w.type(), w.shape());
    auto const summands =
        static_cast<double>(w.shape().rank() == 2 ? w.shape()[0] : w.shape().elements(1, w.shape().rank()));
    auto const factor = static_cast<float>(std::sqrt(3 / summands));
    auto const from = w.as<float>();
    auto const to = scaled.mutable_view().as<float>();
    for (std::size_t k = 0; k < from.size(); ++k) to[k] = from[k] * factor;
    w = scaled;
  }
}

/// Convolutional models as exporters write them, with random weights.
class image_model_text {
 public:
  explicit image_model_text(std::string_view input) { put("graph images opset 17 {{\n  input x: float[{}]\n", input); }

  /// The classifier of digits of 28x28 pixels: two convolutions, two products.
  static graph digits() {
    image_model_text m("2x1x28x28");
    auto x = m.pooled(m.add("Relu", m.convolved("x", 1, 32, 3)));
    x = m.pooled(m.add("Relu", m.convolved(x, 32, 64, 3)));
    x = m.add("Relu", m.product(m.add("Flatten", x), 64 * 49, 128));
    return std::move(m).build(m.product(x, 128, 10));
  }

  /// A RepViT: its stem, a block of each kind, a step down and the classifier.
  static graph rep_vit() {
    image_model_text m("1x3x64x64");
    auto x = m.gelu(m.normalized(m.convolved("x", 3, 24, 3, 2), 24));
    x = m.normalized(m.convolved(x, 24, 48, 3, 2), 48);
    x = m.mixed(m.excited(m.mixed_pixels(x, 48), 48), 48);
    x = m.mixed(m.mixed_pixels(x, 48), 48);
    x = m.normalized(m.convolved(x, 48, 48, 3, 2, 48), 48);
    x = m.mixed(m.normalized(m.convolved(x, 48, 96, 1), 96), 96);
    x = m.mixed(m.excited(m.mixed_pixels(x, 96), 96), 96);
    return std::move(m).build(m.product(m.add("Flatten", m.add("GlobalAveragePool", x)), 96, 100));
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }
  std::string add(std::string_view op, std::string_view operands, std::string_view attributes = {}) {
    auto const result = fmt::format("v{}", ++number_);
    put("  {} = {}({}) {}\n", result, op, operands, attributes);
    return result;
  }
  std::string constant(std::string_view extents) {
    auto const name = fmt::format("c{}", ++number_);
    put("  const {} = float[{}] random({})\n", name, extents, number_);
    return name;
  }
  std::string number(float value) {
    auto const name = fmt::format("c{}", ++number_);
    put("  const {} = float[] {{{}}}\n", name, value);
    return name;
  }

  std::string convolved(std::string const& x, int from, int to, int side, int stride = 1, int groups = 1) {
    auto const w = constant(fmt::format("{}x{}x{}x{}", to, from / groups, side, side));
    return add(
        "Conv", fmt::format("{}, {}, {}", x, w, constant(fmt::format("{}", to))),
        fmt::format("{{pads = [{0}, {0}, {0}, {0}], strides = [{1}, {1}], group = {2}}}", side / 2, stride, groups));
  }
  std::string normalized(std::string const& x, int channels) {
    auto const row = fmt::format("{}", channels);
    auto const scale = constant(row), shift = constant(row), mean = constant(row);
    auto const variance = fmt::format("c{}", ++number_);
    put("  const {} = float[{}] fill(0.8)\n", variance, channels);
    return add("BatchNormalization", fmt::format("{}, {}, {}, {}, {}", x, scale, shift, mean, variance));
  }
  std::string pooled(std::string const& x) { return add("MaxPool", x, "{kernel_shape = [2, 2], strides = [2, 2]}"); }
  std::string product(std::string const& x, int from, int to) {
    return add("Gemm",
               fmt::format("{}, {}, {}", x, constant(fmt::format("{}x{}", from, to)), constant(fmt::format("{}", to))));
  }
  std::string gelu(std::string const& x) {
    auto const sum = add("Add", add("Erf", add("Div", x + ", " + number(std::sqrt(2.0f)))) + ", " + number(1));
    return add("Mul", add("Mul", x + ", " + sum) + ", " + number(0.5f));
  }
  /// Filters of 3x3 and 1x1 for each channel, and x itself.
  std::string mixed_pixels(std::string const& x, int channels) {
    auto const wide = normalized(convolved(x, channels, channels, 3, 1, channels), channels);
    auto const narrow = convolved(x, channels, channels, 1, 1, channels);
    return normalized(add("Add", add("Add", wide + ", " + narrow) + ", " + x), channels);
  }
  /// Scaled by what the means of all channels say.
  std::string excited(std::string const& x, int channels) {
    auto const few = add("Relu", convolved(add("GlobalAveragePool", x), channels, channels / 4, 1));
    return add("Mul", x + ", " + add("Sigmoid", convolved(few, channels / 4, channels, 1)));
  }
  /// Channels mixed twice, added to x.
  std::string mixed(std::string const& x, int channels) {
    auto const wide = gelu(normalized(convolved(x, channels, 2 * channels, 1), 2 * channels));
    return add("Add", x + ", " + normalized(convolved(wide, 2 * channels, channels, 1), channels));
  }

  graph build(std::string const& result) && {
    put("  output {}\n}}\n", result);
    return parse(text_);
  }

  std::string text_{};
  int number_ = 0;
};

}  // namespace sinter::test
