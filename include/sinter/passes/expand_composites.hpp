#pragma once

#include <sinter/ops/operator.hpp>
#include <sinter/passes/edit.hpp>

#include <map>
#include <string>
#include <utility>

namespace sinter::passes {

namespace detail {

/// Puts a body in the place of node `id`.
inline void splice(graph& g, node_id id, graph const& body) {
  auto const call = g.at(id);
  std::map<value_id, value_id> here;  // values of the body in `g`
  std::size_t next = 0;
  for (auto const in : call.inputs)
    if (in) here[body.inputs[next++].value] = in;
  g.erase(id);
  std::vector<std::pair<value_id, value_id>> copies;
  for (std::size_t i = 0; i < call.outputs.size(); ++i) {
    auto const out = call.outputs[i];
    if (!out) continue;
    auto const from = body.outputs[i].value;
    if (!body.at(from).producer || !here.emplace(from, out).second) copies.emplace_back(from, out);
    g.at(out).type = body.at(from).type;
  }
  auto const place = [&](value_id v) {
    if (!v) return v;
    auto const [it, is_new] = here.try_emplace(v);
    auto const& inner = body.at(v);
    auto outer_name = call.name + "/" + inner.name;
    if (is_new)
      it->second = inner.is_constant() ? g.add_constant(std::move(outer_name), inner.constant)
                                       : g.add_value(std::move(outer_name), inner.type);
    return it->second;
  };
  for (auto const inner : body.topological_order()) {
    auto n = body.at(inner);
    n.name = call.name + "/" + n.name;
    for (auto& v : n.inputs) v = place(v);
    for (auto& v : n.outputs) v = place(v);
    g.add_node(std::move(n));
  }
  for (auto const& [from, out] : copies)
    g.add_node({.name = call.name + "/" + g.at(out).name,
                .op = "Identity",
                .version = 14,
                .inputs = {place(from)},
                .outputs = {out}});
}

}  // namespace detail

/// Puts the bodies of composite operators in their place (ops/composite.hpp), where what these need is known: the
/// element types of the inputs, of most operators the shapes as well.
inline void expand_composites(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const op = bind(g.at(id));
    if (!op.entry->body) return;
    auto const operands = operands_of(g, g.at(id));
    inputs const in(operands);
    if (op.entry->element && !in.have_shapes()) return;
    auto const body =
        with_context([&] { return describe(g.at(id)); }, [&] { return op.entry->body(in, op.attributes.get()); });
    if (body.outputs.size() < g.at(id).outputs.size()) return;  // inference says so
    detail::splice(g, id, body);
    r.rewrote();
  });
}

}  // namespace sinter::passes
