#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/infer_types.hpp>
#include <sinter/passes/match.hpp>

#include <memory>

namespace sinter::passes {

namespace detail {

/// The branch that an If with a constant condition takes, or null.
inline std::shared_ptr<graph const> taken_branch(graph const& g, node const& n) {
  if (!is(n, "If")) return nullptr;
  auto const* condition = constant_input(g, n, 0);
  if (!condition || condition->type() != dtype::boolean || condition->elements() != 1) return nullptr;
  auto const name = condition->as<bool>()[0] ? "then_branch" : "else_branch";
  return attribute_or(n, name, std::shared_ptr<graph const>{});
}

/// Copies the nodes of a subgraph into a graph.
class inliner {
 public:
  inliner(graph& g, graph const& body) : graph_(g), body_(body), copies_(body.value_count()) {}

  /// The value that stands for value `id` of the subgraph.
  value_id copy_of(value_id id) {
    if (!id) return {};
    auto& copy = copies_[static_cast<std::size_t>(id.index)];
    auto const& v = body_.at(id);
    if (!copy) copy = v.is_constant() ? graph_.add_constant(v.name, v.constant) : graph_.add_value(v.name, v.type);
    return copy;
  }
  void bind_input(std::size_t i, value_id outer) {
    copies_[static_cast<std::size_t>(body_.inputs[i].value.index)] = outer;
  }
  void copy_nodes() {
    for (auto const id : body_.topological_order()) {
      auto n = body_.at(id);
      for (auto& in : n.inputs) in = copy_of(in);
      for (auto& out : n.outputs) out = copy_of(out);
      infer_types(graph_, graph_.at(graph_.add_node(std::move(n))));
    }
  }

 private:
  graph& graph_;
  graph const& body_;
  std::vector<value_id> copies_;
};

}  // namespace detail

/// Puts the nodes of the branch that is taken in place of an If whose condition is constant. Identities carry the
/// results to the outputs of the If.
inline void inline_branches(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const body = detail::taken_branch(g, g.at(id));
    if (!body || body->inputs.size() + 1 != g.at(id).inputs.size()) return;
    auto const inputs = g.at(id).inputs, outputs = g.at(id).outputs;
    auto const name = g.at(id).name;
    g.erase(id);
    detail::inliner copy(g, *body);
    for (std::size_t i = 0; i < body->inputs.size(); ++i) copy.bind_input(i, inputs[i + 1]);
    copy.copy_nodes();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!outputs[i]) continue;
      auto const result = copy.copy_of(body->outputs[i].value);
      node identity{.name = name, .op = "Identity", .version = 13, .inputs = {result}, .outputs = {outputs[i]}};
      infer_types(g, g.at(g.add_node(std::move(identity))));
    }
    r.rewrote();
  });
}

}  // namespace sinter::passes
