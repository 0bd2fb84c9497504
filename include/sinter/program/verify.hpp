#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/core/error.hpp>
#include <sinter/program/program.hpp>

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {
namespace detail {

/// The executable specification of programs.
class program_verifier {
 public:
  explicit program_verifier(program const& p) : p_(p) {}

  void run() {
    check_allocations(p_.allocations, p_.arena_bytes);
    check_allocations(p_.host_allocations, p_.host_bytes);
    for (auto const& c : p_.checks)
      if (c.least > 0 || c.greatest < 0 || c.node.index < 0 || c.node.index >= std::ssize(p_.nodes))
        fail(error_code::system, "a check of indices from {} to {} of node {}", c.least, c.greatest, c.node.index);
    for_each_action<region>(p_, [&](region const& r, std::size_t step) {
      step_ = static_cast<std::int32_t>(step);
      for (auto const& g : r.grids) check_grid(g);
    });
    for_each_action<host_call>(p_, [&](host_call const& host, std::size_t step) {
      step_ = static_cast<std::int32_t>(step);
      for (auto const* views : {&host.inputs, &host.outputs})
        for (auto const& v : *views) check_host_view(v);
      for (auto const& v : host.outputs) {
        bool const appended = host.op.entry && host.op.entry->appends && v.where == host.inputs[0].where;
        if (v.type.element != dtype::undefined && !appended) check_written(v.where, {"an output of the host call"});
        if (v.is_bound()) add_bound(v);
      }
      if (std::ranges::any_of(host.inputs, &view_binding::is_bound)) fail_here("an input of the host call is a bound");
      if (host.scratch_bytes != 0) check_range(host.scratch, {0, host.scratch_bytes}, {"the kernel's workspace"});
    });
    for_each_action<island>(p_, [&](island const& i, std::size_t step) {
      step_ = static_cast<std::int32_t>(step);
      for (auto const* operands : {&i.inputs, &i.outputs})
        for (auto const& v : *operands) v.slot < 0 ? check_host_view(v.planned) : check_slot(v.slot);
      for (auto const& v : i.outputs)
        if (bounds_.contains(v.slot)) fail_here("slot {} shows a planned place", v.slot);
    });
    for_each_action<launch>(p_, [&](launch const& l, std::size_t step) {
      step_ = static_cast<std::int32_t>(step);
      check_launch(l);
    });
    for_each_action<transfer>(p_, [&](transfer const& t, std::size_t step) {
      step_ = static_cast<std::int32_t>(step);
      check_transfer(t);
    });
    check_control();
    for_each_action<tensor_copy>(p_, [&](tensor_copy const& c, std::size_t step) {
      step_ = static_cast<std::int32_t>(step);
      check_copy(c);
    });
    check_outputs();
  }

 private:
  /// Bytes [low, high) from the start of an address on.
  struct byte_range {
    std::int64_t low = 0, high = 0;
  };

  /// What an error calls the bytes that a step touches: an argument of a kernel, or something else.
  struct tensor_name {
    std::string_view whole, argument{};
    std::string text() const { return argument.empty() ? std::string(whole) : fmt::format("{}.{}", whole, argument); }
  };

  static void check_allocations(std::vector<allocation> const& all, std::int64_t bytes) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      auto const& a = all[i];
      if (a.bytes < 0 || a.offset < 0 || checked_add(a.offset, a.bytes) > bytes)
        fail(error_code::system, "the tensor '{}' lies outside the arena", a.name);
      if (a.offset % arena_alignment != 0)
        fail(error_code::system, "the tensor '{}' lies at {}, no multiple of {}", a.name, a.offset, arena_alignment);
      if (a.first < 0 || a.last < a.first)
        fail(error_code::system, "the tensor '{}' lives from step {} to {}", a.name, a.first, a.last);
      for (std::size_t j = 0; j < i; ++j) {
        auto const& b = all[j];
        bool const apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
        if (!apart && overlap_in_time(a, b))
          fail(error_code::system, "the tensors '{}' and '{}' are alive at once and share bytes", a.name, b.name);
      }
    }
  }

  void check_outputs() {
    if (!p_.output_slots.empty() && p_.output_slots.size() != p_.outputs.size())
      fail(error_code::system, "{} slots for {} outputs", p_.output_slots.size(), p_.outputs.size());
    step_ = std::max(static_cast<std::int32_t>(p_.steps.size()) - 1, 0);
    for (std::size_t i = 0; i < p_.outputs.size(); ++i) {
      auto const slot = p_.output_slots.empty() ? -1 : p_.output_slots[i];
      with_context([&] { return fmt::format("output {}", i); },
                   [&] { slot < 0 ? check_view(p_.outputs[i]) : check_slot(slot); });
    }
  }

  /// A slot exists, and if it shows a planned place, that is alive.
  void check_slot(std::int32_t slot) const {
    if (slot >= p_.slots) fail_here("slot {} does not exist, there are {}", slot, p_.slots);
    if (auto const bound = bounds_.find(slot); bound != bounds_.end()) check_view(*bound->second);
  }

  void add_bound(view_binding const& v) {
    if (!v.type.shape || v.axis >= v.type.shape->rank())
      fail_here("the bound of slot {} has no axis {}", v.slot, v.axis);
    if (!bounds_.try_emplace(v.slot, &v).second) fail_here("slot {} shows several places", v.slot);
    check_slot(v.slot);
  }

  template <typename... Args>
  [[noreturn]] void fail_here(fmt::format_string<Args...> text, Args&&... args) const {
    auto const at = static_cast<std::size_t>(step_);
    auto const what = at < p_.steps.size() ? describe(p_, p_.steps[at]) : "the end";
    fail(error_code::system, "step {} ({}): {}", step_, what, fmt::format(text, std::forward<Args>(args)...));
  }

  void check_grid(grid const& g) const {
    std::vector<extent> open;
    std::size_t arguments = 0;
    for (auto const& e : g.extents) check_extent(e);
    for (auto const& s : g.body) {
      if (s.what == statement::kind::loop) check_extent(s.turns), open.push_back(s.turns);
      if (open.size() > loop_depth) fail_here("loops are nested more than {} deep", loop_depth);
      if (s.what == statement::kind::end && open.empty()) fail_here("an end without a loop");
      if (s.what == statement::kind::end) open.pop_back();
      if (s.what != statement::kind::call) continue;
      check_call(g, s, open);
      arguments += s.arguments.size();
    }
    if (!open.empty()) fail_here("a loop without an end");
    if (arguments > most_body_arguments)
      fail_here("a body with {} arguments, {} are the most", arguments, most_body_arguments);
  }

  void check_extent(extent e) const {
    if (e.grows()) fail_here("an extent that grows, whose most turns nothing says");
    if (e.turns() < 1) fail_here("an extent of {} turns", e.turns());
  }

  void check_call(grid const& g, statement const& call, std::vector<extent> const& open) const {
    if (call.kernel.index >= p_.kernels.size()) fail_here("kernel {} does not exist", call.kernel.index);
    auto const& kernel = *p_.kernels[call.kernel.index];
    if (call.arguments.size() != kernel.arguments.size())
      fail_here("{} takes {} arguments, the call has {}", kernel.name, kernel.arguments.size(), call.arguments.size());
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      auto const& a = call.arguments[i];
      byte_range r{0, kernel.arguments[i].bytes};
      for (std::size_t axis = 0; axis < index_rank; ++axis) {
        auto const depth = axis - grid_rank;
        auto const turns = axis < grid_rank ? g.extents[axis] : depth < open.size() ? open[depth] : extent();
        auto const way = checked_mul(turns.turns() - 1, a.stride[axis]);
        r.low = checked_add(r.low, std::min<std::int64_t>(way, 0));
        r.high = checked_add(r.high, std::max<std::int64_t>(way, 0));
        check_alignment(way == 0 ? 0 : a.stride[axis], kernel, i);
      }
      check_alignment(a.offset, kernel, i);
      tensor_name const what{kernel.name, kernel.arguments[i].name};
      check_range(a, r, what);
      if (kernel.arguments[i].mode == vector::access::out) check_written(a, what);
    }
  }

  void check_launch(launch const& l) const {
    if (l.kernel.index >= p_.device_kernels.size()) fail_here("device kernel {} does not exist", l.kernel.index);
    auto const& kernel = p_.device_kernels[l.kernel.index];
    if (l.arguments.size() != kernel.arguments.size())
      fail_here("{} takes {} arguments, the launch has {}", kernel.form, kernel.arguments.size(), l.arguments.size());
    if (kernel.threads < 1 || kernel.threads > 1024) fail_here("blocks of {} threads", kernel.threads);
    for (auto const blocks : l.blocks)
      if (blocks < 1) fail_here("{} blocks along an axis", blocks);
    for (std::size_t i = 0; i < l.arguments.size(); ++i) {
      auto const& a = l.arguments[i];
      auto const what = fmt::format("argument {} of {}", i, kernel.form);
      check_memory(a, true, what);
      check_range(a, {0, kernel.arguments[i].bytes}, {what});
      if (kernel.arguments[i].written) check_written(a, {what});
    }
  }

  void check_transfer(transfer const& t) const {
    if (!(t.from.type == t.to.type)) fail_here("a transfer between tensors of different types");
    bool const up = is_of_host(t.from.where.in);
    check_memory(t.from.where, !up, "the source of a transfer");
    check_memory(t.to.where, up, "the destination of a transfer");
    check_view(t.from);
    check_view(t.to);
    check_written(t.to.where, {"a transfer"});
  }

  /// Steps of control are nested, and read and write single elements of the host's.
  void check_control() {
    std::vector<control::kind> open;
    for_each_action<control>(p_, [&](control const& c, std::size_t step) {
      using kind = control::kind;
      step_ = static_cast<std::int32_t>(step);
      if (p_.on_device) fail_here("control in a program for a device");
      for (auto const* v : {&c.condition, &c.count, &c.turn}) check_host_view(*v);
      bool const begins = c.what == kind::branch || c.what == kind::repeat;
      if (!begins && open.empty()) fail_here("an end of nothing");
      if (c.what == kind::otherwise && open.back() != kind::branch) fail_here("an otherwise without a branch");
      if (c.what == kind::branch || c.condition.type.element != dtype::undefined)
        check_single(c.condition, dtype::boolean);
      if (c.count.type.element != dtype::undefined) check_single(c.count, dtype::int64);
      if (c.what == kind::repeat) check_single(c.turn, dtype::int64), check_written(c.turn.where, {"a turn"});
      if (!begins) open.pop_back();
      if (c.what != kind::end) open.push_back(c.what);
    });
    if (!open.empty()) fail_here("a branch or turns without an end");
  }

  void check_single(view_binding const& v, dtype element) const {
    if (v.type.element != element || !v.type.shape || v.type.shape->elements() != 1)
      fail_here("control by {} {}, one {} is expected", name(v.type.element), v.type.shape.value_or(shape{}),
                name(element));
  }

  void check_copy(tensor_copy const& c) const {
    check_host_view(c.from), check_host_view(c.to);
    check_written(c.to.where, {"a copy"});
    if (c.turn.type.element != dtype::undefined) check_single(c.turn, dtype::int64);
    auto whole = c.from.type, slice = c.to.type;
    if (!whole.shape || !slice.shape) fail_here("a copy of unknown shape");
    if (whole.shape->rank() < slice.shape->rank()) std::swap(whole, slice);
    if (c.turn.type.element != dtype::undefined) {
      if (c.axis >= whole.shape->rank()) fail_here("a copy along axis {} of {}", c.axis, *whole.shape);
      whole.shape->erase(c.axis);
    }
    if (whole != slice) fail_here("a copy between tensors that do not fit");
  }

  /// Whether an address lies in the memory of the device, or in that of the host.
  void check_memory(address const& a, bool device, std::string_view what) const {
    bool const there = p_.on_device && !is_of_host(a.in);
    if (there != device) fail_here("{} lies on the {}", what, device ? "host" : "device");
  }

  /// Bases of all spaces are aligned as any kernel wants them.
  void check_alignment(std::int64_t bytes, vector::program const& kernel, std::size_t argument) const {
    auto const& a = kernel.arguments[argument];
    if (bytes % a.alignment != 0)
      fail_here("{}.{} moves by {} bytes, no multiple of {}", kernel.name, a.name, bytes, a.alignment);
  }

  void check_written(address const& where, tensor_name const& what) const {
    if (where.in == space::input || where.in == space::given || where.in == space::weight)
      fail_here("{} writes to an input or a weight", what.text());
  }

  static std::int64_t bytes_of(view_binding const& v) {
    if (!v.type.shape) return 0;
    return static_cast<std::int64_t>(v.type.shape->elements() * size_of(v.type.element));
  }

  void check_view(view_binding const& v) const {
    if (v.type.element == dtype::undefined || v.constant || !v.type.shape) return;
    check_range(v.where, {0, bytes_of(v)}, {"a view"});
  }

  /// A view of the host, which calls and islands work on.
  void check_host_view(view_binding const& v) const {
    check_view(v);
    if (v.type.element != dtype::undefined && !v.constant && bytes_of(v) > 0)
      check_memory(v.where, false, "an operand of the host");
  }

  /// Checks bytes that the step touches; `what` names them in the error.
  void check_range(address const& where, byte_range r, tensor_name const& what) const {
    r.low = checked_add(r.low, where.offset), r.high = checked_add(r.high, where.offset);
    if (r.low < 0 || r.high < r.low || r.high > size_of_space(where))
      fail_here("{} reaches bytes {} to {} of {}{}, which lie outside", what.text(), r.low, r.high,
                space_prefixes[static_cast<std::size_t>(where.in)], where.index);
  }

  /// Bytes behind an address's base; 0 where there is nothing, or not at this step.
  std::int64_t size_of_space(address const& where) const {
    switch (where.in) {
      case space::input:
      case space::given: return where.index < p_.inputs.size() ? bytes_of(p_.inputs[where.index]) : 0;
      case space::output: return where.index < p_.outputs.size() ? bytes_of(p_.outputs[where.index]) : 0;
      case space::weight: return where.index < p_.weights.size() ? p_.weights[where.index].bytes : 0;
      case space::scratch: return p_.scratch_bytes;
      case space::state: return p_.state_bytes;
      case space::check:
        return p_.on_device && where.index < p_.checks.size() ? 8 * (std::ssize(p_.checks) - where.index) : 0;
      case space::arena:
      case space::host: break;
    }
    auto const& all = where.in == space::host ? p_.host_allocations : p_.allocations;
    if (where.index >= all.size()) return 0;
    auto const& a = all[where.index];
    return a.first <= step_ && step_ <= a.last ? round_up(a.bytes, arena_alignment) : 0;
  }

  program const& p_;
  std::int32_t step_ = 0;
  std::map<std::int32_t, view_binding const*> bounds_{};  ///< by the slot that shows what there is
};

}  // namespace detail

/// Checks a program; a violation is `error_code::system` and names the step:
/// - every byte that a step can touch lies inside the tensor, weight, input, output or scratch that its address names,
///   and tensors of the arena are touched only in the steps that they live in;
/// - no two tensors that are alive at once share bytes;
/// - inputs and weights are not written, but for rows that a host call appends to its input;
/// - on a device, launches touch its memory, host calls and islands the host's, and transfers lead from one to the
/// other;
/// - calls have the arguments that their kernels declare, aligned as these want; loops end, turn at least once and are
///   nested at most `loop_depth` deep;
/// - control is nested, by single elements, and copies are between tensors that fit;
/// - slots exist; those that show a planned place show one, which is alive wherever the slot is read;
/// - outputs are alive at the end.
/// Kernels have a specification of their own, vector/verify.hpp.
inline void verify(program const& p) { detail::program_verifier(p).run(); }

}  // namespace sinter
