#pragma once

#include <sinter/plan/build.hpp>
#include <sinter/plan/lowered.hpp>
#include <sinter/plan/placement.hpp>
#include <sinter/program/program.hpp>
#include <sinter/schedules/rounded.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

/// Built operations become the steps of one program: their weights, kernels and addresses are those of the program.
namespace sinter::detail {

/// Links the operations of a lowered graph, whose memory is placed.
class program_linker {
 public:
  program_linker(graph const& g, lowered const& l, arena_placement const& placement)
      : g_(g), l_(l), placement_(placement) {}

  /// `operations` are those of the graph, `kernels` has all that they name.
  program link(std::vector<built> operations, kernel_set& kernels) {
    p_.kernels = kernels.take();
    p_.device_kernels = kernels.take_device_kernels();
    p_.steps.reserve(operations.size());
    p_.nodes.reserve(g_.node_capacity());
    p_.on_device = l_.on_device;
    p_.allocations = placement_.arena().allocations;
    p_.arena_bytes = placement_.arena().bytes;
    p_.host_allocations = placement_.host().allocations;
    p_.host_bytes = placement_.host().bytes;
    p_.arena_bound = arena_lower_bound(p_.allocations);
    for (std::size_t i = 0; i < operations.size(); ++i) link(i, std::move(operations[i]));
    bind_ports();
    return std::move(p_);
  }

 private:
  /// A block of packed weights, shared by all that ask for the same key.
  std::uint32_t weight(packing w) {
    auto const [it, fresh] = weight_of_.try_emplace(w.key, static_cast<std::uint32_t>(p_.weights.size()));
    if (fresh) p_.weights.push_back(std::move(w));
    return it->second;
  }

  /// A constant operand that a kernel reads as it is, or rounded.
  packing plain_weight(any_tensor const& constant, dtype stored) const {
    if (stored != dtype::undefined) return pack_rounded(constant, key_of(constant), stored);
    return {.key = "plain:" + key_of(constant),
            .bytes = static_cast<std::int64_t>(constant.bytes()),
            .fill = [constant](std::byte* to) {
              constant.read(0, {to, constant.bytes()});
            }};
  }

  /// Turns an address of the fragment of operation `i` into one of the program.
  void relocate(address& a, std::size_t i, std::vector<std::uint32_t> const& weights) {
    auto const& op = l_.operations[i];
    address where = a;
    if (a.in == space::weight) {
      where.index = weights[a.index];
    } else if (a.in == space::arena) {
      where.index = static_cast<std::uint32_t>(placement_.first_temporary(i) + a.index);
    } else if (a.in == space::input && op.inputs[a.index] < 0) {
      where.in = space::weight;
      where.index = weight(plain_weight(g_.at(op.values[a.index]).constant, op.stored(a.index)));
    } else if (a.in == space::state) {
      where.offset += first_state_;
    } else if (a.in == space::check) {
      where.index += first_check_;
    } else if (a.in != space::scratch) {
      where = placement_.place_of(a.in == space::input ? op.inputs[a.index] : op.outputs[a.index]);
      where.offset += a.offset;
      where.stride = a.stride;
    }
    a = where;
  }

  void link(std::size_t i, built made) {
    auto const& op = l_.operations[i];
    if (op.kind == operation_kind::covered) return;
    if (op.kind == operation_kind::island) return link_island(op);
    if (op.kind == operation_kind::host) return link_host(i, std::move(made.host));
    if (op.kind == operation_kind::transfer) return link_transfer(op);
    p_.scratch_bytes = std::max(p_.scratch_bytes, made.code.scratch_bytes);
    first_state_ = std::exchange(p_.state_bytes, checked_add(p_.state_bytes, made.code.state_bytes));
    first_check_ = static_cast<std::uint32_t>(p_.checks.size());
    for (auto& c : made.code.checks) p_.checks.push_back({op.node, c.least, c.greatest});
    std::vector<std::uint32_t> weights;
    for (auto& w : made.code.weights) weights.push_back(weight(std::move(w)));
    for (auto& r : made.code.regions) {
      for (auto& g : r.grids)
        for (auto& s : g.body) {
          if (s.what == statement::kind::call) s.kernel = made.kernels[s.kernel.index];
          for (auto& a : s.arguments) relocate(a, i, weights);
        }
      add_step(op, std::move(r));
    }
    for (auto& each : made.code.launches) {
      each.kernel = made.device_kernels[each.kernel.index];
      for (auto& a : each.arguments) relocate(a, i, weights);
      add_step(op, std::move(each));
    }
    link_bodies(i, std::move(made), weights);
  }

  /// The steps of subgraphs, whose nodes have numbers behind those of the graph.
  void link_bodies(std::size_t i, built made, std::vector<std::uint32_t> const& weights) {
    if (made.steps.empty()) return;
    auto const first = std::max(p_.nodes.size(), g_.node_capacity());
    p_.nodes.resize(first);
    for (auto& n : made.nodes)
      p_.nodes.push_back({.name = n.name, .domain = n.domain, .op = n.op, .version = n.version});
    for (auto& s : made.steps) {
      for_each_address_of_step(s, [&](address& a) { relocate(a, i, weights); });
      if (s.nodes.empty()) {
        add_step(l_.operations[i], std::move(s.action), std::move(s.by));
      } else {
        for (auto& n : s.nodes) n.index += static_cast<std::int32_t>(first);
        p_.steps.push_back(std::move(s));
      }
    }
  }

  void link_transfer(operation const& op) {
    auto const v = l_.at(op.inputs[0]).value;
    add_step(op, transfer{.from = view_of(op.inputs[0], v), .to = view_of(op.outputs[0], v)});
  }

  template <typename Action>
  void add_step(operation const& op, Action action) {
    add_step(op, std::move(action), std::string(op.by));
  }

  template <typename Action>
  void add_step(operation const& op, Action action, std::string by) {
    program_step step{.by = std::move(by), .action = std::move(action)};
    step.nodes = op.part ? op.part->nodes : op.before;
    // A reorder stands for the node whose result it is.
    auto const id = op.node ? op.node : g_.at(l_.at(op.inputs[0]).value).producer;
    if (id && !op.part) step.nodes.push_back(id);
    for (auto const of : step.nodes) {
      auto const& n = g_.at(of);
      auto const at = static_cast<std::size_t>(of.index);
      if (p_.nodes.size() <= at) p_.nodes.resize(at + 1);
      p_.nodes[at] = {.name = n.name, .domain = n.domain, .op = n.op, .version = n.version};
    }
    p_.steps.push_back(std::move(step));
  }

  view_binding view_of(stored_id id, value_id v) const {
    if (!v) return {};
    if (id < 0) return {.type = g_.at(v).type, .constant = g_.at(v).constant};
    auto const& t = l_.at(id);
    return {.type = t.type, .where = placement_.place_of(id), .slot = slot_of(v), .axis = t.open_axis};
  }

  std::int32_t slot_of(value_id v) const { return v ? l_.slot_of_value[static_cast<std::size_t>(v.index)] : -1; }

  void link_host(std::size_t number, host_call call) {
    auto const& op = l_.operations[number];
    auto const& n = g_.at(op.node);
    if (call.scratch_bytes > 0)
      call.scratch = {.in = l_.on_device ? space::host : space::arena,
                      .index = static_cast<std::uint32_t>(placement_.first_temporary(number))};
    auto const seen = std::min(call.kernel ? call.kernel.reads : SIZE_MAX, n.inputs.size());
    for (std::size_t i = 0; i < seen; ++i) {
      call.inputs.push_back(view_of(op.inputs[i], n.inputs[i]));
      if (call.kernel && !call.kernel.shapes.empty() && n.inputs[i]) call.inputs[i].type.shape = call.kernel.shapes[i];
    }
    for (std::size_t i = 0; i < n.outputs.size(); ++i) call.outputs.push_back(view_of(op.outputs[i], n.outputs[i]));
    add_step(op, std::move(call));
  }

  void link_island(operation const& op) {
    auto const operands = [&](std::vector<value_id> const& values, std::vector<stored_id> const& places) {
      std::vector<island::operand> all;
      for (std::size_t i = 0; i < values.size(); ++i) {
        auto const v = values[i];
        auto const slot = slot_of(v);
        all.push_back({.slot = slot, .planned = slot >= 0 ? view_binding{} : view_of(places[i], v)});
      }
      return all;
    };
    auto const& n = g_.at(op.node);
    island made{.op = op.op, .compiled = op.compiled};
    if (op.part) made.body = std::shared_ptr<graph const>(op.part, &op.part->body);
    made.inputs = operands(op.part ? op.part->inputs : n.inputs, op.inputs);
    made.outputs = operands(op.part ? op.part->outputs : n.outputs, op.outputs);
    add_step(op, std::move(made));
  }

  void bind_ports() {
    for (std::size_t i = 0; i < g_.inputs.size(); ++i)
      p_.inputs.push_back({.type = g_.at(g_.inputs[i].value).type,
                           .where = {.in = space::input, .index = static_cast<std::uint32_t>(i)}});
    for (auto const& out : g_.outputs) {
      auto const slot = slot_of(out.value);
      p_.output_slots.push_back(slot);
      p_.outputs.push_back(slot >= 0 ? view_binding{.type = g_.at(out.value).type}
                                     : view_of(l_.find(out.value, layout::row_major), out.value));
    }
    p_.slots = l_.slots;
  }

  graph const& g_;
  lowered const& l_;
  arena_placement const& placement_;
  program p_;
  std::int64_t first_state_ = 0;   ///< where the state of the operation that is linked begins
  std::uint32_t first_check_ = 0;  ///< of its checks
  std::unordered_map<std::string, std::uint32_t> weight_of_;
};

}  // namespace sinter::detail
