#pragma once

#include <sinter/core/hash.hpp>
#include <sinter/plan/kernel_set.hpp>
#include <sinter/plan/lowering.hpp>
#include <sinter/plan/memory.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/plan/sharing.hpp>
#include <sinter/program/verify.hpp>
#include <sinter/schedules/reorder.hpp>

#include <map>
#include <utility>

/// Part of the implementation: defines `plan`. Lowering chooses schedules and layouts, sharing lets tensors share
/// bytes, the planner builds the code, places the memory and binds addresses.
namespace sinter {
namespace detail {

class planner {
 public:
  planner(graph const& g, plan_options const& options) : g_(g), options_(options) {}

  program run() {
    l_ = lowering(g_, options_.machine).run();
    place_parts(l_);
    overwrite_operands(l_, g_);
    for (auto const& op : l_.operations) build(op);
    count_steps();
    place_memory();
    for (std::size_t i = 0; i < l_.operations.size(); ++i) emit(l_.operations[i], built_[i]);
    bind_ports();
    p_.kernels = kernels_.take();
    return std::move(p_);
  }

 private:
  /// What an operation does: code, whose kernels have their numbers in the program, or the call of an operator.
  struct built {
    fragment code{};
    std::vector<kernel_id> kernels{};
    host_call host{};
    std::size_t first_temporary = 0;  ///< allocation
  };

  node const* node_of(operation const& op) const { return op.node ? &g_.at(op.node) : nullptr; }

  operand_info operand(stored_id id, value_id v, bool placed = false) const {
    auto info = lowering::describe_operand(g_, v, id >= 0 ? l_.at(id).how : layout::row_major);
    if (id >= 0) info.item_stride = l_.item_stride(id);
    info.placed = placed;
    if (info.constant) info.constant_key = key_of(info.constant);
    return info;
  }

  /// Names a constant: by its place in the model's file, or by its content.
  static std::string key_of(any_tensor const& constant) {
    if (constant.type() == dtype::string) return {};
    if (constant.number() != 0) return fmt::format("#{}", constant.number());
    auto const d = content_digest({static_cast<std::byte const*>(constant.data()), constant.bytes()});
    return fmt::format("{:016x}{:016x}", d.high, d.low);
  }

  /// Node `id` of an operation, whose inputs are those from `first` on.
  scheduled_node scheduled(operation const& op, node_id id, std::size_t first) const {
    auto const& n = g_.at(id);
    scheduled_node s{.n = &n, .op = id == op.node ? op.op : bind(n), .first_input = static_cast<std::uint32_t>(first)};
    s.inputs.reserve(n.inputs.size());
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      s.inputs.push_back(operand(op.inputs[first + i], n.inputs[i], op.placed[first + i]));
    for (std::size_t i = 0; i < n.outputs.size(); ++i)
      s.outputs.push_back(operand(id == op.node ? op.outputs[i] : -1, n.outputs[i]));
    return s;
  }

  scheduled_node scheduled(operation const& op) const {
    std::vector<scheduled_node> before;
    std::size_t first = 0;
    for (auto const id : op.before) {
      before.push_back(scheduled(op, id, first));
      first += g_.at(id).inputs.size();
    }
    auto s = scheduled(op, op.node, first);
    s.before = std::move(before);
    return s;
  }

  void build(operation const& op) {
    auto& made = built_.emplace_back();
    auto const in_context = [&](auto&& make) { return with_context([&] { return describe(*node_of(op)); }, make); };
    if (op.kind == operation_kind::reorder) {
      auto const v = l_.at(op.inputs[0]).value;
      made.code = build_reorder(operand(op.inputs[0], v), operand(op.outputs[0], v), options_.machine);
    } else if (op.kind == operation_kind::scheduled) {
      made.code = in_context([&] { return op.how.build(scheduled(op)); });
    } else if (op.kind == operation_kind::host) {
      made.host = in_context([&] { return build_host(op); });
    }
    p_.scratch_bytes = std::max(p_.scratch_bytes, made.code.scratch_bytes);
    auto& known = options_.kernels ? *options_.kernels : own_kernels_;
    for (auto& kernel : made.code.kernels) made.kernels.push_back(kernels_.add(known.get(std::move(kernel))));
    made.code.kernels.clear();
  }

  /// The call of a node's kernel with the types of its operands and the size of its workspace, without places.
  host_call build_host(operation const& op) const {
    auto const& n = *node_of(op);
    host_call call{.op = op.op};
    std::vector<sinter::operand> operands;
    std::vector<tensor_view> in;
    std::vector<mutable_tensor_view> out;
    for (auto const v : n.inputs) {
      auto const& value = g_.at(v ? v : n.outputs[0]);
      operands.push_back(v ? sinter::operand{value.type, value.constant ? &value.constant : nullptr}
                           : sinter::operand{});
      in.push_back(v ? tensor_view{value.type.element, *value.type.shape} : tensor_view{});
    }
    for (auto const v : n.outputs)
      out.push_back(v ? mutable_tensor_view{g_.at(v).type.element, *g_.at(v).type.shape} : mutable_tensor_view{});
    call.kernel = op.op.kernel(inputs(operands));
    if (!call.kernel) return call;
    kernels::measuring_workspace memory;
    call.kernel.run(call.kernel.views(in), out, memory);
    call.scratch_bytes = static_cast<std::int64_t>(memory.bytes());
    return call;
  }

  std::int32_t steps_of(std::size_t i) const {
    auto const kind = l_.operations[i].kind;
    bool const evaluated = kind == operation_kind::host || kind == operation_kind::island;
    return evaluated ? 1 : static_cast<std::int32_t>(built_[i].code.regions.size());
  }

  void count_steps() {
    std::int32_t steps = 0;
    for (std::size_t i = 0; i < l_.operations.size(); ++i) {
      first_step_.push_back(steps);
      steps += steps_of(i);
    }
    first_step_.push_back(steps);
  }

  /// The steps of an operation interval, inclusive. An operation without steps counts as the step after it.
  std::pair<std::int32_t, std::int32_t> steps_of(lifetime const& life) const {
    auto const last_step = std::max(first_step_.back() - 1, 0);
    auto const first = std::min(first_step_[static_cast<std::size_t>(life.first)], last_step);
    auto const end = static_cast<std::size_t>(life.last) + 1;
    auto const last = end < first_step_.size() ? first_step_[end] - 1 : last_step;
    return {first, std::max(first, last)};
  }

  void place_memory() {
    add_tensors();
    for (std::size_t i = 0; i < built_.size(); ++i) add_workspaces(i);
    p_.arena_bytes = place_allocations(p_.allocations);
    p_.arena_bound = arena_lower_bound(p_.allocations);
    if (static_cast<std::uint64_t>(p_.arena_bytes) > options_.bounds.arena_bytes)
      fail(error_code::limit_exceeded,
           "the activations take {} bytes, limits.arena_bytes is {}; raise it or use smaller inputs", p_.arena_bytes,
           options_.bounds.arena_bytes);
  }

  void add_tensors() {
    auto const lifetimes = root_lifetimes(l_, g_);
    allocation_of_.assign(l_.tensors.size(), 0);
    for (std::size_t i = 0; i < l_.tensors.size(); ++i) {
      auto const& t = l_.tensors[i];
      if (t.base >= 0 || t.external || lifetimes[i].last < 0) continue;
      allocation_of_[i] = static_cast<std::uint32_t>(p_.allocations.size());
      auto const [first, last] = steps_of(lifetimes[i]);
      p_.allocations.push_back({.name = g_.at(t.value).name, .bytes = t.bytes(), .first = first, .last = last});
    }
  }

  /// What operation `i` works in besides its operands.
  void add_workspaces(std::size_t i) {
    auto& made = built_[i];
    made.first_temporary = p_.allocations.size();
    for (auto t : made.code.temporaries) {
      t.name += " of " + describe(*node_of(l_.operations[i]));
      t.first += first_step_[i], t.last += first_step_[i];
      p_.allocations.push_back(std::move(t));
    }
    auto& host = made.host;
    if (host.scratch_bytes == 0) return;
    host.scratch = {.in = space::arena, .index = static_cast<std::uint32_t>(p_.allocations.size())};
    p_.allocations.push_back({.name = "workspace of " + describe(*node_of(l_.operations[i])),
                              .bytes = host.scratch_bytes,
                              .first = first_step_[i],
                              .last = first_step_[i]});
  }

  address place_of(stored_id id) const {
    auto const root = l_.root(id);
    auto where = l_.at(root).external.value_or(
        address{.in = space::arena, .index = allocation_of_[static_cast<std::size_t>(root)]});
    where.offset += l_.root_offset(id);
    return where;
  }

  /// A block of packed weights, shared by all that ask for the same key.
  std::uint32_t weight(packing w) {
    auto const [it, fresh] = weight_of_.try_emplace(w.key, static_cast<std::uint32_t>(p_.weights.size()));
    if (fresh) p_.weights.push_back(std::move(w));
    return it->second;
  }

  /// A constant operand that a kernel reads as it is.
  packing plain_weight(any_tensor const& constant) const {
    return {.key = "plain:" + key_of(constant),
            .bytes = static_cast<std::int64_t>(constant.bytes()),
            .fill = [constant](std::byte* to) {
              constant.read(0, {to, constant.bytes()});
            }};
  }

  /// Turns an address of a fragment into one of the program.
  void relocate(address& a, operation const& op, std::vector<std::uint32_t> const& weights,
                std::size_t first_temporary) {
    address where = a;
    if (a.in == space::weight) {
      where.index = weights[a.index];
    } else if (a.in == space::arena) {
      where.index = static_cast<std::uint32_t>(first_temporary + a.index);
    } else if (a.in == space::input && op.inputs[a.index] < 0) {
      where.in = space::weight;
      where.index = weight(plain_weight(g_.at(op.values[a.index]).constant));
    } else if (a.in != space::scratch) {
      where = place_of(a.in == space::input ? op.inputs[a.index] : op.outputs[a.index]);
      where.offset += a.offset;
      where.stride = a.stride;
    }
    a = where;
  }

  void emit(operation const& op, built& made) {
    if (op.kind == operation_kind::covered) return;
    if (op.kind == operation_kind::island) return emit_island(op);
    if (op.kind == operation_kind::host) return emit_host(op, std::move(made.host));
    std::vector<std::uint32_t> weights;
    for (auto& w : made.code.weights) weights.push_back(weight(std::move(w)));
    for (auto& r : made.code.regions) {
      for (auto& g : r.grids)
        for (auto& s : g.body) {
          if (s.what == statement::kind::call) s.kernel = made.kernels[s.kernel.index];
          for (auto& a : s.arguments) relocate(a, op, weights, made.first_temporary);
        }
      add_step(op, std::move(r));
    }
  }

  template <typename Action>
  void add_step(operation const& op, Action action) {
    program_step step{.by = op.by, .action = std::move(action)};
    step.nodes = op.before;
    // A reorder stands for the node whose result it is.
    if (auto const id = op.node ? op.node : g_.at(l_.at(op.inputs[0]).value).producer) step.nodes.push_back(id);
    for (auto const id : step.nodes) {
      auto const& n = g_.at(id);
      auto const at = static_cast<std::size_t>(id.index);
      if (p_.nodes.size() <= at) p_.nodes.resize(at + 1);
      p_.nodes[at] = {.name = n.name, .domain = n.domain, .op = n.op, .version = n.version};
    }
    p_.steps.push_back(std::move(step));
  }

  view_binding view_of(stored_id id, value_id v) const {
    if (!v) return {};
    if (id >= 0) return {.type = g_.at(v).type, .where = place_of(id)};
    return {.type = g_.at(v).type, .constant = g_.at(v).constant};
  }

  void emit_host(operation const& op, host_call call) {
    auto const& n = *node_of(op);
    auto const seen = std::min(call.kernel ? call.kernel.reads : SIZE_MAX, n.inputs.size());
    for (std::size_t i = 0; i < seen; ++i) {
      call.inputs.push_back(view_of(op.inputs[i], n.inputs[i]));
      if (call.kernel && !call.kernel.shapes.empty() && n.inputs[i]) call.inputs[i].type.shape = call.kernel.shapes[i];
    }
    for (std::size_t i = 0; i < n.outputs.size(); ++i) call.outputs.push_back(view_of(op.outputs[i], n.outputs[i]));
    add_step(op, std::move(call));
  }

  void emit_island(operation const& op) {
    auto const& n = *node_of(op);
    island made{.op = op.op};
    for (std::size_t i = 0; i < n.inputs.size(); ++i) {
      auto const v = n.inputs[i];
      auto const slot = v ? l_.slot_of_value[static_cast<std::size_t>(v.index)] : -1;
      made.inputs.push_back({.slot = slot, .planned = slot >= 0 ? view_binding{} : view_of(op.inputs[i], v)});
    }
    for (auto const out : n.outputs)
      made.output_slots.push_back(out ? l_.slot_of_value[static_cast<std::size_t>(out.index)] : -1);
    add_step(op, std::move(made));
  }

  void bind_ports() {
    for (std::size_t i = 0; i < g_.inputs.size(); ++i)
      p_.inputs.push_back({.type = g_.at(g_.inputs[i].value).type,
                           .where = {.in = space::input, .index = static_cast<std::uint32_t>(i)}});
    for (auto const& out : g_.outputs) {
      auto const slot = l_.slot_of_value[static_cast<std::size_t>(out.value.index)];
      p_.output_slots.push_back(slot);
      p_.outputs.push_back(slot >= 0 ? view_binding{.type = g_.at(out.value).type}
                                     : view_of(l_.find(out.value, layout::row_major), out.value));
    }
    p_.slots = l_.slots;
  }

  graph const& g_;
  plan_options const& options_;
  lowered l_;
  program p_;
  std::vector<built> built_;                  // by operation
  std::vector<std::int32_t> first_step_;      // by operation, and the end
  std::vector<std::uint32_t> allocation_of_;  // by stored tensor
  std::map<std::string, std::uint32_t, std::less<>> weight_of_;
  kernel_store own_kernels_;
  kernel_set kernels_;
};

}  // namespace detail

program plan(graph const& g, plan_options const& options) {
  auto p = detail::planner(g, options).run();
  verify(p);
  return p;
}

}  // namespace sinter
