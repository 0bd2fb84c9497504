#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/pass.hpp>

#include "catch.hpp"
#include "passes/opened.hpp"
#include "passes/random_inputs.hpp"
#include <cstdint>
#include <string>
#include <vector>

using namespace sinter;

namespace {

/// Writes graphs of nodes that all keep the shape 2x4x6x6, wired at random: what chains, diamonds and residuals of any
/// kind look like to the passes.
class random_graph {
 public:
  explicit random_graph(std::uint32_t seed) : state_(seed * 2654435761u + 1) {}

  std::string text(int nodes) {
    std::string statements;
    values_ = {"x0", "x1"};
    for (int i = 0; i < nodes; ++i) {
      auto const name = fmt::format("v{}", i);
      statements += fmt::format("  {} = {}\n", name, expression());
      values_.push_back(name);
    }
    std::string outputs = fmt::format("  output {}\n", values_.back());
    for (std::size_t i = 2; i + 1 < values_.size(); ++i)
      if (next(8) == 0) outputs += fmt::format("  output {}\n", values_[i]);
    return "graph opset 15 {\n" + std::string(constants) + statements + outputs + "}\n";
  }

 private:
  static constexpr auto constants = R"(
  input x0: float[2x4x6x6]
  input x1: float[2x4x6x6]
  const w1 = float[4x4x1x1] random(1)
  const w3 = float[4x4x3x3] random(2)
  const d3 = float[4x1x3x3] random(3)
  const d1 = float[4x1x1x1] random(4)
  const b = float[4] {0.5, -0.25, 1, 0}
  const c = float[4x1x1] {0.5, 2, -1, 1}
  const s = float[] {0.5}
  const variance = float[4] {1, 2, 0.5, 4}
  const shape = int64[4] {2, 4, 6, 6}
)";

  std::uint32_t next(std::uint32_t below) {
    state_ = state_ * 1664525u + 1013904223u;
    return (state_ >> 16) % below;
  }
  /// Recent values are likelier, so that chains form.
  std::string any() {
    auto const back = std::min<std::size_t>(values_.size(), next(3) == 0 ? values_.size() : 3);
    return values_[values_.size() - 1 - next(static_cast<std::uint32_t>(back))];
  }

  std::string expression() {
    switch (next(20)) {
      case 0: return fmt::format("Conv({}, w1, b)", any());
      case 1: return fmt::format("Conv({}, w3) {{pads = [1, 1, 1, 1]}}", any());
      case 2: return fmt::format("Conv({}, d3, b) {{group = 4, pads = [1, 1, 1, 1]}}", any());
      case 3: return fmt::format("Conv({}, d1) {{group = 4}}", any());
      case 4: return fmt::format("Relu({})", any());
      case 5: return fmt::format("Sigmoid({})", any());
      case 6: return fmt::format("Mul({}, {})", any(), any());
      case 7:
      case 8:
      case 9: return fmt::format("Add({}, {})", any(), any());
      case 10: return fmt::format("Sub({}, {})", any(), any());
      case 11: return fmt::format("Mul({}, s)", any());
      case 12: return fmt::format("Add(c, {})", any());
      case 13: return fmt::format("BatchNormalization({}, b, b, b, variance)", any());
      case 14: return fmt::format("MaxPool({}) {{kernel_shape = [3, 3], pads = [1, 1, 1, 1]}}", any());
      case 15: return fmt::format("Identity({})", any());
      case 16: return fmt::format("Transpose({}) {{perm = [0, 1, 3, 2]}}", any());
      case 17: return fmt::format("Reshape({}, shape)", any());
      case 18: return fmt::format("Tanh({})", any());
      default: return fmt::format("Softmax({}) {{axis = 1}}", any());
    }
  }

  std::uint32_t state_;
  std::vector<std::string> values_;
};

}  // namespace

TEST_CASE("graphs wired at random compute the same after optimisation") {
  std::size_t before = 0, after = 0;
  for (std::uint32_t seed = 1; seed <= 200; ++seed) {
    auto const text = random_graph(seed).text(3 + static_cast<int>(seed % 20));
    INFO(text);
    auto const original = parse(text);
    auto optimized = original;
    optimize(optimized, {.verify = true});
    before += original.topological_order().size();
    after += optimized.topological_order().size();
    auto const inputs = random_inputs(original);
    auto const expected = evaluate(original, inputs);
    REQUIRE(largest_difference(expected, evaluate(optimized, inputs), 1e-2) <= 1e-4);  // v - v may leave anything small
    auto const opened = optimize_opened(original);
    CHECK(opened.topological_order().size() == optimized.topological_order().size());
    REQUIRE(largest_difference(expected, evaluate(opened, inputs), 1e-2) <= 1e-4);
  }
  CHECK(3 * after < 2 * before);
}
