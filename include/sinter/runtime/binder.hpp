#pragma once

#include <sinter/program/program.hpp>
#include <sinter/program/work.hpp>
#include <sinter/runtime/compiled_subgraphs.hpp>
#include <sinter/runtime/control_records.hpp>
#include <sinter/runtime/graph_runner.hpp>
#include <sinter/runtime/linked_grid.hpp>
#include <sinter/runtime/weight_store.hpp>
#include <sinter/runtime/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

/// Turns the steps of a program into records that run without look-ups.
namespace sinter {

/// A dense tensor at an address.
struct view_record {
  dtype type = dtype::undefined;
  sinter::shape shape{};
  bound_place where{};
  void const* constant = nullptr;

  tensor_view view(std::byte* const* table) const {
    return {type, shape, constant ? constant : table[where.base] + where.offset};
  }
  mutable_tensor_view mutable_view(std::byte* const* table) const {
    return {type, shape, table[where.base] + where.offset};
  }
};

struct host_record {
  host_call const* call = nullptr;
  std::vector<view_record> inputs{};
  std::vector<view_record> outputs{};
  bound_place scratch{};
  program_step const* step = nullptr;
};

struct island_record {
  struct operand {
    std::int32_t slot = -1;
    view_record planned{};
  };
  island const* call = nullptr;
  std::vector<operand> inputs{};
  std::vector<operand> outputs{};
  node context{};                          ///< what `evaluate` sees of the node
  std::shared_ptr<graph_runner> runner{};  ///< of a body
  std::shared_ptr<compiled_subgraphs> bodies{};
  program_step const* step = nullptr;

  template <typename Each>
  void each_runner(Each&& each) const {
    if (runner) each(*runner);
    if (bodies) bodies->each(each);
  }
};

struct transfer_record {
  view_record from{};
  view_record to{};
  bool up = false;  ///< to the device
};

/// Launches one after the other, which a workspace records.
struct launch_list {
  struct one {
    device_launch what{};
    std::vector<bound_place> arguments{};
  };
  std::vector<one> launches{};
  std::size_t number = 0;  ///< of the lists of an executable
};

class binder {
 public:
  binder(program const& p, kernel_code const& code, workspace_plan const& memory)
      : program_(p), code_(code), memory_(memory), grains_(work_estimate(p.kernels).grains(p)) {
    for (std::size_t i = 0; i < p.outputs.size(); ++i)
      if (memory.outputs[i].placed) output_in_.emplace(p.outputs[i].where.index, i);
  }

  linked_region link(region const& r, std::size_t step) const {
    linked_region result;
    result.grids.reserve(r.grids.size());
    for (auto const& g : r.grids) {
      result.grids.emplace_back(g, program_.kernels, code_, [&](address const& a) { return resolve(a); });
      result.tasks += g.tasks();
    }
    result.grain = grains_[step];
    return result;
  }

  host_record link(host_call const& call, program_step const& s) const {
    host_record record{.call = &call, .step = &s};
    for (auto const& v : call.inputs) record.inputs.push_back(view(v));
    for (auto const& v : call.outputs) record.outputs.push_back(view(v));
    if (call.scratch_bytes > 0) record.scratch = resolve(call.scratch);
    return record;
  }

  island_record link(island const& call, program_step const& s, runner_factory const& make_runner) const {
    island_record record{.call = &call, .step = &s};
    for (auto const& in : call.inputs) record.inputs.push_back(operand(in));
    for (auto const& out : call.outputs) record.outputs.push_back(operand(out));
    if (!call.body) record.context = context(call, s);
    if (call.body && make_runner) record.runner = make_runner(call.body);
    if (call.compiled && make_runner) record.bodies = std::make_shared<compiled_subgraphs>(make_runner);
    return record;
  }

  control_record link(control const& c) const {
    return {.what = c.what, .condition = bytes(c.condition), .count = bytes(c.count), .turn = bytes(c.turn)};
  }
  copy_record link(tensor_copy const& c) const {
    return {.from = bytes(c.from), .to = bytes(c.to), .turn = bytes(c.turn), .runs = runs_of(c)};
  }

  transfer_record link(transfer const& t) const {
    return {.from = view(t.from), .to = view(t.to), .up = is_of_host(t.from.where.in)};
  }

  launch_list::one link(launch const& l) const {
    auto const& kernel = program_.device_kernels[l.kernel.index];
    launch_list::one result{.what = {.function = code_.device_entries[l.kernel.index],
                                     .threads = static_cast<std::uint32_t>(kernel.threads),
                                     .shared_bytes = static_cast<std::uint32_t>(kernel.shared_bytes)}};
    std::ranges::copy(l.blocks, result.what.blocks.begin());
    for (auto const& a : l.arguments) result.arguments.push_back(resolve(a));
    return result;
  }

  /// Where output `i` is when the last step has run.
  view_record result(std::size_t i) const {
    if (!program_.output_slots.empty() && program_.output_slots[i] >= 0) return {};
    return view(program_.outputs[i]);
  }

 private:
  island_record::operand operand(island::operand const& v) const {
    return {v.slot, v.slot >= 0 ? view_record{} : view(v.planned)};
  }

  bound_bytes bytes(view_binding const& v) const {
    if (v.type.element == dtype::undefined) return {};
    if (v.constant) return {.constant = static_cast<std::byte const*>(v.constant.data()), .is_given = true};
    return {.where = resolve(v.where), .is_given = true};
  }

  view_record view(view_binding const& v) const {
    if (v.type.element == dtype::undefined) return {};
    SINTER_ASSERT(v.type.shape);
    if (v.constant) return {v.constant.type(), *v.type.shape, {}, v.constant.data()};
    bool const empty = v.type.shape->elements() == 0;
    return {v.type.element, *v.type.shape, empty ? bound_place{} : resolve(v.where), nullptr};
  }

  bound_place resolve(address const& a) const {
    switch (a.in) {
      case space::arena: break;
      case space::scratch: return {1, a.offset};
      case space::state: return {2, a.offset};
      case space::check: return {2, memory_.check_offset(a.index)};
      case space::host: return {1, program_.host_allocations[a.index].offset + a.offset};
      case space::input: return {memory_.input_base() + a.index, a.offset};
      case space::given: return {memory_.given_base() + a.index, a.offset};
      case space::output: return {memory_.output_base() + a.index, a.offset};
      case space::weight: return {memory_.weight_base() + a.index, a.offset};
    }
    if (auto const output = output_in_.find(a.index); output != output_in_.end())
      return {memory_.output_base() + static_cast<std::uint32_t>(output->second), a.offset};
    // A guarded arena has memory of its own for each tensor.
    if (memory_.guard == memory_guard::guarded && !program_.on_device)
      return {memory_.guarded_base() + a.index, a.offset};
    return {0, program_.allocations[a.index].offset + a.offset};
  }

  /// What `evaluate` sees of the node: its name, and the operator by which it was bound.
  node context(island const& call, program_step const& s) const {
    auto const& schema = call.op.entry->schema;
    node n;
    if (!s.nodes.empty()) n.name = program_.at(s.nodes[0]).name;
    n.domain = std::string(schema.domain);
    n.op = std::string(schema.name);
    n.version = schema.since;
    for (auto const& out : call.outputs)
      n.outputs.push_back({out.slot >= 0 || out.planned.type.element != dtype::undefined ? 0 : -1});
    return n;
  }

  program const& program_;
  kernel_code const& code_;
  workspace_plan const& memory_;
  std::vector<std::int64_t> grains_;                            ///< by step
  std::unordered_map<std::uint32_t, std::size_t> output_in_{};  ///< by allocation: the output that is all of it
};

/// Notes on which side each input of a program for a device is read.
inline void note_sides(program const& p, workspace_plan& plan) {
  for_each_address(p, [&](address const& a) {
    if (a.in == space::input) plan.inputs[a.index].on_device = true;
    if (a.in == space::given) plan.inputs[a.index].on_host = true;
  });
}

/// Notes which outputs of a program for a device are all of an allocation: such one may lie anywhere on the device.
inline void note_placed(program const& p, workspace_plan& plan) {
  std::unordered_set<std::uint32_t> taken;
  for (std::size_t i = 0; i < p.outputs.size(); ++i) {
    auto const& v = p.outputs[i];
    auto& buffer = plan.outputs[i];
    if (!buffer.own || v.where.in != space::arena || v.where.offset != 0 || buffer.bytes == 0) continue;
    auto const& whole = p.allocations[v.where.index];
    if (std::cmp_equal(whole.bytes, buffer.bytes) && taken.insert(v.where.index).second) buffer.placed = whole.offset;
  }
}

/// The memory that runs of `p` need.
inline workspace_plan plan_workspace(program const& p, std::span<weight_store::block const> weights, int workers,
                                     memory_guard guard, accelerator* device = nullptr) {
  workspace_plan plan;
  plan.device = device;
  plan.arena_bytes = static_cast<std::size_t>(p.arena_bytes);
  plan.state_bytes = static_cast<std::size_t>(p.state_bytes);
  plan.checks = p.checks.size();
  plan.scratch_bytes = static_cast<std::size_t>(p.on_device ? p.host_bytes : p.scratch_bytes);
  plan.workers = static_cast<std::size_t>(std::max(workers, 1));
  plan.guard = guard;
  plan.slots = static_cast<std::size_t>(p.slots);
  auto const buffer = [](view_binding const& v) {
    workspace_plan::buffer b;
    b.type = v.type;
    b.alignment = std::max<std::size_t>(is_plain(v.type.element) ? size_of(v.type.element) : alignof(std::string), 1);
    if (v.type.shape && is_plain(v.type.element)) b.bytes = v.type.shape->elements() * size_of(v.type.element);
    return b;
  };
  for (auto const& v : p.inputs) plan.inputs.push_back(buffer(v));
  if (p.on_device) note_sides(p, plan);
  for (std::size_t i = 0; i < p.outputs.size(); ++i) {
    plan.outputs.push_back(buffer(p.outputs[i]));
    plan.outputs.back().own =
        p.on_device ? !p.outputs[i].constant && (p.output_slots.empty() || p.output_slots[i] < 0)
                    : p.outputs[i].where == address{.in = space::output, .index = static_cast<std::uint32_t>(i)} &&
                          !p.outputs[i].constant && (p.output_slots.empty() || p.output_slots[i] < 0);
  }
  if (p.on_device) note_placed(p, plan);
  for_each_action<region>(p, [&](region const& r, std::size_t) {
    for (auto const& g : r.grids)
      for (auto const& s : g.body)
        for (std::size_t i = 0; i < s.arguments.size(); ++i) {
          auto const& a = s.arguments[i];
          if (a.in != space::input && a.in != space::output) continue;
          auto& b = a.in == space::input ? plan.inputs[a.index] : plan.outputs[a.index];
          auto const needed = p.kernels[s.kernel.index]->arguments[i].alignment;
          b.alignment = std::max(b.alignment, static_cast<std::size_t>(needed));
        }
  });
  for (auto const& w : weights) plan.weights.push_back(const_cast<std::byte*>(w.get()));
  if (guard == memory_guard::guarded && !p.on_device)
    for (auto const& a : p.allocations) plan.guarded.push_back(static_cast<std::size_t>(a.bytes));
  for_each_action<host_call>(p, [&](host_call const& h, std::size_t) {
    plan.views = std::max({plan.views, h.inputs.size(), h.outputs.size()});
  });
  return plan;
}

/// A tensor over bytes that somebody else keeps.
inline any_tensor borrow(tensor_view const& v) {
  if (!v) return {};
  return any_tensor(v.type, v.shape, std::shared_ptr<void const>(std::shared_ptr<void const>{}, v.data));
}

/// Copies the elements of a tensor, or the items of a container, to memory for as many.
inline void copy_elements(void* to, tensor_view const& from) {
  if (from.type == dtype::string)
    std::ranges::copy(from.as<std::string>(), static_cast<std::string*>(to));
  else if (is_container(from.type))
    std::ranges::copy(items_of(from), static_cast<any_tensor*>(to));
  else if (from.bytes() > 0)
    std::memcpy(to, from.data, from.bytes());
}

}  // namespace sinter
