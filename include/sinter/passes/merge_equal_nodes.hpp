#pragma once

#include <sinter/passes/fold_constants.hpp>

namespace sinter::passes {

namespace detail {

/// Whether two attributes are equal; tensors and graphs count as different unless they are the same object.
inline bool equal_attributes(attribute const& a, attribute const& b) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&]<typename T>(T const& value) {
        auto const& other = std::get<T>(b);
        if constexpr (std::is_same_v<T, any_tensor>)
          return value.shares_elements(other) && value.shape() == other.shape();
        else
          return value == other;
      },
      a);
}

inline bool computes_the_same(node const& a, node const& b) {
  return a.op == b.op && a.domain == b.domain && a.version == b.version && a.inputs == b.inputs &&
         a.outputs.size() == b.outputs.size() &&
         std::ranges::equal(a.attributes, b.attributes, [](auto const& x, auto const& y) {
           return x.first == y.first && equal_attributes(x.second, y.second);
         });
}

/// Whether the outputs of `duplicate` can be read from `original`: graph outputs keep their own producer.
inline bool replaceable(graph const& g, node const& duplicate, node const& original) {
  for (std::size_t i = 0; i < duplicate.outputs.size(); ++i) {
    if (!duplicate.outputs[i]) continue;
    if (!original.outputs[i] || g.is_output(duplicate.outputs[i])) return false;
  }
  return true;
}

/// A node before `id` that computes the same; only users of the same first input are asked.
inline node_id earlier_equal(graph const& g, node_id id, std::vector<std::int32_t> const& position) {
  auto const& n = g.at(id);
  auto const at = [&](node_id node) { return position[static_cast<std::size_t>(node.index)]; };
  for (auto const other : g.at(n.inputs[0]).users)
    if (at(other) < at(id) && computes_the_same(n, g.at(other)) && replaceable(g, n, g.at(other))) return other;
  return {};
}

}  // namespace detail

/// Keeps one of several nodes that compute the same from the same inputs. Random operators stay apart.
inline void merge_equal_nodes(rewriter& r) {
  auto& g = r.get();
  auto const order = g.topological_order();
  std::vector<std::int32_t> position(g.node_capacity());
  for (std::size_t i = 0; i < order.size(); ++i)
    position[static_cast<std::size_t>(order[i].index)] = static_cast<std::int32_t>(i);
  for (auto const id : order) {
    if (!r.may_rewrite()) return;
    auto const& n = g.at(id);
    if (n.inputs.empty() || !n.inputs[0] || g.at(n.inputs[0]).users.size() < 2 || detail::is_random(n)) continue;
    auto const other = detail::earlier_equal(g, id, position);
    if (!other) continue;
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      if (n.outputs[i]) g.replace_uses(n.outputs[i], g.at(other).outputs[i]);
    g.erase(id);
    r.rewrote();
  }
}

}  // namespace sinter::passes
