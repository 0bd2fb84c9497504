#pragma once

#include <sinter/core/error.hpp>
#include <sinter/ops/control_form.hpp>
#include <sinter/ops/operator.hpp>
#include <sinter/passes/bake_captures.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/pass.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

/// Part of the implementation: defines `optimize`. Subgraphs are bound where what nodes give them has one shape,
/// so that they can be planned with the graph around them.
namespace sinter {

namespace detail {

/// Whether the inputs of a body have these types and passes have run on it, which leaves all nodes bound.
inline bool is_bound(graph const& body, std::vector<tensor_type> const& types) {
  auto const has_type = [&](port const& in, tensor_type const& t) { return body.at(in.value).type == t; };
  return std::ranges::equal(body.inputs, types, has_type) &&
         std::ranges::all_of(body.topological_order(), [&](node_id id) { return body.at(id).bound != nullptr; });
}

/// A body whose inputs have these types, optimised; null where it is so already, or does not fit them.
inline std::shared_ptr<graph const> bound_body(graph const& body, std::vector<tensor_type> const& types,
                                               optimize_options const& how, rewrite_totals& done) {
  if (body.inputs.size() != types.size() || is_bound(body, types)) return nullptr;
  auto made = std::make_shared<graph>(body);
  for (std::size_t i = 0; i < types.size(); ++i) made->at(made->inputs[i].value).type = types[i];
  try {
    auto const now = optimize(*made, how);
    done.rewrites += now.rewrites, done.folded_bytes += now.folded_bytes;
  } catch (error const&) {
    return nullptr;  // a branch that is not taken for these types; whoever runs it says what is wrong
  }
  for (auto const id : made->topological_order()) keep_bound(made->at(id));
  return made;
}

/// Binds the subgraphs of all nodes of `g`. Returns whether there was one to bind.
inline bool bind_bodies(graph& g, optimize_options const& how, rewrite_totals& done) {
  bool changed = false;
  for (auto const id : g.topological_order()) {
    auto n = g.at(id);
    if (passes::detail::subgraphs(n).empty()) continue;
    auto const form = control_form_of(n);
    auto const types = form ? body_input_types(g, n, *form) : std::nullopt;
    if (!types) continue;
    bool found = false;
    for (auto const& [name, body] : passes::detail::subgraphs(n))
      if (auto bound = bound_body(*body, *types, how, done)) n.attributes[name] = std::move(bound), found = true;
    if (!found) continue;
    passes::replace_node(g, id, std::move(n));
    changed = true;
  }
  return changed;
}

}  // namespace detail

rewrite_totals optimize(graph& g, optimize_options const& options) {
  rewrite_totals done;
  for (bool again = true; again;) {
    auto left = options;
    left.stop_after -= std::min(left.stop_after, done.rewrites);
    left.fold_bytes -= std::min(left.fold_bytes, done.folded_bytes);
    auto const now = run_passes(g, shapes::known, left);
    done.rewrites += now.rewrites, done.folded_bytes += now.folded_bytes;
    again = detail::bind_bodies(g, left, done);
  }
  return done;
}

}  // namespace sinter
