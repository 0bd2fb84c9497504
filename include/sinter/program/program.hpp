#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>
#include <sinter/program/device_kernel.hpp>
#include <sinter/program/fragment.hpp>
#include <sinter/vector/program.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// The program: which kernels run, on which bytes, in which order. Made by plan/, consumed by emit/ and runtime/.
namespace sinter {

/// A dense row-major tensor in a step's terms.
struct view_binding {
  tensor_type type{};  ///< undefined element: an omitted operand
  address where{};
  any_tensor constant{};  ///< set: the operand is this constant, `where` has no meaning
  /// Of an output whose size depends on data, for which `type` is the most: the slot that shows what there is, ...
  std::int32_t slot = -1;
  std::size_t axis = 0;  ///< ... and the axis along which it may be less

  bool is_bound() const { return slot >= 0; }
};

/// A call of an operator's kernel on planned memory; where it has none, of its `evaluate`. Outputs that are bounds are
/// those of a counting kernel.
struct host_call {
  bound_operator op{};
  std::vector<view_binding> inputs{};  ///< as the kernel sees them
  std::vector<view_binding> outputs{};
  kernel_call kernel{};
  address scratch{};  ///< what the kernel works in, `scratch_bytes` bytes
  std::int64_t scratch_bytes = 0;
};

/// What runs on a heap because shapes are known only then: a node, by `evaluate`, or a part of the graph, compiled for
/// the shapes that come. Operands and results are slots of the context (tensors with shapes, on the heap or views of
/// planned places) or planned places, to which results are copied.
struct island {
  struct operand {
    std::int32_t slot = -1;  ///< a tensor of the context; -1: `planned`
    view_binding planned{};  ///< undefined element: omitted or unused
  };
  bound_operator op{};
  std::shared_ptr<graph const> body{};  ///< in place of `op`; its inputs and outputs are those of the island
  bool compiled = false;                ///< the subgraphs of `op` are compiled for what they take, not evaluated
  std::vector<operand> inputs{};
  std::vector<operand> outputs{};
};

/// A copy of a tensor from the host to the device, or back.
struct transfer {
  view_binding from{};
  view_binding to{};  ///< of the same type
};

/// Which steps run, of a CPU. Steps between a `branch` and its `otherwise` run if its condition holds, those between
/// that and its `end` if not; steps between a `repeat` and its `end` run again and again.
struct control {
  enum class kind : std::uint8_t { branch, otherwise, repeat, end };
  kind what = kind::end;
  view_binding condition{};  ///< bool; of `repeat`, looked at before each turn, where it is defined
  view_binding count{};      ///< int64, of `repeat`: the most turns; undefined: no limit
  view_binding turn{};       ///< int64, of `repeat`: where the number of a turn is while it runs
};

/// A copy of a tensor, or of one position along an axis of a tensor that has one axis more than the other.
struct tensor_copy {
  view_binding from{};
  view_binding to{};
  view_binding turn{};     ///< int64: the position; undefined: both tensors have the same type
  std::size_t axis = 0;    ///< of the larger one
  bool backwards = false;  ///< the position is counted from the end
};

/// One step: what it does, for which nodes of the graph, and who made it.
struct program_step {
  std::vector<node_id> nodes{};
  std::string by{};  ///< the schedule
  std::variant<region, host_call, island, launch, transfer, control, tensor_copy> action{};
};

/// A kernel; programs share it.
using shared_kernel = std::shared_ptr<vector::program const>;

inline shared_kernel share(vector::program kernel) {
  return std::make_shared<vector::program const>(std::move(kernel));
}

struct program {
  std::vector<shared_kernel> kernels{};
  std::vector<device_kernel> device_kernels{};  ///< of a program for a device
  std::vector<packing> weights{};
  std::vector<program_step> steps{};
  std::vector<node> nodes{};  ///< by node id: name and operator of those that steps compute

  std::vector<view_binding> inputs{};        ///< in the order of the graph's inputs
  std::vector<view_binding> outputs{};       ///< type and where; unknown shapes live in `output_slots`
  std::vector<std::int32_t> output_slots{};  ///< a slot for each output, -1 where planned
  std::int32_t slots = 0;

  std::vector<allocation> allocations{};  ///< the tensors of the arena
  std::int64_t arena_bytes = 0;
  std::int64_t arena_bound = 0;    ///< most live bytes of any step: no plan can be smaller
  std::int64_t scratch_bytes = 0;  ///< for each worker
  std::int64_t state_bytes = 0;
  std::vector<index_check> checks{};  ///< that launches make

  bool on_device = false;                      ///< inputs, outputs, arena and weights lie in the memory of a device
  std::vector<allocation> host_allocations{};  ///< tensors in the host's memory, for the host calls of such a program
  std::int64_t host_bytes = 0;

  node const& at(node_id id) const { return nodes[static_cast<std::size_t>(id.index)]; }
};

/// What a step computes and how, for people: "node 'conv1' (Conv): direct convolution".
inline std::string describe(program const& p, program_step const& s) {
  std::string text;
  for (auto const id : s.nodes) text += (text.empty() ? "" : ", ") + describe(p.at(id));
  if (s.by.empty()) return text;
  return text.empty() ? s.by : fmt::format("{}: {}", text, s.by);
}

/// Calls `f(step, number)` for each step that does an `Action`; as `std::get_if` gives it.
template <typename Action, typename Program, typename F>
void for_each_action(Program& p, F&& f) {
  for (std::size_t i = 0; i < p.steps.size(); ++i)
    if (auto* const action = std::get_if<Action>(&p.steps[i].action)) f(*action, i);
}

/// Calls `f` for each address of a step: of calls and operands.
template <typename Step, typename F>
void for_each_address_of_step(Step& s, F&& f) {
  auto const view = [&](auto& v) {
    if (v.type.element != dtype::undefined && !v.constant) f(v.where);
  };
  if (auto* const r = std::get_if<region>(&s.action))
    for (auto& g : r->grids)
      for (auto& each : g.body)
        for (auto& a : each.arguments) f(a);
  if (auto* const l = std::get_if<launch>(&s.action))
    for (auto& a : l->arguments) f(a);
  if (auto* const t = std::get_if<transfer>(&s.action)) view(t->from), view(t->to);
  if (auto* const h = std::get_if<host_call>(&s.action)) {
    for (auto* views : {&h->inputs, &h->outputs})
      for (auto& v : *views) view(v);
    if (h->scratch_bytes > 0) f(h->scratch);
  }
  if (auto* const i = std::get_if<island>(&s.action))
    for (auto* operands : {&i->inputs, &i->outputs})
      for (auto& v : *operands)
        if (v.slot < 0) view(v.planned);
  if (auto* const c = std::get_if<control>(&s.action)) view(c->condition), view(c->count), view(c->turn);
  if (auto* const c = std::get_if<tensor_copy>(&s.action)) view(c->from), view(c->to), view(c->turn);
}

/// Calls `f` for each address of a program: of its steps and outputs.
template <typename Program, typename F>
void for_each_address(Program& p, F&& f) {
  for (auto& s : p.steps) for_each_address_of_step(s, f);
  for (auto& out : p.outputs)
    if (out.type.element != dtype::undefined && !out.constant) f(out.where);
}

}  // namespace sinter
