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

/// One step: what it does, for which nodes of the graph, and who made it.
struct program_step {
  std::vector<node_id> nodes{};
  std::string by{};  ///< the schedule
  std::variant<region, host_call, island, launch, transfer> action{};
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

/// Calls `f` for each address of a program: of calls, operands and outputs.
template <typename Program, typename F>
void for_each_address(Program& p, F&& f) {
  auto const view = [&](auto& v) {
    if (v.type.element != dtype::undefined && !v.constant) f(v.where);
  };
  for_each_action<region>(p, [&](auto& r, std::size_t) {
    for (auto& g : r.grids)
      for (auto& s : g.body)
        for (auto& a : s.arguments) f(a);
  });
  for_each_action<launch>(p, [&](auto& l, std::size_t) {
    for (auto& a : l.arguments) f(a);
  });
  for_each_action<transfer>(p, [&](auto& t, std::size_t) { view(t.from), view(t.to); });
  for_each_action<host_call>(p, [&](auto& h, std::size_t) {
    for (auto* views : {&h.inputs, &h.outputs})
      for (auto& v : *views) view(v);
    if (h.scratch_bytes > 0) f(h.scratch);
  });
  for_each_action<island>(p, [&](auto& i, std::size_t) {
    for (auto* operands : {&i.inputs, &i.outputs})
      for (auto& v : *operands)
        if (v.slot < 0) view(v.planned);
  });
  for (auto& out : p.outputs) view(out);
}

}  // namespace sinter
