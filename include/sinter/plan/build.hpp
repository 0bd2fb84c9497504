#pragma once

#include <sinter/core/hash.hpp>
#include <sinter/core/target.hpp>
#include <sinter/plan/bodies.hpp>
#include <sinter/plan/built.hpp>
#include <sinter/plan/kernel_set.hpp>
#include <sinter/plan/kernel_store.hpp>
#include <sinter/plan/lowered.hpp>
#include <sinter/program/program.hpp>
#include <sinter/schedules/cuda/reorder.hpp>
#include <sinter/schedules/reorder.hpp>

#include <fmt/compile.h>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// The code of operations: fragments by their schedules, and calls of operators. Nothing has a place yet.
namespace sinter::detail {

/// Names a constant: by its place in the model's file, or by its content.
inline std::string key_of(any_tensor const& constant) {
  if (!is_plain(constant.type())) return {};
  if (constant.number() != 0) return fmt::format(FMT_COMPILE("#{}"), constant.number());
  auto const d = content_digest({static_cast<std::byte const*>(constant.data()), constant.bytes()});
  return fmt::format("{:016x}{:016x}", d.high, d.low);
}

/// Builds the operations of a lowered graph.
class operation_builder {
 public:
  operation_builder(graph const& g, lowered const& l, target const& machine, body_planner plan_body)
      : g_(g), l_(l), machine_(machine), plan_body_(std::move(plan_body)) {}

  /// Adds the kernels of the code to `kernels`; `store` has those of other programs.
  built build(operation const& op, kernel_store& store, kernel_set& kernels) const {
    built made;
    auto const in_context = [&](auto&& make) { return with_context([&] { return describe(g_.at(op.node)); }, make); };
    if (op.kind == operation_kind::bodies) {
      made = in_context([&] { return bodies_builder(g_, op, kernels).build(plan_body_); });
    } else if (op.kind == operation_kind::reorder) {
      auto const v = l_.at(op.inputs[0]).value;
      auto const from = operand(op.inputs[0], v), to = operand(op.outputs[0], v);
      made.code = l_.on_device ? cuda::build_reorder(from, to) : build_reorder(from, to, machine_);
    } else if (op.kind == operation_kind::scheduled) {
      made.code = in_context([&] { return op.how.build(scheduled(op)); });
    } else if (op.kind == operation_kind::host) {
      made.host = in_context([&] { return build_host(op); });
    }
    for (auto const& kernel : made.code.kernels) made.kernels.push_back(kernels.add(store.get(kernel)));
    made.code.kernels.clear();
    for (auto& kernel : made.code.device_kernels) made.device_kernels.push_back(kernels.add(std::move(kernel)));
    made.code.device_kernels.clear();
    return made;
  }

 private:
  /// What has no tensor is row-major, and a constant of type `element` in memory.
  operand_info operand(stored_id id, value_id v, bool placed = false, dtype element = dtype::undefined) const {
    auto info = describe_operand(g_, v, id >= 0 ? l_.at(id).how : layout::row_major.as(element));
    if (id >= 0) info.item_stride = l_.item_stride(id);
    if (id >= 0 && l_.on_device) {
      info.slice = l_.slice(id);
      info.alignment = std::gcd<std::int64_t>(l_.root_offset(id), 16);
    }
    info.placed = placed;
    if (info.constant) info.constant_key = key_of(*info.constant);
    return info;
  }

  /// Node `id` of an operation, whose inputs are those from `first` on.
  scheduled_node scheduled(operation const& op, node_id id, std::size_t first) const {
    auto const& n = g_.at(id);
    scheduled_node s{.n = &n, .op = id == op.node ? op.op : bind(n), .first_input = static_cast<std::uint32_t>(first)};
    for (std::size_t i = 0; i < n.inputs.size(); ++i)
      s.inputs.push_back(operand(op.inputs[first + i], n.inputs[i], op.placed[first + i], op.stored(first + i)));
    for (std::size_t i = 0; i < n.outputs.size(); ++i) {
      bool const placed = id == op.node && i < op.placed_outputs.size() && op.placed_outputs[i];
      s.outputs.push_back(operand(id == op.node ? op.outputs[i] : -1, n.outputs[i], placed));
    }
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

  /// The call of a node's kernel with the types of its operands and the size of its workspace, without places.
  host_call build_host(operation const& op) const {
    auto const& n = g_.at(op.node);
    host_call call{.op = op.op};
    auto const operands = operands_of(g_, n);
    std::vector<tensor_view> in;
    std::vector<mutable_tensor_view> out;
    for (auto const v : n.inputs) {
      auto const& value = g_.at(v ? v : n.outputs[0]);
      in.push_back(v ? tensor_view{value.type.element, *value.type.shape} : tensor_view{});
    }
    for (auto const id : op.outputs) {
      auto const type = id >= 0 ? l_.at(id).type : tensor_type{dtype::undefined, shape{}};
      out.push_back({type.element, *type.shape});
    }
    call.kernel = op.op.kernel(inputs(operands));
    if (!call.kernel) return call;
    kernels::measuring_workspace memory;
    call.kernel.run(call.kernel.views(in), out, memory);
    call.scratch_bytes = static_cast<std::int64_t>(memory.bytes());
    return call;
  }

  graph const& g_;
  lowered const& l_;
  target const& machine_;
  body_planner plan_body_;
};

/// Builds all operations, in order; their kernels are numbers in `kernels`.
inline std::vector<built> build_operations(graph const& g, lowered const& l, target const& machine, kernel_store& store,
                                           kernel_set& kernels, body_planner const& plan_body) {
  operation_builder const builder(g, l, machine, plan_body);
  std::vector<built> all;
  for (auto const& op : l.operations) all.push_back(builder.build(op, store, kernels));
  return all;
}

}  // namespace sinter::detail
