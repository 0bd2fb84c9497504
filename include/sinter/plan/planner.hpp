#pragma once

#include <sinter/core/hash.hpp>
#include <sinter/plan/kernel_set.hpp>
#include <sinter/plan/lowering.hpp>
#include <sinter/plan/memory.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/plan/sharing.hpp>
#include <sinter/plan/validate.hpp>
#include <sinter/schedules/reorder.hpp>
#include <sinter/vector/verify.hpp>

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
    for (std::size_t i = 0; i < l_.operations.size(); ++i) emit(i);
    bind_ports();
    p_.kernels = kernels_.take();
    return std::move(p_);
  }

 private:
  /// The code of an operation; its kernels are in `kernels_`, under these numbers.
  struct built_code {
    scheduled_code code{};
    std::vector<std::uint32_t> kernels{};
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

  scheduled_node scheduled(operation const& op) const {
    auto const& n = *node_of(op);
    scheduled_node s{.n = &n, .op = op.op};
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      s.inputs.push_back(operand(op.inputs[i], n.inputs[i], op.placed[i]));
    for (std::size_t i = 0; i < n.outputs.size(); ++i) s.outputs.push_back(operand(op.outputs[i], n.outputs[i]));
    return s;
  }

  void build(operation const& op) {
    auto& [code, kernels] = code_.emplace_back();
    if (op.kind == operation_kind::reorder) {
      auto const v = l_.at(op.inputs[0]).value;
      code = build_reorder(operand(op.inputs[0], v), operand(op.outputs[0], v), options_.machine);
    } else if (op.kind == operation_kind::scheduled) {
      code = with_context([&] { return describe(*node_of(op)); },
                          [&] { return op.by->build(scheduled(op), options_.machine); });
    }
    p_.scratch_bytes = std::max(p_.scratch_bytes, code.scratch_bytes);
    for (auto& grids : code.regions)
      for (auto& g : grids) kernels.push_back(kernels_.add(std::exchange(g.kernel, {})));
    hosts_.push_back(op.kind == operation_kind::host
                         ? with_context([&] { return describe(*node_of(op)); }, [&] { return build_host(op); })
                         : host_call{});
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
    auto const& op = l_.operations[i];
    bool const evaluated = op.kind == operation_kind::host || op.kind == operation_kind::island;
    return evaluated ? 1 : static_cast<std::int32_t>(code_[i].code.regions.size());
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
    auto const lifetimes = root_lifetimes(l_, g_);
    allocation_of_.assign(l_.tensors.size(), -1);
    for (std::size_t i = 0; i < l_.tensors.size(); ++i) {
      auto const& t = l_.tensors[i];
      if (t.base >= 0 || t.external || lifetimes[i].last < 0) continue;
      allocation_of_[i] = static_cast<std::int32_t>(p_.allocations.size());
      auto const [first, last] = steps_of(lifetimes[i]);
      p_.allocations.push_back({.name = g_.at(t.value).name, .bytes = t.bytes(), .first = first, .last = last});
    }
    auto const tensors = p_.allocations.size();
    for (std::size_t i = 0; i < hosts_.size(); ++i)
      if (hosts_[i].scratch_bytes > 0)
        p_.allocations.push_back({.name = "workspace of " + describe(*node_of(l_.operations[i])),
                                  .bytes = hosts_[i].scratch_bytes,
                                  .first = first_step_[i],
                                  .last = first_step_[i]});
    p_.arena_bytes = place_allocations(p_.allocations);
    auto next = tensors;
    for (auto& host : hosts_)
      if (host.scratch_bytes > 0) host.scratch = {.where = space::arena, .offset = p_.allocations[next++].offset};
    p_.arena_bound = arena_lower_bound(p_.allocations);
    if (static_cast<std::uint64_t>(p_.arena_bytes) > options_.bounds.arena_bytes)
      fail(error_code::limit_exceeded,
           "the activations take {} bytes, limits.arena_bytes is {}; raise it or use smaller inputs", p_.arena_bytes,
           options_.bounds.arena_bytes);
  }

  place place_of(stored_id id) const {
    auto const root = l_.root(id);
    auto const offset = l_.root_offset(id);
    if (l_.at(root).external) {
      auto where = *l_.at(root).external;
      where.offset += offset;
      return where;
    }
    auto const& a = p_.allocations[static_cast<std::size_t>(allocation_of_[static_cast<std::size_t>(root)])];
    return {.where = space::arena, .index = 0, .offset = a.offset + offset};
  }

  /// A block of packed weights, shared by all that ask for the same key.
  std::uint32_t weight(packed_weight w) {
    auto const [it, fresh] = weight_of_.try_emplace(w.key, static_cast<std::uint32_t>(p_.weights.size()));
    if (fresh) p_.weights.push_back({.key = std::move(w.key), .bytes = w.bytes, .fill = std::move(w.fill)});
    return it->second;
  }

  /// A constant operand that a kernel reads as it is.
  packed_weight plain_weight(any_tensor const& constant) const {
    return {.key = "plain:" + key_of(constant),
            .bytes = static_cast<std::int64_t>(constant.bytes()),
            .fill = [constant](std::byte* to) {
              constant.read(0, {to, constant.bytes()});
            }};
  }

  place place_of(source const& s, operation const& op, std::vector<std::uint32_t> const& weights) {
    switch (s.what) {
      case source::kind::packed: return {.where = space::weight, .index = weights[s.index], .offset = s.offset};
      case source::kind::scratch: return {.where = space::scratch, .index = 0, .offset = s.offset};
      case source::kind::input:
        if (op.inputs[s.index] < 0) {
          auto const& constant = g_.at(node_of(op)->inputs[s.index]).constant;
          return {.where = space::weight, .index = weight(plain_weight(constant)), .offset = s.offset};
        }
        break;
      case source::kind::output: break;
    }
    auto where = place_of(s.what == source::kind::input ? op.inputs[s.index] : op.outputs[s.index]);
    where.offset += s.offset;
    return where;
  }

  void emit(std::size_t i) {
    auto const& op = l_.operations[i];
    if (op.kind == operation_kind::island) return emit_island(op);
    if (op.kind == operation_kind::host) return emit_host(op, std::move(hosts_[i]));
    std::vector<std::uint32_t> weights;
    auto& [code, kernels] = code_[i];
    auto kernel = kernels.begin();
    for (auto& w : code.packed) weights.push_back(weight(std::move(w)));
    for (auto& grids : code.regions) {
      region r;
      for (auto& from : grids) {
        grid to{.extent = from.extent};
        for (auto const& s : from.arguments)
          to.arguments.push_back({.base = place_of(s, op, weights), .stride = s.stride});
        to.kernel = *kernel++;
        r.grids.push_back(std::move(to));
      }
      p_.regions.push_back(std::move(r));
      add_step(step_kind::region, p_.regions.size(), op);
    }
  }

  void add_step(step_kind kind, std::size_t count, operation const& op) {
    auto const names =
        op.node ? describe(g_.at(op.node)) : "reorder of '" + g_.at(l_.at(op.inputs[0]).value).name + "'";
    p_.steps.push_back({.kind = kind, .index = static_cast<std::uint32_t>(count - 1), .names = names});
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
    p_.hosts.push_back(std::move(call));
    add_step(step_kind::host, p_.hosts.size(), op);
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
    p_.islands.push_back(std::move(made));
    add_step(step_kind::island, p_.islands.size(), op);
  }

  void bind_ports() {
    for (std::size_t i = 0; i < g_.inputs.size(); ++i)
      p_.inputs.push_back({.type = g_.at(g_.inputs[i].value).type,
                           .where = {.where = space::input, .index = static_cast<std::uint32_t>(i)}});
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
  std::vector<built_code> code_;             // by operation
  std::vector<host_call> hosts_;             // by operation
  std::vector<std::int32_t> first_step_;     // by operation, and the end
  std::vector<std::int32_t> allocation_of_;  // by stored tensor
  std::map<std::string, std::uint32_t, std::less<>> weight_of_;
  kernel_set kernels_;
};

}  // namespace detail

program plan(graph const& g, plan_options const& options) {
  auto p = detail::planner(g, options).run();
  for (auto const& kernel : p.kernels) vector::verify(kernel);
  validate(p);
  return p;
}

}  // namespace sinter
