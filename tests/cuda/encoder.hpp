#pragma once

#include <sinter/graph/text.hpp>

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string>
#include <string_view>

namespace sinter::test {

/// An encoder like BERT as exporters write it: embeddings, layers that share their random weights, a pooler.
struct encoder {
  int layers = 2, hidden = 64, heads = 4, tokens = 12, batch = 1, words = 50;
  bool fused = false;  ///< has the operators Gelu and LayerNormalization, which else are written out
};

class encoder_text {
 public:
  explicit encoder_text(encoder const& e) : e_(e) {}

  graph build() && {
    put("graph encoder opset 20 {{\n");
    for (auto const* input : {"ids", "types", "seen"}) put("  input {}: int64[{}x{}]\n", input, e_.batch, e_.tokens);
    constants();
    embed();
    for (int i = 0; i < e_.layers; ++i) add_layer();
    auto const pooled = add("Gemm", add("Gather", x_ + ", first", "{axis = 1}") + ", pool, pool_bias", "{transB = 1}");
    put("  output {}\n  output {}\n}}\n", x_, add("Tanh", pooled));
    return parse(text_);
  }

 private:
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
    table("word_table", e_.words, e_.hidden), table("type_table", 2, e_.hidden);
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

  void add_layer() {
    auto const heads = [&](std::string const& weights, std::string_view order) {
      return add("Transpose", add("Reshape", linear(x_, weights) + ", split"), fmt::format("{{perm = [{}]}}", order));
    };
    auto const q = heads("query", "0, 2, 1, 3"), k = heads("key", "0, 2, 3, 1"), v = heads("value", "0, 2, 1, 3");
    auto const scores = add("Add", add("Div", add("MatMul", q + ", " + k) + ", root") + ", " + mask_);
    auto const mixed = add("MatMul", add("Softmax", scores, "{axis = -1}") + ", " + v);
    auto const merged = add("Reshape", add("Transpose", mixed, "{perm = [0, 2, 1, 3]}") + ", joined");
    x_ = normalized(add("Add", linear(merged, "mix") + ", " + x_));
    x_ = normalized(add("Add", linear(gelu(linear(x_, "widen")), "narrow") + ", " + x_));
  }

  encoder e_;
  std::string text_{}, x_{}, mask_{};
  int number_ = 0;
};

inline graph encoder_graph(encoder const& e) { return encoder_text(e).build(); }

}  // namespace sinter::test
