#pragma once

#include <sinter/graph/rewriter.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

/// Erases nodes none of whose outputs is used.
inline void eliminate_dead(rewriter& r) {
  auto& g = r.get();
  auto const order = g.topological_order();
  for (auto it = order.rbegin(); it != order.rend(); ++it) {
    auto const id = *it;
    if (!r.may_rewrite()) return;
    auto const dead = [&](value_id out) { return !out || (g.at(out).users.empty() && !g.is_output(out)); };
    if (!std::ranges::all_of(g.at(id).outputs, dead)) continue;
    g.erase(id);
    r.rewrote();
  }
}

}  // namespace sinter::passes
