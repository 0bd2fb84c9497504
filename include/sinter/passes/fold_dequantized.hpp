#pragma once

#include <sinter/passes/fold_constants.hpp>

#include <algorithm>
#include <cstddef>

namespace sinter::passes {

namespace detail {

/// Gives nodes the numbers that quantised constants stand for, where `takes(user, slot)` holds for all that read them.
template <typename Takes>
void fold_dequantized_where(rewriter& r, Takes const& takes) {
  auto& g = r.get();
  auto const known = [&](value_id in) { return !in || g.at(in).is_constant(); };
  for (auto const id : g.topological_order()) {
    auto const& n = g.at(id);
    if (!r.may_rewrite()) return;
    if (!is(n, "DequantizeLinear") || !std::ranges::all_of(n.inputs, known) || g.is_output(n.outputs[0])) continue;
    auto const out = n.outputs[0];
    auto const reads_it = [&](node_id user) {
      auto const& inputs = g.at(user).inputs;
      for (std::size_t slot = 0; slot < inputs.size(); ++slot)
        if (inputs[slot] == out && !takes(g.at(user), slot)) return false;
      return true;
    };
    if (g.at(out).users.empty() || !g.at(out).type.shape || !std::ranges::all_of(g.at(out).users, reads_it)) continue;
    auto const bytes = g.at(out).type.shape->elements() * sizeof(float);
    if (bytes > r.fold_budget().left()) continue;
    r.fold_budget().charge(bytes);
    g.make_constant(out, compute(g, n)[0]);
    g.erase(id);
    r.rewrote();
  }
}

}  // namespace detail

/// Weights behind a DequantizeLinear that no operator on integers has taken become float32, as far as the budget goes:
/// products of float32 read constants.
inline void fold_dequantized(rewriter& r) {
  detail::fold_dequantized_where(
      r, [](node const& user, std::size_t slot) { return slot > 0 && detail::reads_weights(user); });
}

}  // namespace sinter::passes
