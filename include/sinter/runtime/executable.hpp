#pragma once

#include <sinter/ops/evaluate.hpp>
#include <sinter/program/program.hpp>
#include <sinter/runtime/binder.hpp>
#include <sinter/runtime/device_run.hpp>
#include <sinter/runtime/executor.hpp>
#include <sinter/runtime/linked_grid.hpp>
#include <sinter/runtime/weight_store.hpp>
#include <sinter/runtime/workspace.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sinter {

/// Is told when the steps of a run begin and end, by their numbers in the program. Launches that a device gets as one
/// recording count as the first of them, and end when they are given.
struct step_observer {
  virtual ~step_observer() = default;
  virtual void begins(std::size_t step) = 0;
  virtual void ends(std::size_t step) = 0;
};

/// A program that can run: its kernels bound to code, its weights packed, its addresses resolved. Immutable; any number
/// of threads may run it, each with a workspace of its own.
class executable {
 public:
  /// `pool` runs the regions that are worth it and fills the weights; null: everything on the calling thread. It must
  /// outlive the executable. `make_runner` makes what runs the islands that are graphs; none: `evaluate` does. Errors:
  /// limit_exceeded (weights), system.
  executable(program p, kernel_code code, weight_store& store, executor* pool = nullptr,
             memory_guard guard = memory_guard::plain, runner_factory const& make_runner = {});

  program const& plan() const { return *program_; }
  /// Machine code, that of islands included.
  std::size_t code_bytes() const {
    return code_.bytes + of_islands([](graph_runner const& r) { return r.code_bytes(); });
  }
  /// Machine code, and what islands keep.
  std::size_t bytes() const {
    return code_.bytes + of_islands([](graph_runner const& r) { return r.bytes(); });
  }
  /// What a workspace for `run` takes.
  workspace_plan const& memory() const { return memory_; }

  /// Runs the program. `in` are the inputs in the program's order, with the types it was compiled for. `out` are the
  /// memories for the outputs, or empty; an output without memory (null data) lies in the workspace, and
  /// `w.results` shows all of them until the next run. Outputs must not overlap inputs. Nothing is allocated from the
  /// second run on, except by islands and by operators that allocate themselves. An error of a node names it. With a
  /// device, inputs and outputs may lie in its memory; see `device_run`.
  void run(workspace& w, std::span<tensor_view const> in, std::span<mutable_tensor_view const> out = {}) const {
    run_steps(w, in, out, [](std::size_t, auto const& run) { run(); });
  }
  /// The same, for measurements.
  void run_observed(workspace& w, std::span<tensor_view const> in, step_observer& observer) const {
    run_steps(w, in, {}, [&](std::size_t i, auto const& run) {
      observer.begins(numbers_[i]);
      run();
      observer.ends(numbers_[i]);
    });
  }

 private:
  using linked_step = std::variant<linked_region, host_record, island_record, launch_list, transfer_record,
                                   control_record, copy_record>;

  template <typename Bytes>
  std::size_t of_islands(Bytes&& bytes) const {
    std::size_t sum = 0;
    for (auto const& step : steps_)
      if (auto const* i = std::get_if<island_record>(&step)) i->each_runner([&](auto const& r) { sum += bytes(r); });
    return sum;
  }
  /// Runs all steps, each by `around(i, run)`, which must call `run`.
  template <typename Around>
  void run_steps(workspace& w, std::span<tensor_view const> in, std::span<mutable_tensor_view const> out,
                 Around&& around) const;
  void run_step(workspace& w, linked_step const& step, std::optional<device_run>& device) const;
  static void keep(workspace& w, island_record const& record, std::size_t output, any_tensor result);
  static void show_counted(workspace& w, host_record const& host, std::int64_t count);
  void run_host(workspace& w, host_record const& host) const;
  void run_island(workspace& w, island_record const& record) const;
  void run_region(workspace& w, linked_region const& region) const;
  void link_steps(runner_factory const& make_runner);
  void link_control();
  std::size_t next(workspace& w, control_record const& c, std::size_t i) const;
  void bind_inputs(workspace& w, std::span<tensor_view const> in) const;
  void bind_outputs(workspace& w, std::span<mutable_tensor_view const> out) const;
  tensor_view result(workspace& w, std::size_t output) const;
  bool is_planned(std::size_t output) const;
  void collect_outputs(workspace& w, std::span<mutable_tensor_view const> out, std::optional<device_run>& device) const;

  std::unique_ptr<program const> program_;  // grids point into it
  kernel_code code_;
  executor* pool_;
  std::vector<weight_store::block> weights_;
  workspace_plan memory_;
  std::vector<linked_step> steps_;
  std::vector<std::size_t> numbers_;  ///< of the first step of the program in each of `steps_`
  std::vector<view_record> results_;
};

inline executable::executable(program p, kernel_code code, weight_store& store, executor* pool, memory_guard guard,
                              runner_factory const& make_runner)
    : code_(std::move(code)), pool_(pool) {
  weights_ = store.materialize(p.weights, pool);
  for (auto& w : p.weights) w.fill = nullptr;
  program_ = std::make_unique<program const>(std::move(p));
  memory_ = plan_workspace(*program_, weights_, pool ? pool->workers() : 1, guard, code_.device);
  link_steps(make_runner);
}

inline void executable::link_steps(runner_factory const& make_runner) {
  binder bind(*program_, code_, memory_);
  std::size_t lists = 0;
  for (std::size_t number = 0; number < program_->steps.size(); ++number) {
    auto const& s = program_->steps[number];
    auto const* const l = std::get_if<launch>(&s.action);
    bool const goes_on = l && !steps_.empty() && std::holds_alternative<launch_list>(steps_.back());
    if (!goes_on) numbers_.push_back(number);
    if (auto const* r = std::get_if<region>(&s.action)) steps_.emplace_back(bind.link(*r, number));
    if (auto const* h = std::get_if<host_call>(&s.action)) steps_.emplace_back(bind.link(*h, s));
    if (auto const* i = std::get_if<island>(&s.action)) steps_.emplace_back(bind.link(*i, s, make_runner));
    if (auto const* t = std::get_if<transfer>(&s.action)) steps_.emplace_back(bind.link(*t));
    if (auto const* c = std::get_if<control>(&s.action)) steps_.emplace_back(bind.link(*c));
    if (auto const* c = std::get_if<tensor_copy>(&s.action)) steps_.emplace_back(bind.link(*c));
    if (l && !goes_on) steps_.emplace_back(launch_list{.number = lists++});
    if (l) std::get<launch_list>(steps_.back()).launches.push_back(bind.link(*l));
  }
  for (std::size_t i = 0; i < program_->outputs.size(); ++i) results_.push_back(bind.result(i));
  link_control();
}

template <typename Around>
void executable::run_steps(workspace& w, std::span<tensor_view const> in, std::span<mutable_tensor_view const> out,
                           Around&& around) const {
  SINTER_ASSERT(in.size() == memory_.inputs.size() && (out.empty() || out.size() == memory_.outputs.size()));
  std::optional<device_run> device;
  if (w.device()) {
    device.emplace(w, memory_).bind(in, out);
  } else {
    bind_inputs(w, in);
    bind_outputs(w, out);
  }
  for (std::size_t i = 0; i < steps_.size();) {
    if (auto const* c = std::get_if<control_record>(&steps_[i])) {
      i = next(w, *c, i);
    } else {
      around(i, [&] { run_step(w, steps_[i], device); });
      ++i;
    }
  }
  collect_outputs(w, out, device);
}

inline void executable::run_step(workspace& w, linked_step const& step, std::optional<device_run>& device) const {
  if (auto const* r = std::get_if<linked_region>(&step)) run_region(w, *r);
  if (auto const* h = std::get_if<host_record>(&step)) run_host(w, *h);
  if (auto const* i = std::get_if<island_record>(&step)) run_island(w, *i);
  if (auto const* l = std::get_if<launch_list>(&step)) device->run(*l);
  if (auto const* t = std::get_if<transfer_record>(&step)) device->run(*t);
  if (auto const* c = std::get_if<copy_record>(&step)) c->run(w.table(0));
}

/// The step that runs after a step of control, which is number `i`.
inline std::size_t executable::next(workspace& w, control_record const& c, std::size_t i) const {
  auto* const* const table = w.table(0);
  switch (c.what) {
    case control::kind::branch: return (c.holds(table) ? i : c.partner) + 1;
    case control::kind::otherwise: return c.partner + 1;
    case control::kind::repeat: return (c.begins_turn(table, 0) ? i : c.partner) + 1;
    case control::kind::end: break;
  }
  if (!c.ends_turns) return i + 1;
  auto const& start = std::get<control_record>(steps_[c.partner]);
  return (start.begins_turn(table, start.turn.read<std::int64_t>(table) + 1) ? c.partner : i) + 1;
}

/// Tells records of control where what they begin ends.
inline void executable::link_control() {
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    auto* const c = std::get_if<control_record>(&steps_[i]);
    if (!c) continue;
    if (c->what == control::kind::otherwise || c->what == control::kind::end) {
      auto& begin = std::get<control_record>(steps_[open.back()]);
      begin.partner = i;
      c->partner = open.back();
      c->ends_turns = begin.what == control::kind::repeat;
      open.pop_back();
    }
    if (c->what != control::kind::end) open.push_back(i);
  }
}

inline void executable::run_region(workspace& w, linked_region const& region) const {
  if (region.grain == 0 || !pool_) return region.run(w.table(0), 0, region.tasks);
  struct job {
    workspace* w;
    linked_region const* region;
  } job{&w, &region};
  pool_->parallel_for((region.tasks + region.grain - 1) / region.grain,
                      [](void* context, std::int64_t begin, std::int64_t end, int worker) noexcept {
                        auto const& j = *static_cast<struct job*>(context);
                        auto const grain = j.region->grain;
                        j.region->run(j.w->table(static_cast<std::size_t>(worker)), begin * grain,
                                      std::min(end * grain, j.region->tasks));
                      },
                      &job);
}

inline void executable::run_host(workspace& w, host_record const& host) const {
  auto* const* const table = w.table(0);
  w.inputs.clear();
  w.outputs.clear();
  for (auto const& v : host.inputs) w.inputs.push_back(v.view(table));
  for (auto const& v : host.outputs) w.outputs.push_back(v.mutable_view(table));
  with_context([&] { return describe(program_->at(host.step->nodes[0])); },
               [&] {
                 if (auto const& kernel = host.call->kernel) {
                   kernels::planned_workspace memory(table[host.scratch.base] + host.scratch.offset);
                   auto const status = kernel.run(w.inputs, w.outputs, memory);
                   expect_success(status);
                   show_counted(w, host, status.count);
                 } else {
                   with_system_errors([&] { host.call->op.evaluate(w.inputs, w.outputs); });
                 }
               });
}

/// Lets slots show as much of the outputs of a counting kernel as there is.
inline void executable::show_counted(workspace& w, host_record const& host, std::int64_t count) {
  for (std::size_t i = 0; i < host.outputs.size(); ++i) {
    auto const& bound = host.call->outputs[i];
    if (!bound.is_bound()) continue;
    auto what = tensor_view(w.outputs[i]);
    SINTER_ASSERT(count >= 0 && count <= what.shape[bound.axis]);
    what.shape[bound.axis] = count;
    w.slots[static_cast<std::size_t>(bound.slot)] = borrow(what);
  }
}

inline void executable::run_island(workspace& w, island_record const& record) const {
  auto* const* const table = w.table(0);
  std::vector<any_tensor> operands;
  for (auto const& [slot, planned] : record.inputs)
    operands.push_back(slot >= 0 ? w.slots[static_cast<std::size_t>(slot)] : borrow(planned.view(table)));
  std::vector<any_tensor> results;
  with_system_errors([&] {
    if (record.runner)
      results = record.runner->run(operands);
    else
      results = record.call->body ? evaluate(*record.call->body, operands)
                                  : evaluate(record.call->op, record.context, operands, record.bodies.get());
  });
  with_context([&] { return describe(*program_, *record.step); },
               [&] {
                 for (std::size_t i = 0; i < record.outputs.size(); ++i) keep(w, record, i, std::move(results[i]));
               });
}

/// Puts a result of an island where the steps behind it look for it: into its slot, copied if it shows bytes of an
/// operand in planned memory, or to the place that was planned.
inline void executable::keep(workspace& w, island_record const& record, std::size_t output, any_tensor result) {
  auto* const* const table = w.table(0);
  auto const& [slot, planned] = record.outputs[output];
  if (slot >= 0) {
    w.slots[static_cast<std::size_t>(slot)] = result.owns() ? std::move(result) : copy_of(result.view());
  } else if (planned.type != dtype::undefined) {
    if (result.type() != planned.type || result.shape() != planned.shape)
      fail(error_code::malformed_model, "output {} came out as {} {}, planned for is {} {}", output,
           name(result.type()), result.shape(), name(planned.type), planned.shape);
    if (result.bytes() > 0) std::memcpy(planned.mutable_view(table).data, result.data(), result.bytes());
  }
}

inline void executable::bind_inputs(workspace& w, std::span<tensor_view const> in) const {
  for (std::size_t i = 0; i < in.size(); ++i) {
    auto const& buffer = memory_.inputs[i];
    SINTER_ASSERT(in[i].type == buffer.type.element && (!buffer.type.shape || in[i].shape == *buffer.type.shape));
    auto* data = static_cast<std::byte*>(const_cast<void*>(in[i].data));
    bool const aligned = reinterpret_cast<std::uintptr_t>(data) % buffer.alignment == 0;
    if (buffer.bytes && (!aligned || memory_.guard == memory_guard::guarded)) {
      auto* const copy = w.staging(i, buffer.bytes, memory_.guard);
      std::memcpy(copy, data, buffer.bytes);
      data = copy;
    }
    w.set_base(memory_.input_base() + i, data);
  }
}

/// A caller's memory is used as it is if it fits; else the library's, and `collect_outputs` copies.
inline void executable::bind_outputs(workspace& w, std::span<mutable_tensor_view const> out) const {
  for (std::size_t i = 0; i < memory_.outputs.size(); ++i) {
    auto const& buffer = memory_.outputs[i];
    auto* data = w.output_memory(i);
    if (!out.empty() && out[i].data && memory_.guard == memory_guard::plain &&
        reinterpret_cast<std::uintptr_t>(out[i].data) % buffer.alignment == 0)
      data = static_cast<std::byte*>(out[i].data);
    w.set_base(memory_.output_base() + i, data);
  }
}

/// Whether an output has a place of the program's, which of a program for a device lies there.
inline bool executable::is_planned(std::size_t output) const {
  bool const in_slot = !program_->output_slots.empty() && program_->output_slots[output] >= 0;
  return !in_slot && !results_[output].constant;
}

/// An output where the last step has left it.
inline tensor_view executable::result(workspace& w, std::size_t output) const {
  auto const slot = program_->output_slots.empty() ? -1 : program_->output_slots[output];
  return slot >= 0 ? w.slots[static_cast<std::size_t>(slot)].view() : results_[output].view(w.table(0));
}

/// Shows outputs where the caller wants them, else where they are, of those on a device in the workspace.
inline void executable::collect_outputs(workspace& w, std::span<mutable_tensor_view const> out,
                                        std::optional<device_run>& device) const {
  for (std::size_t i = 0; i < results_.size(); ++i) {
    auto const made = result(w, i);
    bool const is_given = !out.empty() && out[i].data;
    if (is_given && (out[i].shape != made.shape || out[i].type != made.type))
      fail(error_code::invalid_argument, "output {} came out as {} {}, the memory given is for {} {}", i,
           name(made.type), made.shape, name(out[i].type), out[i].shape);
    auto const* const kept = device && is_planned(i) ? w.output_memory(i) : made.data;
    auto* const to = is_given ? out[i].data : const_cast<void*>(kept);
    if (device)
      device->fetch(i, made, !is_planned(i), to);
    else if (to != made.data)
      copy_elements(to, made);
    w.results[i] = {made.type, made.shape, to};
  }
  if (device) device->finish(*program_);
}

}  // namespace sinter
