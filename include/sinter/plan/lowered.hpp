#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/plan/graph_part.hpp>
#include <sinter/program/address.hpp>
#include <sinter/schedules/schedule.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// The plan in the making: operations on stored tensors, before memory is placed and code is built.
namespace sinter::detail {

/// Index of a stored tensor; -1 for an operand that has none (constants, omitted operands, values on a heap).
using stored_id = std::int32_t;

/// A value in memory, in one layout. Its bytes are those of `base` where that is set: a view, a part of a larger
/// tensor, or an operand that is overwritten in place.
struct stored {
  value_id value{};
  tensor_type type{};
  layout how = layout::row_major;
  std::optional<address> external{};  ///< where it lies outside of the arena: graph inputs
  stored_id base = -1;
  std::int64_t base_offset = 0;  ///< bytes into each item of `base`; of a part on a device, into each run
  bool part = false;             ///< one of several tensors within each item, or run, of `base`
  bool viewed = false;           ///< some view shows its bytes
  bool has_parts = false;
  std::int32_t producer = -1;  ///< operation
  std::size_t open_axis = 0;   ///< of a value in a slot: the axis along which `type` is the most that there may be

  stored_id next = -1;  ///< the same value in another layout

  std::int64_t bytes() const { return tensor_bytes(*type.shape, type.element, how); }
  /// Neighbours along the innermost axis.
  std::int64_t run() const {
    if (type.shape->empty()) return 1;
    return how.is_channels_last() && type.shape->rank() > 2 ? (*type.shape)[1] : type.shape->back();
  }
};

enum class operation_kind : std::uint8_t {
  scheduled,  ///< code of a schedule
  view,       ///< output 0 shows the bytes of input 0
  reorder,    ///< input 0 to output 0, the same value in another layout
  transfer,   ///< the same between the memories of host and device
  host,       ///< the operator's kernel or `evaluate` on planned memory
  bodies,     ///< steps of the node's subgraphs and control around them
  island,     ///< the operator's `evaluate`, or a part of the graph, on a heap
  covered     ///< nothing: a later operation does it
};

/// One operation of the plan, in order of execution.
struct operation {
  operation_kind kind = operation_kind::host;
  node_id node{};
  bound_operator op{};
  std::vector<node_id> before{};  ///< further nodes that it computes, in order of execution
  std::string_view by{};          ///< the schedule
  candidate how{};
  double cost = INFINITY;          ///< with the reorders of its inputs
  std::vector<value_id> values{};  ///< of the inputs, node by node
  std::vector<stored_id> inputs{};
  std::vector<stored_id> outputs{};
  std::vector<bool> placed{};                ///< inputs that lie in output 0 already
  std::vector<bool> placed_outputs{};        ///< outputs that are parts of input 0; empty: none
  std::shared_ptr<graph_part const> part{};  ///< of an island of many nodes; `node` is the first one
  bool compiled = false;                     ///< see `island::compiled`
  bool is_view() const { return kind == operation_kind::view; }
  /// What its schedule reads input `i` as.
  dtype stored(std::size_t i) const {
    auto const& all = how.layouts.inputs;
    return i < all.size() ? all[i].stored : dtype::undefined;
  }
};

/// All that lowering finds out about a graph.
struct lowered {
  std::vector<stored> tensors{};
  std::vector<operation> operations{};
  std::vector<stored_id> of_value{};          ///< by value: the first of its tensors
  std::vector<std::int32_t> slot_of_value{};  ///< values whose shape depends on data
  std::int32_t slots = 0;
  bool on_device = false;  ///< see `program::on_device`

  /// The layout of what host calls and islands work on.
  layout host_layout() const { return on_device ? layout::host : layout::row_major; }
  stored& at(stored_id id) { return tensors[static_cast<std::size_t>(id)]; }
  stored const& at(stored_id id) const { return tensors[static_cast<std::size_t>(id)]; }
  stored_id add(stored t) {
    auto& first = of_value[static_cast<std::size_t>(t.value.index)];
    t.next = first;
    tensors.push_back(std::move(t));
    return first = static_cast<stored_id>(tensors.size() - 1);
  }
  /// The tensor of a value with the most of `rank(layout)`, which is no tensor where that is negative; -1: none.
  template <typename Rank>
  stored_id best(value_id v, Rank rank) const {
    stored_id found = -1;
    int most = -1;
    for (auto id = of_value[static_cast<std::size_t>(v.index)]; id >= 0; id = at(id).next)
      if (int const each = rank(at(id).how); each > most) most = each, found = id;
    return found;
  }
  stored_id find(value_id v, layout how) const {
    return best(v, [&](layout other) { return other == how ? 0 : -1; });
  }
  /// The tensor whose bytes `id` shares, through any number of views and parts.
  stored_id root(stored_id id) const {
    while (at(id).base >= 0) id = at(id).base;
    return id;
  }
  /// Bytes into each item of the root.
  std::int64_t root_offset(stored_id id) const {
    std::int64_t offset = 0;
    for (; at(id).base >= 0; id = at(id).base) offset += at(id).base_offset;
    return offset;
  }
  /// Distance between the items of axis 0 of a tensor.
  std::int64_t item_stride(stored_id id) const {
    while (at(id).part) id = at(id).base;
    return item_bytes(*at(id).type.shape, at(id).type.element, at(id).how);
  }
  /// What a tensor of a device is a slice of, by itself or by what it shows.
  tensor_slice slice(stored_id id) const {
    while (!at(id).part && at(id).base >= 0) id = at(id).base;
    if (!at(id).part) return {};
    tensor_slice s{.run = at(id).run()};
    while (at(id).part) id = at(id).base;
    s.pitch = at(id).run();
    return s;
  }
};

/// How a schedule sees a value: dense, in the layout `how`; nothing for an omitted operand.
inline operand_info describe_operand(graph const& g, value_id v, layout how) {
  if (!v) return {};
  auto const& value = g.at(v);
  operand_info info{.type = value.type, .how = how};
  if (value.type.shape) info.item_stride = item_bytes(*value.type.shape, value.type.element, how);
  if (value.is_constant()) info.constant = &value.constant;
  return info;
}

}  // namespace sinter::detail
