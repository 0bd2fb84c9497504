#pragma once

#include <sinter/graph/text.hpp>

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string>
#include <string_view>

namespace sinter::test {

/// An encoder like BERT as exporters write it: embeddings, layers that share their random weights, a pooler. With a
/// picture it is one like ViT: patches of 16x16 in place of words, layers that normalize what they read.
struct encoder {
  int layers = 2, hidden = 64, heads = 4, tokens = 12, batch = 1, words = 50;
  int picture = 0;     ///< pixels of a side; `tokens` and `words` have no meaning then
  bool fused = false;  ///< has the operators Gelu and LayerNormalization, which else are written out
};

class encoder_text {
 public:
  explicit encoder_text(encoder const& e) : e_(e) {
    if (sees()) e_.tokens = patches() + 1;
  }

  graph build() && {
    put("graph encoder opset 20 {{\n");
    if (sees())
      put("  input x: float[{0}x3x{1}x{1}]\n", e_.batch, e_.picture);
    else
      for (auto const* input : {"ids", "types", "seen"}) put("  input {}: int64[{}x{}]\n", input, e_.batch, e_.tokens);
    constants();
    sees() ? look() : embed();
    for (int i = 0; i < e_.layers; ++i) sees() ? add_layer_of_vision() : add_layer();
    if (sees()) x_ = normalized(x_);
    auto const pooled = add("Gemm", add("Gather", x_ + ", first", "{axis = 1}") + ", pool, pool_bias", "{transB = 1}");
    put("  output {}\n  output {}\n}}\n", x_, add("Tanh", pooled));
    return parse(text_);
  }

 private:
  static constexpr int side = 16;  // of a patch
  bool sees() const { return e_.picture > 0; }
  int patches() const { return e_.picture / side * (e_.picture / side); }

  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void constants() {
    for (auto const& [name, value] : {std::pair{"two", 2.0},
                                      {"half", 0.5},
                                      {"one", 1.0},
                                      {"root2", std::sqrt(2.0)},
                                      {"epsilon", 1e-5},
                                      {"unseen", -1e4},
                                      {"root", std::sqrt(e_.hidden / e_.heads)}})
      put("  const {} = float[] {{{}}}\n", name, static_cast<float>(value));
    put("  const first = int64[] {{0}}\n  const last = int64[1] {{-1}}\n  const axes = int64[2] {{1, 2}}\n");
    put("  const split = int64[4] {{{}, {}, {}, {}}}\n", e_.batch, e_.tokens, e_.heads, e_.hidden / e_.heads);
    put("  const joined = int64[3] {{{}, {}, {}}}\n", e_.batch, e_.tokens, e_.hidden);
    if (sees()) {
      put("  const patch = float[{0}x3x{1}x{1}] random({2})\n", e_.hidden, side, ++number_);
      put("  const patch_bias = float[{}] random({})\n", e_.hidden, ++number_);
      put("  const class = float[{}x1x{}] random({})\n", e_.batch, e_.hidden, ++number_);
      put("  const row = int64[3] {{{}, {}, {}}}\n", e_.batch, e_.hidden, patches());
    } else {
      table("word_table", e_.words, e_.hidden), table("type_table", 2, e_.hidden);
    }
    put("  const places = float[1x{}x{}] random({})\n", e_.tokens, e_.hidden, ++number_);
    for (auto const* name : {"query", "key", "value", "mix", "pool"}) linear_weights(name, e_.hidden, e_.hidden);
    linear_weights("widen", e_.hidden, 4 * e_.hidden), linear_weights("narrow", 4 * e_.hidden, e_.hidden);
    for (auto const* name : {"scale", "shift"}) put("  const {} = float[{}] random({})\n", name, e_.hidden, ++number_);
  }
  void table(std::string_view name, int rows, int columns) {
    put("  const {} = float[{}x{}] random({})\n", name, rows, columns, ++number_);
  }
  void linear_weights(std::string_view name, int from, int to) {
    table(name, from, to);
    put("  const {}_bias = float[{}] random({})\n", name, to, ++number_);
  }

  /// Adds a node and names its result.
  std::string add(std::string_view op, std::string_view operands, std::string_view attributes = {}) {
    auto const result = fmt::format("v{}", ++number_);
    put("  {} = {}({}) {}\n", result, op, operands, attributes);
    return result;
  }
  std::string linear(std::string const& x, std::string const& weights) {
    return add("Add", weights + "_bias, " + add("MatMul", x + ", " + weights));
  }
  std::string normalized(std::string const& x) {
    if (e_.fused) return add("LayerNormalization", x + ", scale, shift", "{axis = -1, epsilon = 1e-05}");
    auto const centred = add("Sub", x + ", " + add("ReduceMean", x + ", last"));
    auto const variance = add("ReduceMean", add("Pow", centred + ", two") + ", last");
    auto const unit = add("Div", centred + ", " + add("Sqrt", add("Add", variance + ", epsilon")));
    return add("Add", add("Mul", unit + ", scale") + ", shift");
  }
  std::string gelu(std::string const& x) {
    if (e_.fused) return add("Gelu", x);
    auto const sum = add("Add", add("Erf", add("Div", x + ", root2")) + ", one");
    return add("Mul", add("Mul", x + ", " + sum) + ", half");
  }

  void embed() {
    auto const sum = add("Add", add("Gather", "word_table, ids") + ", " + add("Gather", "type_table, types"));
    x_ = normalized(add("Add", sum + ", places"));
    auto const kept = add("Cast", add("Unsqueeze", "seen, axes"), "{to = 1}");
    mask_ = add("Mul", add("Sub", "one, " + kept) + ", unseen");
  }

  void look() {
    auto const seen = add("Conv", "x, patch, patch_bias", fmt::format("{{strides = [{0}, {0}]}}", side));
    auto const rows = add("Transpose", add("Reshape", seen + ", row"), "{perm = [0, 2, 1]}");
    x_ = add("Add", add("Concat", "class, " + rows, "{axis = 1}") + ", places");
  }

  std::string attention(std::string const& x) {
    auto const heads = [&](std::string const& weights, std::string_view order) {
      return add("Transpose", add("Reshape", linear(x, weights) + ", split"), fmt::format("{{perm = [{}]}}", order));
    };
    auto const q = heads("query", "0, 2, 1, 3"), k = heads("key", "0, 2, 3, 1"), v = heads("value", "0, 2, 1, 3");
    auto scores = add("Div", add("MatMul", q + ", " + k) + ", root");
    if (!mask_.empty()) scores = add("Add", scores + ", " + mask_);
    auto const mixed = add("MatMul", add("Softmax", scores, "{axis = -1}") + ", " + v);
    auto const merged = add("Reshape", add("Transpose", mixed, "{perm = [0, 2, 1, 3]}") + ", joined");
    return linear(merged, "mix");
  }
  std::string feed_forward(std::string const& x) { return linear(gelu(linear(x, "widen")), "narrow"); }

  void add_layer() {
    x_ = normalized(add("Add", attention(x_) + ", " + x_));
    x_ = normalized(add("Add", feed_forward(x_) + ", " + x_));
  }
  void add_layer_of_vision() {
    x_ = add("Add", attention(normalized(x_)) + ", " + x_);
    x_ = add("Add", feed_forward(normalized(x_)) + ", " + x_);
  }

  encoder e_;
  std::string text_{}, x_{}, mask_{};
  int number_ = 0;
};

inline graph encoder_graph(encoder const& e) { return encoder_text(e).build(); }

}  // namespace sinter::test
