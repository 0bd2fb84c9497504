#pragma once

#include <sinter/passes/fuse_epilogue.hpp>

#include <array>

namespace sinter::passes {

namespace detail {

/// Whether `n` computes each element of its float32 output from the element of its one input.
inline bool is_activation(graph const& g, node const& n) {
  if (n.inputs.size() != 1 || n.outputs.size() != 1) return false;
  auto const is_float = [&](value_id id) { return id && g.at(id).type.element == dtype::float32; };
  if (!is_float(n.inputs[0]) || !is_float(n.outputs[0])) return false;
  auto const* entry = find_operator(n.domain, n.op, n.version);
  return entry && entry->expression;
}

}  // namespace detail

/// Moves activations into the epilogue of the sinter.Conv or sinter.Gemm that they follow: what `fuse_epilogue` does,
/// as far as it needs no shapes.
inline void fuse_activation(rewriter& r) {
  auto& g = r.get();
  for (auto const id : g.topological_order()) {
    if (!r.may_rewrite()) return;
    auto const& n = g.at(id);
    auto const* const anchor = producer(g, n, 0);
    if (!anchor || !detail::takes_epilogue(*anchor)) continue;
    if (!detail::is_activation(g, n) || !used_once(g, n.inputs[0])) continue;
    pointwise_cluster c{.nodes = {id}, .inputs = {n.inputs[0]}};
    c.function = expr::flatten(bind(n).expression(std::array{expr::input(0)}), 1);
    if (detail::move_into_epilogue(g, c, n.inputs[0])) r.rewrote();
  }
}

}  // namespace sinter::passes
