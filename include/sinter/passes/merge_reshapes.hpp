#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_transposes.hpp>

#include <array>

namespace sinter::passes {

namespace detail {

/// Whether `n` gives the elements of its first input another shape, which is known, in the same order.
inline bool is_reshape(graph const& g, node const& n) {
  static constexpr std::array<std::string_view, 4> names{"Reshape", "Flatten", "Squeeze", "Unsqueeze"};
  return n.domain.empty() && std::ranges::find(names, n.op) != names.end() && g.at(n.outputs[0]).type.shape &&
         g.at(n.inputs[0]).type.shape;
}

}  // namespace detail

/// Lets a Reshape, Flatten, Squeeze or Unsqueeze of another one read that one's input: the last one decides the shape.
inline void merge_reshapes(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (!detail::is_reshape(g, g.at(id))) return;
    auto const* before = producer(g, g.at(id), 0);
    if (!before || !detail::is_reshape(g, *before)) return;
    auto const source = before->inputs[0];
    auto const extents = *g.at(g.at(id).outputs[0]).type.shape;
    replace_node(g, id, detail::reshape_node(g, source, extents));
    r.rewrote();
  });
}

}  // namespace sinter::passes
