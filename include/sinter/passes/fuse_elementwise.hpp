#pragma once

#include <sinter/expr/cost.hpp>
#include <sinter/expr/math.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/pointwise.hpp>

namespace sinter::passes {

namespace detail {

inline constexpr std::size_t elementwise_lines = 64;

/// Whether a kernel of any target can compute `f`: it fits into 16 registers, and into the body of a loop.
inline bool fits_kernels(expr::function const& f) {
  auto const expanded = expr::expand(f);
  return f.lines.size() <= elementwise_lines && instructions_to_apply(expanded) <= 250 &&
         registers_to_apply(expanded) + static_cast<int>(f.inputs) + 2 <= 16;
}

/// The largest cluster at `root` that one kernel may hold.
inline pointwise_cluster largest_cluster(graph const& g, node_id root) {
  for (std::size_t most = 32;; most /= 2) {
    auto c = grow_cluster(g, root, most);
    express_cluster(g, c);
    if (c.nodes.size() == 1) return c;
    if (fits_kernels(c.function)) return c;
  }
}

/// Puts one sinter.Elementwise, or nothing if it copies its input, in place of a cluster.
inline void replace_cluster(graph& g, pointwise_cluster const& c) {
  auto const root = g.at(c.nodes[0]).outputs[0];
  auto const& lines = c.function.lines;
  if (lines.size() == 1 && lines[0].code == expr::op::input && c.nodes.size() == 1) {
    auto const source = c.inputs[lines[0].index];
    if (g.at(source).type == g.at(root).type && bypass(g, c.nodes[0], source, root)) return;
  }
  node fused{.domain = "sinter", .op = "Elementwise", .version = 1, .inputs = c.inputs, .outputs = {root}};
  fused.attributes = {{"function", expr::print(c.function)}};
  replace_node(g, c.nodes[0], std::move(fused));
  for (std::size_t i = 1; i < c.nodes.size(); ++i) g.erase(c.nodes[i]);
}

}  // namespace detail

/// Turns every float32 pointwise node, together with the pointwise nodes that only it needs, into one
/// sinter.Elementwise. Constants of one element become constants of the expression. Only nodes of the same output shape
/// go together, so nothing is computed more often than before.
inline void fuse_elementwise(rewriter& r) {
  auto& g = r.get();
  auto const order = g.topological_order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    auto const root = *it;
    if (!r.may_rewrite()) return;
    if (g.at(root).erased || !is_pointwise(g, g.at(root))) continue;
    auto const cluster = detail::largest_cluster(g, root);
    if (cluster.inputs.empty()) continue;
    if (cluster.nodes.size() == 1 && is_fused(g.at(root), "Elementwise")) continue;
    detail::replace_cluster(g, cluster);
    r.rewrote();
  }
}

}  // namespace sinter::passes
