#pragma once

#include <sinter/expr/function.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/passes/match.hpp>

#include <cmath>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// Clusters of pointwise nodes: what fuse_epilogue and fuse_elementwise turn into one expression.
namespace sinter::passes {

/// Whether `n` computes each element of its one float32 output, of known shape, from elements of float32 inputs.
inline bool is_pointwise(graph const& g, node const& n) {
  if (n.erased || n.outputs.size() != 1 || n.inputs.empty()) return false;
  auto const is_float = [&](value_id id) {
    return !id || (g.at(id).type.element == dtype::float32 && g.at(id).type.shape);
  };
  if (!is_float(n.outputs[0]) || !std::ranges::all_of(n.inputs, is_float)) return false;
  auto const* entry = find_operator(n.domain, n.op, n.version);
  return entry && entry->expression;
}

/// Pointwise nodes whose values, but for the root's, nobody else reads; all have the root's shape.
struct pointwise_cluster {
  std::vector<node_id> nodes{};    ///< the root first
  std::vector<value_id> inputs{};  ///< what the function reads, in order
  expr::function function{};
};

/// The cluster that grows from `root` towards the inputs, of at most `most` nodes for which `takes` holds. `inputs` and
/// `function` are left empty.
template <typename Takes>
pointwise_cluster grow_cluster(graph const& g, node_id root, std::size_t most, Takes const& takes) {
  pointwise_cluster c{.nodes = {root}};
  auto const& extents = g.at(g.at(root).outputs[0]).type.shape;
  auto const inside = [&](node_id id) { return std::ranges::find(c.nodes, id) != c.nodes.end(); };
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < c.nodes.size() && c.nodes.size() < most; ++i)
      for (auto const in : g.at(c.nodes[i]).inputs) {
        if (!in || !g.at(in).producer || inside(g.at(in).producer) || c.nodes.size() >= most) continue;
        auto const& v = g.at(in);
        if (v.type.shape != extents || !std::ranges::all_of(v.users, inside) || g.is_output(in)) continue;
        if (!takes(g.at(v.producer))) continue;
        c.nodes.push_back(v.producer);
        changed = true;
      }
  }
  return c;
}
inline pointwise_cluster grow_cluster(graph const& g, node_id root, std::size_t most) {
  return grow_cluster(g, root, most, [&](node const& n) { return is_pointwise(g, n); });
}

/// The expression of a pointwise node. Small constant powers become products, a division by a constant the product with
/// its reciprocal.
inline expr::value expression_of(graph const& g, node const& n, std::vector<expr::value> const& operands) {
  if (is(n, "Pow"))
    if (auto const exponent = scalar_input(g, n, 1)) {
      if (*exponent == 2.0f) return operands[0] * operands[0];
      if (*exponent == 3.0f) return operands[0] * operands[0] * operands[0];
      if (*exponent == 0.5f) return expr::sqrt(operands[0]);
    }
  if (is(n, "Div"))
    if (auto const divisor = scalar_input(g, n, 1); divisor && std::isnormal(1 / *divisor))
      return operands[0] * (1 / *divisor);
  return bind(n).expression(operands);
}

namespace detail {

/// Builds the expression of a cluster.
class cluster_expression {
 public:
  cluster_expression(graph const& g, pointwise_cluster& c, bool inline_scalars)
      : graph_(g), cluster_(c), inline_scalars_(inline_scalars) {}

  expr::value of(value_id id) {
    if (auto const it = known_.find(id); it != known_.end()) return it->second;
    auto const& v = graph_.at(id);
    bool const inside = v.producer && std::ranges::find(cluster_.nodes, v.producer) != cluster_.nodes.end();
    auto made = inside ? of(graph_.at(v.producer)) : leaf(id);
    known_.emplace(id, made);
    return made;
  }

 private:
  expr::value leaf(value_id id) {
    auto const& v = graph_.at(id);
    if (inline_scalars_ && v.is_constant() && v.constant.elements() == 1) return v.constant.as<float>()[0];
    cluster_.inputs.push_back(id);
    return expr::input(cluster_.inputs.size() - 1);
  }

  expr::value of(node const& n) {
    std::vector<expr::value> operands;
    for (auto const in : n.inputs) operands.push_back(in ? of(in) : expr::value(0.0f));
    return expression_of(graph_, n, operands);
  }

  graph const& graph_;
  pointwise_cluster& cluster_;
  bool inline_scalars_;
  std::map<value_id, expr::value> known_;
};

/// Puts the inputs of the root's shape first: what a kernel streams before what it broadcasts.
inline void order_inputs(pointwise_cluster& c, graph const& g, shape const& whole) {
  auto const streamed = [&](value_id id) { return *g.at(id).type.shape == whole; };
  auto const before = c.inputs;
  std::stable_partition(c.inputs.begin(), c.inputs.end(), streamed);
  if (c.inputs == before) return;
  std::vector<std::size_t> to;
  for (auto const id : before)
    to.push_back(static_cast<std::size_t>(std::ranges::find(c.inputs, id) - c.inputs.begin()));
  c.function = expr::remap(c.function, to, to.size());
}

/// Whether the cluster's inputs alone broadcast to the shape of its root.
inline bool inputs_give_shape(graph const& g, pointwise_cluster const& c, shape const& expected) {
  if (c.inputs.empty()) return false;
  shape found;
  for (auto const in : c.inputs) found = broadcast(found, *g.at(in).type.shape);
  return found == expected;
}

}  // namespace detail

/// Fills in `inputs`, those of the root's shape first, and `function`. Constants of one element are inlined unless the
/// shape of the root would be lost.
inline void express_cluster(graph const& g, pointwise_cluster& c) {
  auto const root = g.at(c.nodes[0]).outputs[0];
  for (bool const inline_scalars : {true, false}) {
    c.inputs.clear();
    auto const result = detail::cluster_expression(g, c, inline_scalars).of(root);
    c.function = expr::flatten(result, c.inputs.size());
    if (detail::inputs_give_shape(g, c, *g.at(root).type.shape)) break;
  }
  detail::order_inputs(c, g, *g.at(root).type.shape);
}

}  // namespace sinter::passes
