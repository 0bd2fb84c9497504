#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_identity.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

namespace detail {

/// The permutation of a Transpose; without `perm` it reverses the axes.
inline std::vector<std::int64_t> permutation(node const& n, std::size_t rank) {
  std::vector<std::int64_t> reversed;
  for (auto axis = static_cast<std::int64_t>(rank); axis-- > 0;) reversed.push_back(axis);
  return attribute_or(n, "perm", reversed);
}

/// A Reshape to the constant shape `to`.
inline node reshape_node(graph& g, value_id from, shape const& to) {
  auto const target = any_tensor::of<std::int64_t>({static_cast<std::int64_t>(to.rank())}, to.span());
  auto const extents = g.add_constant(g.at(from).name + "_shape", target);
  node made{.op = "Reshape", .version = 14, .inputs = {from, extents}};
  made.attributes = {{"allowzero", std::int64_t{1}}};
  return made;
}

}  // namespace detail

/// Merges a Transpose of a Transpose, and turns a Transpose that moves only axes of one element into a Reshape, which
/// moves no bytes.
inline void eliminate_transposes(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (!is(g.at(id), "Transpose") || !g.at(g.at(id).inputs[0]).type.shape) return;
    auto const rank = g.at(g.at(id).inputs[0]).type.shape->rank();
    auto order = detail::permutation(g.at(id), rank);
    if (auto const* before = producer(g, g.at(id), 0); before && is(*before, "Transpose")) {
      auto const first = detail::permutation(*before, rank);
      for (auto& axis : order) axis = first[static_cast<std::size_t>(axis)];
      g.at(id).attributes["perm"] = order;
      g.set_input(id, 0, before->inputs[0]);
      r.rewrote();
    }
    auto const in = g.at(id).inputs[0], out = g.at(id).outputs[0];
    auto const extents = *g.at(out).type.shape;
    if (!r.may_rewrite() || !detail::keeps_order(*g.at(in).type.shape, order)) return;
    replace_node(g, id, detail::reshape_node(g, in, extents));
    r.rewrote();
  });
}

}  // namespace sinter::passes
