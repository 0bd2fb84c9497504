#pragma once

#include <sinter/graph/rewriter.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// What passes do to nodes and values; graph outputs keep their names.
namespace sinter::passes {

/// Makes `id` produce `v` at output `slot` in place of what it produced there.
inline void take_output(graph& g, node_id id, std::size_t slot, value_id v) {
  auto& out = g.at(id).outputs[slot];
  if (out && g.at(out).producer == id) g.at(out).producer = {};
  out = v;
  g.at(v).producer = id;
}

/// Erases the node `id`, whose output `out` equals its input `in`. A graph output keeps its value, and with it its
/// name: then `in` is renamed, unless it is a graph input, a constant or another graph output. Returns whether it did.
inline bool bypass(graph& g, node_id id, value_id in, value_id out) {
  if (!g.is_output(out)) {
    g.replace_uses(out, in);
    g.erase(id);
    return true;
  }
  auto const source = g.at(in).producer;
  if (!source || g.is_output(in)) return false;
  g.erase(id);
  g.replace_uses(in, out);
  auto const& outputs = g.at(source).outputs;
  auto const slot = static_cast<std::size_t>(std::ranges::find(outputs, in) - outputs.begin());
  take_output(g, source, slot, out);
  return true;
}

/// Replaces the node `id` by `n`, which computes the same outputs, in its place.
inline void replace_node(graph& g, node_id id, node n) {
  auto& old = g.at(id);
  n.name = old.name;
  if (n.outputs.empty()) n.outputs = old.outputs;
  for (std::size_t slot = 0; slot < old.inputs.size(); ++slot) g.set_input(id, slot, {});
  old = std::move(n);
  for (auto const in : old.inputs)
    if (in) g.at(in).users.push_back(id);
}

/// Gives the node `id` other inputs.
inline void set_inputs(graph& g, node_id id, std::vector<value_id> inputs) {
  for (std::size_t slot = 0; slot < g.at(id).inputs.size(); ++slot) g.set_input(id, slot, {});
  g.at(id).inputs.assign(inputs.size(), {});
  for (std::size_t slot = 0; slot < inputs.size(); ++slot)
    if (inputs[slot]) g.set_input(id, slot, inputs[slot]);
}

/// The nodes that a pass over the whole graph visits: all that are not erased, in storage order.
template <typename Visit>
void for_each_node(rewriter& r, Visit&& visit) {
  auto& g = r.get();
  auto const count = g.node_capacity();
  for (std::size_t i = 0; i < count && r.may_rewrite(); ++i) {
    node_id const id{static_cast<std::int32_t>(i)};
    if (!g.at(id).erased) visit(g, id);
  }
}

}  // namespace sinter::passes
