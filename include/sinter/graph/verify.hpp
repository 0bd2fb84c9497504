#pragma once

#include <sinter/graph/graph.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace sinter {

namespace detail {

/// The checks of `verify`, one member for each rule.
class graph_verifier {
 public:
  explicit graph_verifier(graph const& g) : graph_(g) {}

  void run() const {
    each_node([&](node_id id, node const& n) { check_node(id, n); });
    for (std::size_t i = 0; i < graph_.value_count(); ++i) check_value({static_cast<std::int32_t>(i)});
    check_ports();
    check_uses();
    graph_.topological_order();
    each_node([&](node_id, node const& n) { check_subgraphs(n); });
  }

 private:
  template <typename Visit>
  void each_node(Visit visit) const {
    for (std::size_t i = 0; i < graph_.node_capacity(); ++i) {
      node_id const id{static_cast<std::int32_t>(i)};
      if (!graph_.at(id).erased) visit(id, graph_.at(id));
    }
  }

  template <typename... Args>
  [[noreturn]] static void broken(fmt::format_string<Args...> format, Args&&... args) {
    fail(error_code::malformed_model, "broken graph: {}", fmt::format(format, std::forward<Args>(args)...));
  }

  bool exists(value_id id) const { return static_cast<std::size_t>(id.index) < graph_.value_count(); }
  bool is_live(node_id id) const {
    return static_cast<std::size_t>(id.index) < graph_.node_capacity() && !graph_.at(id).erased;
  }
  std::string describe(value_id id) const { return fmt::format("value {} '{}'", id.index, graph_.at(id).name); }
  static std::string describe(node_id id, node const& n) {
    return fmt::format("node {} '{}' ({})", id.index, n.name, n.op);
  }

  void check_node(node_id id, node const& n) const {
    if (n.op.empty()) broken("{} has no operator", describe(id, n));
    for (auto const in : n.inputs)
      if (in && !exists(in)) broken("{} reads value {}, which does not exist", describe(id, n), in.index);
    for (auto const out : n.outputs) {
      if (!out) continue;
      if (!exists(out)) broken("{} writes value {}, which does not exist", describe(id, n), out.index);
      if (graph_.at(out).producer != id)
        broken("{} writes {}, whose producer is node {}", describe(id, n), describe(out),
               graph_.at(out).producer.index);
      if (std::ranges::count(n.outputs, out) > 1) broken("{} writes {} twice", describe(id, n), describe(out));
    }
  }

  void check_value(value_id id) const {
    auto const& v = graph_.at(id);
    if (v.is_constant()) {
      if (v.producer) broken("{} is constant and has a producer, node {}", describe(id), v.producer.index);
      if (v.type != tensor_type{v.constant.type(), v.constant.shape()})
        broken("{} is constant and its type is not that of its bytes", describe(id));
    }
    if (!v.producer) return;
    if (!is_live(v.producer)) broken("{} is produced by node {}, which is erased", describe(id), v.producer.index);
    auto const& producer = graph_.at(v.producer);
    if (std::ranges::find(producer.outputs, id) == producer.outputs.end())
      broken("{} does not write {}, though the value names it as producer", describe(v.producer, producer),
             describe(id));
  }

  /// The users of all values are exactly the inputs of all nodes, and what is used is defined.
  void check_uses() const {
    std::vector<std::pair<value_id, node_id>> read, listed;
    each_node([&](node_id id, node const& n) {
      for (auto const in : n.inputs)
        if (in) read.emplace_back(in, id);
    });
    std::vector<bool> defined(graph_.value_count());
    for (auto const& in : graph_.inputs)
      if (in.value && exists(in.value)) defined[static_cast<std::size_t>(in.value.index)] = true;
    for (std::size_t i = 0; i < graph_.value_count(); ++i) {
      value_id const id{static_cast<std::int32_t>(i)};
      auto const& v = graph_.at(id);
      for (auto const user : v.users) listed.emplace_back(id, user);
      if (!v.users.empty() && !defined[i] && !v.producer && !v.is_constant())
        broken("{} is used by node {} and nothing defines it", describe(id), v.users.front().index);
    }
    std::ranges::sort(read);
    std::ranges::sort(listed);
    auto const [r, l] = std::ranges::mismatch(read, listed);
    if (r != read.end() && (l == listed.end() || *r < *l))
      broken("{} reads {} more often than the value lists it as user", describe(r->second, graph_.at(r->second)),
             describe(r->first));
    if (l != listed.end())
      broken("{} lists node {} as user more often than that node reads it", describe(l->first), l->second.index);
  }

  void check_ports() const {
    std::vector<value_id> seen;
    for (auto const& in : graph_.inputs) {
      if (!in.value || !exists(in.value)) broken("input {} of the graph does not exist", in.value.index);
      if (graph_.at(in.value).producer) broken("{} is an input of the graph and has a producer", describe(in.value));
      seen.push_back(in.value);
    }
    std::ranges::sort(seen);
    if (auto const twice = std::ranges::adjacent_find(seen); twice != seen.end())
      broken("{} is an input of the graph twice", describe(*twice));
    for (auto const& out : graph_.outputs) {
      if (!out.value || !exists(out.value)) broken("output {} of the graph does not exist", out.value.index);
      auto const& v = graph_.at(out.value);
      if (!v.producer && !v.is_constant() && !std::ranges::binary_search(seen, out.value))
        broken("{} is an output of the graph and nothing defines it", describe(out.value));
    }
  }

  static void check_subgraphs(node const& n) {
    for (auto const& entry : n.attributes) {
      auto const* const subgraph = std::get_if<std::shared_ptr<graph const>>(&entry.second);
      if (!subgraph) continue;
      if (!*subgraph) broken("attribute '{}' of node '{}' ({}) holds no graph", entry.first, n.name, n.op);
      with_context([&] { return fmt::format("attribute '{}' of node '{}' ({})", entry.first, n.name, n.op); },
                   [&] { graph_verifier(**subgraph).run(); });
    }
  }

  graph const& graph_;
};

}  // namespace detail

/// The executable specification of a graph. Throws `error_code::malformed_model` with the node or value at fault unless
/// - every input of a node exists and every used value is defined: by a node, as constant, or as input of the graph;
/// - a value has one producer at most, which is not erased and lists it as output; constants and inputs have none;
/// - the users that values list are exactly the inputs of the nodes, as often as they occur;
/// - the type of a constant is that of its bytes;
/// - graph inputs are distinct, and graph outputs are defined;
/// - there is no cycle;
/// - the subgraphs in attributes satisfy the same rules.
inline void verify(graph const& g) { detail::graph_verifier(g).run(); }

/// After type inference: `error_code::malformed_model` names a value that a node reads or the graph gives, and whose
/// element type is not known. Rewrites may rely on it when they compare types.
inline void verify_types(graph const& g) {
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    value_id const id{static_cast<std::int32_t>(i)};
    auto const& v = g.at(id);
    if (v.type.element == dtype::undefined && (!v.users.empty() || g.is_output(id)))
      fail(error_code::malformed_model, "the element type of value '{}' is not known", v.name);
  }
}

}  // namespace sinter
