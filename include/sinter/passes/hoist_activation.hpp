#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

namespace detail {

/// Whether `n` is a growing function of its first input alone, and so may change places with a maximum, and cheap
/// enough to be computed for every element of the window.
inline bool is_cheap_and_growing(graph const& g, node const& n) {
  if (is(n, "Relu")) return true;
  if (!is(n, "Clip")) return false;
  for (std::size_t slot = 1; slot < n.inputs.size(); ++slot)
    if (n.inputs[slot] && !constant_input(g, n, slot)) return false;
  return true;
}

}  // namespace detail

/// Exchanges MaxPool of a convolution and a Relu or Clip after it, so that the activation can go into the
/// convolution's epilogue.
inline void hoist_activation(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (!detail::is_cheap_and_growing(g, g.at(id))) return;
    auto const pooled = g.at(id).inputs[0], out = g.at(id).outputs[0];
    auto const* pool = producer(g, g.at(id), 0);
    if (!pool || !is(*pool, "MaxPool") || pool->outputs.size() != 1 || !used_once(g, pooled)) return;
    auto const* before = producer(g, *pool, 0);
    if (!before || before->op != "Conv" || !used_once(g, pool->inputs[0])) return;
    auto const pool_id = g.at(pooled).producer;
    auto const in = pool->inputs[0];
    auto const activated = g.add_value(g.at(out).name + "_before_pool", g.at(in).type);
    g.set_input(pool_id, 0, {});
    g.set_input(id, 0, in);
    take_output(g, id, 0, activated);
    g.set_input(pool_id, 0, activated);
    take_output(g, pool_id, 0, out);
    r.rewrote();
  });
}

}  // namespace sinter::passes
