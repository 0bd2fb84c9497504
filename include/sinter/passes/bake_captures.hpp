#pragma once

#include <sinter/passes/edit.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// The subgraphs of a node, by the names of their attributes.
inline std::vector<std::pair<std::string, std::shared_ptr<graph const>>> subgraphs(node const& n) {
  std::vector<std::pair<std::string, std::shared_ptr<graph const>>> all;
  for (auto const& [name, a] : n.attributes)
    if (auto const* const body = std::get_if<std::shared_ptr<graph const>>(&a)) all.emplace_back(name, *body);
  return all;
}

/// How many of the last inputs of a node its subgraphs, which all capture the same values, see as theirs.
inline std::size_t captures(node const& n) {
  auto const bodies = subgraphs(n);
  if (bodies.empty()) return 0;
  return static_cast<std::size_t>(std::ranges::count(bodies[0].second->inputs, true, &port::captured));
}

/// `body` with a value for the input at `port`, which it loses.
inline std::shared_ptr<graph const> with_constant(graph const& body, std::size_t port, any_tensor const& value) {
  auto copy = std::make_shared<graph>(body);
  copy->make_constant(copy->inputs[port].value, value);
  copy->inputs.erase(copy->inputs.begin() + static_cast<std::ptrdiff_t>(port));
  return copy;
}

}  // namespace detail

/// Constants that the subgraphs of a node capture become constants of these, which so may be folded and packed.
inline void bake_captures(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto n = g.at(id);
    auto const first = n.inputs.size() - std::min(detail::captures(n), n.inputs.size());
    bool found = false;
    for (auto i = n.inputs.size(); i-- > first;) {
      auto const in = n.inputs[i];
      if (!in || !g.at(in).is_constant()) continue;
      auto const from_end = n.inputs.size() - i;
      for (auto const& [name, body] : detail::subgraphs(n))
        n.attributes[name] = detail::with_constant(*body, body->inputs.size() - from_end, g.at(in).constant);
      n.inputs.erase(n.inputs.begin() + static_cast<std::ptrdiff_t>(i));
      found = true;
    }
    if (!found) return;
    replace_node(g, id, std::move(n));
    r.rewrote();
  });
}

}  // namespace sinter::passes
