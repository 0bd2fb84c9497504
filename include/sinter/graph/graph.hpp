#pragma once

#include <sinter/core/dimension.hpp>
#include <sinter/core/tensor.hpp>
#include <sinter/graph/attributes.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>
#include <string>
#include <vector>

namespace sinter {

/// What is known of a value: its element type, and its shape unless that depends on data.
struct tensor_type {
  dtype element = dtype::undefined;
  std::optional<sinter::shape> shape{};

  friend bool operator==(tensor_type const&, tensor_type const&) = default;
};

/// Index of a value in its graph. The default names none: an omitted optional input or output.
struct value_id {
  std::int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
  friend auto operator<=>(value_id, value_id) = default;
};

/// Index of a node in its graph.
struct node_id {
  std::int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
  friend auto operator<=>(node_id, node_id) = default;
};

/// An edge of the graph: produced by one node, or by none (graph inputs and constants); used by any number.
struct value {
  std::string name{};
  tensor_type type{};
  any_tensor constant{};         ///< the bytes, when the value is known before the model runs
  node_id producer{};            ///< none for graph inputs and constants
  std::vector<node_id> users{};  ///< one entry for each use as a node's input, in no order

  bool is_constant() const { return static_cast<bool>(constant); }
};

/// What a node was bound to: `bind` in ops/operator.hpp.
struct bound_node;

/// One operation. `domain` is empty for ai.onnx; fused operators are of the domain `sinter`.
struct node {
  std::string name{};
  std::string domain{};
  std::string op{};
  std::int64_t version = 0;  ///< version of the operator set of `domain` that the model was written for
  attribute_map attributes{};
  std::vector<value_id> inputs{};   ///< omitted optional inputs are `value_id{}`
  std::vector<value_id> outputs{};  ///< unused optional outputs are `value_id{}`
  bool erased = false;
  std::shared_ptr<bound_node const> bound{};  ///< of this node or one it is a copy of, before any later change
};

/// An input or output of a graph as the model declares it; the declared shape of an output can lie.
struct port {
  value_id value{};
  declared_dimensions declared{};
  bool captured = false;  ///< of an input of a subgraph: a value of the graph around it
  bool appended = false;  ///< of an input: its memory is state, into which the program may append rows
};

/// A dataflow graph in SSA form. Copyable: constants and attributes are shared, everything else is copied. Node order
/// in storage has no meaning; `topological_order` gives one. Edges are changed through the members only, so that users
/// stay right.
class graph {
 public:
  std::string name;
  std::vector<port> inputs;
  std::vector<port> outputs;
  std::map<std::string, std::int64_t> opsets;  ///< domain to version, "" for ai.onnx

  value_id add_value(std::string name, tensor_type type = {});
  value_id add_constant(std::string name, any_tensor constant);
  /// Appends a node; `n.outputs` must have no producer yet.
  node_id add_node(node n);
  /// Removes a node; its outputs must have no users left and be no graph outputs, or get another producer before
  /// `verify`.
  void erase(node_id id);
  /// Makes every user of `from`, and every graph output that names it, use `to`.
  void replace_uses(value_id from, value_id to);
  void set_input(node_id id, std::size_t slot, value_id to);
  /// Turns a value into a constant; its producer, if any, loses that output.
  void make_constant(value_id id, any_tensor constant);

  /// References stay valid while nodes and values are added.
  node const& at(node_id id) const { return nodes_[static_cast<std::size_t>(id.index)]; }
  node& at(node_id id) { return nodes_[static_cast<std::size_t>(id.index)]; }
  value const& at(value_id id) const { return values_[static_cast<std::size_t>(id.index)]; }
  value& at(value_id id) { return values_[static_cast<std::size_t>(id.index)]; }

  std::size_t node_capacity() const { return nodes_.size(); }
  std::size_t value_count() const { return values_.size(); }
  /// Nodes that are not erased, each after the producers of its inputs; stable with regard to storage
  /// order. A cycle is `error_code::malformed_model`.
  std::vector<node_id> topological_order() const;
  bool is_output(value_id id) const;
  bool is_input(value_id id) const;

 private:
  void drop_use(value_id id, node_id user);
  std::vector<node_id> nodes_as_stored() const;

  std::deque<node> nodes_;
  std::deque<value> values_;
};

inline value_id graph::add_value(std::string value_name, tensor_type type) {
  values_.push_back(
      {.name = std::move(value_name), .type = std::move(type), .constant = {}, .producer = {}, .users = {}});
  return {static_cast<std::int32_t>(values_.size() - 1)};
}

inline value_id graph::add_constant(std::string value_name, any_tensor constant) {
  auto const id = add_value(std::move(value_name), {constant.type(), constant.shape()});
  at(id).constant = std::move(constant);
  return id;
}

inline node_id graph::add_node(node n) {
  node_id const id{static_cast<std::int32_t>(nodes_.size())};
  for (auto const in : n.inputs)
    if (in) at(in).users.push_back(id);
  for (auto const out : n.outputs) {
    if (!out) continue;
    SINTER_ASSERT(!at(out).producer && !at(out).is_constant());
    at(out).producer = id;
  }
  nodes_.push_back(std::move(n));
  return id;
}

inline void graph::drop_use(value_id id, node_id user) {
  if (!id) return;
  auto& users = at(id).users;
  auto const it = std::ranges::find(users, user);
  SINTER_ASSERT(it != users.end());
  users.erase(it);
}

inline void graph::erase(node_id id) {
  auto& n = at(id);
  SINTER_ASSERT(!n.erased);
  for (auto const in : n.inputs) drop_use(in, id);
  for (auto const out : n.outputs)
    if (out && at(out).producer == id) at(out).producer = {};
  n.inputs.clear();
  n.outputs.clear();
  n.attributes.clear();
  n.bound.reset();
  n.erased = true;
}

inline void graph::replace_uses(value_id from, value_id to) {
  if (from == to) return;
  auto users = std::move(at(from).users);
  at(from).users.clear();
  for (auto const user : users) {
    at(to).users.push_back(user);
    auto& inputs_of_user = at(user).inputs;
    *std::ranges::find(inputs_of_user, from) = to;
  }
  for (auto& out : outputs)
    if (out.value == from) out.value = to;
}

inline void graph::set_input(node_id id, std::size_t slot, value_id to) {
  drop_use(at(id).inputs[slot], id);
  at(id).inputs[slot] = to;
  if (to) at(to).users.push_back(id);
}

inline void graph::make_constant(value_id id, any_tensor constant) {
  auto& v = at(id);
  if (v.producer) {
    for (auto& out : at(v.producer).outputs)
      if (out == id) out = {};
    v.producer = {};
  }
  v.type = {constant.type(), constant.shape()};
  v.constant = std::move(constant);
}

inline bool graph::is_output(value_id id) const {
  return std::ranges::any_of(outputs, [&](port const& p) { return p.value == id; });
}

inline bool graph::is_input(value_id id) const {
  return std::ranges::any_of(inputs, [&](port const& p) { return p.value == id; });
}

inline std::vector<node_id> graph::nodes_as_stored() const {
  std::vector<node_id> all;
  all.reserve(nodes_.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    if (!nodes_[i].erased) all.push_back({static_cast<std::int32_t>(i)});
  return all;
}

inline std::vector<node_id> graph::topological_order() const {
  auto order = nodes_as_stored();
  auto const comes_after_producers = [&](node_id id) {
    return std::ranges::all_of(at(id).inputs, [&](value_id in) { return !in || at(in).producer < id; });
  };
  if (std::ranges::all_of(order, comes_after_producers)) return order;
  std::vector<std::int32_t> waiting(nodes_.size(), 0);  // inputs that no ordered node has produced yet
  std::priority_queue<std::int32_t, std::vector<std::int32_t>, std::greater<>> ready;
  for (auto const id : order) {
    auto& inputs_left = waiting[static_cast<std::size_t>(id.index)];
    for (auto const in : at(id).inputs) inputs_left += in && at(in).producer;
    if (inputs_left == 0) ready.push(id.index);
  }
  auto const live = order.size();
  order.clear();
  while (!ready.empty()) {
    node_id const id{ready.top()};
    ready.pop();
    order.push_back(id);
    for (auto const out : at(id).outputs) {
      if (!out) continue;
      for (auto const user : at(out).users)
        if (--waiting[static_cast<std::size_t>(user.index)] == 0) ready.push(user.index);
    }
  }
  if (order.size() == live) return order;
  auto const stuck = std::ranges::find_if(waiting, [](std::int32_t left) { return left > 0; }) - waiting.begin();
  auto const& n = nodes_[static_cast<std::size_t>(stuck)];
  fail(error_code::malformed_model, "the graph has a cycle: node '{}' ({}) depends on itself or on nodes that do",
       n.name, n.op);
}

}  // namespace sinter
