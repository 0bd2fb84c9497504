#pragma once

#include <sinter/expr/text.hpp>
#include <sinter/ops/quantized_elementwise.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/fold_dequantized.hpp>
#include <sinter/passes/fuse_elementwise.hpp>
#include <sinter/passes/match_quantized.hpp>
#include <sinter/passes/pointwise.hpp>

#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// The one known step between 8-bit integers and the real numbers of a QuantizeLinear or DequantizeLinear.
inline std::optional<quantized_value> step_of(graph const& g, node const& n) {
  bool const quantizes = is(n, "QuantizeLinear");
  if (!quantizes && !is(n, "DequantizeLinear")) return std::nullopt;
  if (attribute_or<std::int64_t>(n, "block_size", 0) != 0) return std::nullopt;
  auto const q = quantizes ? n.outputs[0] : n.inputs[0];
  auto const real = quantizes ? n.inputs[0] : n.outputs[0];
  if (g.at(q).is_constant() || g.at(real).type.element != dtype::float32) return std::nullopt;
  return one_step(g, n, q, g.at(q).type.element);
}

/// The function of a cluster whose inputs are 8-bit integers and constants.
class quantized_expression {
 public:
  quantized_expression(graph const& g, pointwise_cluster& c) : graph_(g), cluster_(c) {}

  /// Fills in `inputs` and `function`. False where the cluster reads other values, or its shape is not theirs.
  bool build() {
    auto const root = graph_.at(cluster_.nodes[0]).outputs[0];
    auto const result = of(root);
    if (!result || !inputs_give_shape(graph_, cluster_, *graph_.at(root).type.shape)) return false;
    cluster_.function = expr::flatten(*result, cluster_.inputs.size());
    order_inputs(cluster_, graph_, *graph_.at(root).type.shape);
    return true;
  }

 private:
  std::optional<expr::value> of(value_id id) {
    if (auto const it = known_.find(id); it != known_.end()) return it->second;
    auto made = compute(id);
    if (made) known_.emplace(id, *made);
    return made;
  }

  std::optional<expr::value> compute(value_id id) {
    auto const& v = graph_.at(id);
    if (v.is_constant()) return constant(id);
    if (!v.producer) return leaf(id);
    auto const& n = graph_.at(v.producer);
    bool const inside = std::ranges::find(cluster_.nodes, v.producer) != cluster_.nodes.end();
    auto const step = step_of(graph_, n);
    if (step && is(n, "DequantizeLinear")) {
      auto const q = of(n.inputs[0]);
      return q ? std::optional(dequantizing(*q, step->step, step->zero)) : std::nullopt;
    }
    if (!inside) return leaf(id);
    if (step) {
      auto const x = of(n.inputs[0]);
      return x ? std::optional(quantizing(*x, step->step, step->zero, range_of(step->type))) : std::nullopt;
    }
    std::vector<expr::value> operands;
    for (auto const in : n.inputs) {
      auto const x = in ? of(in) : std::optional(expr::value(0.0f));
      if (!x) return std::nullopt;
      operands.push_back(*x);
    }
    return expression_of(graph_, n, operands);
  }

  std::optional<expr::value> constant(value_id id) {
    auto const& c = graph_.at(id).constant;
    if (c.type() != dtype::float32) return std::nullopt;
    return c.elements() == 1 ? expr::value(c.as<float>()[0]) : input(id);
  }
  std::optional<expr::value> leaf(value_id id) {
    auto const& type = graph_.at(id).type;
    return is_byte(type.element) && type.shape ? std::optional(input(id)) : std::nullopt;
  }
  expr::value input(value_id id) {
    cluster_.inputs.push_back(id);
    return expr::input(cluster_.inputs.size() - 1);
  }

  graph const& graph_;
  pointwise_cluster& cluster_;
  std::map<value_id, expr::value> known_;
};

/// The largest cluster that ends with the QuantizeLinear `root` and that one kernel may hold; none where it would do
/// nothing but quantise.
inline std::optional<pointwise_cluster> quantized_cluster(graph const& g, node_id root) {
  auto const takes = [&](node const& n) { return is_pointwise(g, n) || step_of(g, n).has_value(); };
  for (std::size_t most = 32; most > 1; most /= 2) {
    auto c = grow_cluster(g, root, most, takes);
    if (quantized_expression(g, c).build() && fits_kernels(c.function)) return c;
  }
  return std::nullopt;
}

}  // namespace detail

/// A QuantizeLinear with the pointwise nodes before it, up to where DequantizeLinear gives them their operands, becomes
/// one sinter.QuantizedElementwise of 8-bit integers and constants; what is quantised and dequantised between them is
/// rounded within the function. Scales and zero points are constants, one for a tensor. Quantised constants that
/// pointwise nodes read become float32.
inline void fuse_quantized_elementwise(rewriter& r) {
  auto& g = r.get();
  detail::fold_dequantized_where(r, [&](node const& user, std::size_t) { return is_pointwise(g, user); });
  auto const order = g.topological_order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    auto const root = *it;
    if (!r.may_rewrite()) return;
    auto const& n = g.at(root);
    if (n.erased || !is(n, "QuantizeLinear") || !g.at(n.outputs[0]).type.shape || !detail::step_of(g, n)) continue;
    auto const cluster = detail::quantized_cluster(g, root);
    if (!cluster) continue;
    bool const is_signed = g.at(n.outputs[0]).type.element == dtype::int8;
    node made{.domain = "sinter", .op = "QuantizedElementwise", .version = 1, .inputs = cluster->inputs};
    made.attributes = {{"function", expr::print(cluster->function)}, {"signed", std::int64_t{is_signed}}};
    replace_node(g, root, std::move(made));
    for (std::size_t i = 1; i < cluster->nodes.size(); ++i) g.erase(cluster->nodes[i]);
    r.rewrote();
  }
}

}  // namespace sinter::passes
