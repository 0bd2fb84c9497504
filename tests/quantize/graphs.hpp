#pragma once

#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/quantize/calibration.hpp>
#include <sinter/quantize/standard_form.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

/// Graphs to quantise, samples for them, and `evaluate` to run them.
namespace quantizing {

using sinter::any_tensor;
using sinter::graph;
using sinter::node;
using sinter::quantize::tensors;

/// Runs a graph by `evaluate`.
inline sinter::quantize::runner evaluated(graph const& g) {
  auto const kept = std::make_shared<graph const>(g);
  return [kept](tensors const& inputs) { return sinter::evaluate(*kept, inputs); };
}

/// A residual network with pooling, as exporters write it.
inline graph residual_network() {
  return sinter::quantize::standard_form(sinter::parse(R"(graph residual opset 13 {
    input x: float[2x3x12x12]
    const w1 = float[16x3x3x3] random(1)
    const b1 = float[16] random(2)
    const w2 = float[16x16x3x3] random(3)
    const w3 = float[16x1x3x3] random(4)
    const b3 = float[16] random(5)
    const w4 = float[10x16] random(6)
    const b4 = float[10] random(7)
    c1 = Conv(x, w1, b1) {pads = [1, 1, 1, 1]} as first
    r1 = Relu(c1)
    p = MaxPool(r1) {kernel_shape = [2, 2], strides = [2, 2]}
    c2 = Conv(p, w2) {pads = [1, 1, 1, 1]} as second
    s = Add(c2, p) as sum
    r2 = Relu(s)
    c3 = Conv(r2, w3, b3) {group = 16, pads = [1, 1, 1, 1]} as depthwise
    a = GlobalAveragePool(c3)
    f = Flatten(a)
    y = Gemm(f, w4, b4) {transB = 1} as scores
    output y
  })"));
}

/// Normally distributed numbers for the inputs of a graph.
inline std::vector<tensors> samples_for(graph const& g, std::size_t count, unsigned seed = 1, float mean = 0) {
  std::mt19937 bits(seed);
  std::normal_distribution<float> normal(mean);
  std::vector<tensors> all(count);
  for (auto& s : all)
    for (auto const& p : g.inputs) {
      auto& t = s.emplace_back(sinter::dtype::float32, *g.at(p.value).type.shape);
      for (float& v : t.mutable_view().as<float>()) v = normal(bits);
    }
  return all;
}

inline std::ptrdiff_t count_nodes(graph const& g, std::string_view op) {
  return std::ranges::count_if(g.topological_order(), [&](auto id) { return g.at(id).op == op; });
}

inline sinter::node_id node_named(graph const& g, std::string_view name) {
  auto const all = g.topological_order();
  auto const at = std::ranges::find_if(all, [&](auto id) { return g.at(id).name == name; });
  return at == all.end() ? sinter::node_id{} : *at;
}

/// The node that makes input `slot` of a node.
inline node const& before(graph const& g, node const& n, std::size_t slot) {
  return g.at(g.at(n.inputs.at(slot)).producer);
}

}  // namespace quantizing
