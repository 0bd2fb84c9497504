#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

namespace detail {

/// Of the Concats along `axis` whose inputs are the first ones of `n`, the one with the most inputs.
inline node_id longest_prefix(graph const& g, node_id id, std::int64_t axis) {
  auto const& n = g.at(id);
  node_id best{};
  for (auto const other : g.at(n.inputs[0]).users) {
    auto const& shorter = g.at(other);
    if (other == id || !is(shorter, "Concat") || shorter.inputs.size() < 2) continue;
    if (shorter.inputs.size() >= n.inputs.size() || attribute_or<std::int64_t>(shorter, "axis", 1) != axis) continue;
    if (best && shorter.inputs.size() <= g.at(best).inputs.size()) continue;
    if (std::equal(shorter.inputs.begin(), shorter.inputs.end(), n.inputs.begin())) best = other;
  }
  return best;
}

}  // namespace detail

/// Lets a Concat whose inputs start with all inputs of another one read that one's output: the blocks of DenseNet
/// concatenate ever longer lists.
inline void concat_prefix(rewriter& r) {
  auto& g = r.get();
  std::vector<node_id> concats;
  for_each_node(r, [&](graph&, node_id id) {
    if (is(g.at(id), "Concat") && g.at(id).inputs.size() > 2) concats.push_back(id);
  });
  std::ranges::sort(concats, [&](auto a, auto b) { return g.at(a).inputs.size() > g.at(b).inputs.size(); });
  for (auto const id : concats) {
    if (!r.may_rewrite()) return;
    auto const prefix = detail::longest_prefix(g, id, attribute_or<std::int64_t>(g.at(id), "axis", 1));
    if (!prefix) continue;
    std::vector<value_id> inputs{g.at(prefix).outputs[0]};
    auto const skip = static_cast<std::ptrdiff_t>(g.at(prefix).inputs.size());
    inputs.insert(inputs.end(), g.at(id).inputs.begin() + skip, g.at(id).inputs.end());
    set_inputs(g, id, std::move(inputs));
    r.rewrote();
  }
}

}  // namespace sinter::passes
