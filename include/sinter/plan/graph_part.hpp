#pragma once

#include <sinter/graph/graph.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace sinter {

/// Some nodes of a graph as a graph of their own, with the same names.
struct graph_part {
  std::vector<node_id> nodes{};
  std::vector<value_id> inputs{};   ///< what others compute, in the order of `body.inputs`
  std::vector<value_id> outputs{};  ///< what others or the caller read, in the order of `body.outputs`
  graph body{};
};

namespace detail {

/// Copies nodes, given in topological order, into a `graph_part`.
class part_builder {
 public:
  part_builder(graph const& g, std::vector<node_id> nodes) : g_(g) {
    part_.nodes = std::move(nodes);
    part_.body.name = g.name;
    part_.body.opsets = g.opsets;
    inside_.insert(part_.nodes.begin(), part_.nodes.end());
  }

  graph_part run() {
    for (auto const id : part_.nodes) add(g_.at(id));
    return std::move(part_);
  }

 private:
  void add(node n) {
    auto const results = n.outputs;
    for (auto& in : n.inputs)
      if (in) in = read(in);
    for (auto& out : n.outputs)
      if (out) out = copy(out);
    part_.body.add_node(std::move(n));
    for (auto const out : results)
      if (out && leaves(out)) {
        part_.outputs.push_back(out);
        part_.body.outputs.push_back({.value = copied_.at(out)});
      }
  }

  value_id copy(value_id id) { return copied_[id] = part_.body.add_value(g_.at(id).name, g_.at(id).type); }

  value_id read(value_id id) {
    if (auto const it = copied_.find(id); it != copied_.end()) return it->second;
    auto const& v = g_.at(id);
    if (v.is_constant()) return copied_[id] = part_.body.add_constant(v.name, v.constant);
    part_.inputs.push_back(id);
    part_.body.inputs.push_back({.value = copy(id)});
    return copied_.at(id);
  }

  bool leaves(value_id id) const {
    auto const outside = [&](node_id user) { return !inside_.contains(user); };
    return g_.is_output(id) || std::ranges::any_of(g_.at(id).users, outside);
  }

  graph const& g_;
  graph_part part_;
  std::set<node_id> inside_;
  std::map<value_id, value_id> copied_;
};

}  // namespace detail

/// `nodes`, in topological order, as a graph of their own. Its inputs and outputs have the types known in `g`.
inline graph_part extract(graph const& g, std::vector<node_id> nodes) {
  return detail::part_builder(g, std::move(nodes)).run();
}

}  // namespace sinter
