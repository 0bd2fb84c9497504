#pragma once

#include <sinter/graph/text.hpp>

#include <fmt/format.h>

#include <iterator>
#include <string>
#include <utility>

namespace sinter::test {

/// A network like ResNet-50 as exporters write it, normalizations folded: a stem, four stages of bottlenecks with
/// random weights, a classifier.
struct residual_network {
  int pixels = 224, channels = 64, classes = 1000;
  int blocks[4] = {3, 4, 6, 3};
};

class residual_network_text {
 public:
  explicit residual_network_text(residual_network const& r) : r_(r) {}

  graph build() && {
    put("graph residual opset 17 {{\n  input image: float[1x3x{0}x{0}]\n", r_.pixels);
    x_ = add("MaxPool", relu(convolution("image", 3, r_.channels, 7, 2)),
             "{kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]}");
    int from = r_.channels;
    for (int stage = 0; stage < 4; ++stage)
      for (int block = 0; block < r_.blocks[stage]; ++block)
        add_bottleneck(std::exchange(from, r_.channels << (stage + 2)), r_.channels << stage,
                       block == 0 && stage > 0 ? 2 : 1);
    auto const features = add("Flatten", add("GlobalAveragePool", x_), "{axis = 1}");
    put("  const last = float[{0}x{1}] random(1)\n  const last_bias = float[{0}] random(2)\n", r_.classes, from);
    put("  output {}\n}}\n", add("Gemm", features + ", last, last_bias", "{transB = 1}"));
    return parse(text_);
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
  std::string relu(std::string const& x) { return add("Relu", x); }
  std::string convolution(std::string const& x, int from, int to, int kernel, int stride) {
    auto const n = ++number_;
    put("  const w{0} = float[{1}x{2}x{3}x{3}] random({0})\n  const b{0} = float[{1}] random({0})\n", n, to, from,
        kernel);
    return add("Conv", fmt::format("{}, w{}, b{}", x, n, n),
               fmt::format("{{strides = [{0}, {0}], pads = [{1}, {1}, {1}, {1}]}}", stride, kernel / 2));
  }
  void add_bottleneck(int from, int inner, int stride) {
    auto const side = from == inner * 4 ? x_ : convolution(x_, from, inner * 4, 1, stride);
    auto const narrow = relu(convolution(x_, from, inner, 1, 1));
    auto const wide = convolution(relu(convolution(narrow, inner, inner, 3, stride)), inner, inner * 4, 1, 1);
    x_ = relu(add("Add", wide + ", " + side));
  }

  residual_network r_;
  std::string text_{}, x_{};
  int number_ = 0;
};

inline graph residual_graph(residual_network const& r) { return residual_network_text(r).build(); }

}  // namespace sinter::test
