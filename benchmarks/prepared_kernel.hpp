#pragma once

#include <sinter/ops/operator.hpp>
#include <sinter/program/program.hpp>
#include <sinter/runtime/code_store.hpp>
#include <sinter/runtime/linked_grid.hpp>
#include <sinter/schedules/schedule.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// One node as machine code on memory of its own, outside of any model.
namespace bench {

using namespace sinter;

/// A float32 tensor of small values that are not all equal, nor numbers of 16 bits.
inline any_tensor filled(shape s) {
  any_tensor t(dtype::float32, s);
  auto const values = t.mutable_view().as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 17) / 17 - 0.5f;
  return t;
}

/// An operand of the node: a constant, or an activation that lies as the producer left it.
struct operand {
  any_tensor value{};
  bool constant = false;
  layout how = layout::row_major;
};

/// The grids of a node, linked; `run` runs their tasks in order.
class prepared_kernel {
 public:
  /// The cheapest candidate gives the code; of those that round to `rounded` where that is not `exact`.
  prepared_kernel(node n, std::vector<operand> const& operands, target const& machine,
                  precision rounded = precision::exact) {
    for (std::size_t i = 0; i < operands.size(); ++i) n.inputs.push_back({static_cast<std::int32_t>(i)});
    n.outputs.push_back({static_cast<std::int32_t>(operands.size())});
    scheduled_node s{.n = &n, .op = bind(n)};
    describe(s, operands);
    auto const chosen = choose(s, machine, rounded);
    for (auto const* each : {&s.inputs, &s.outputs})
      for (auto const& o : *each) operand_bytes_ += bytes_of(o) / (o.constant && rounded != precision::exact ? 2 : 1);
    link(s, chosen.build(s), machine);
  }

  std::string_view schedule_name() const { return name_; }
  /// Of activations and constants, before these are packed.
  std::int64_t operand_bytes() const { return operand_bytes_; }

  void run() const {
    for (auto const& g : grids_) g.run(table_.data(), 0, g.tasks());
  }

 private:
  static void set_layout(operand_info& o, layout how) {
    o.how = how;
    o.item_stride = item_bytes(o.shape(), o.type.element, how);
  }

  static void describe(scheduled_node& s, std::vector<operand> const& operands) {
    std::vector<sinter::operand> known;
    for (auto const& o : operands) {
      tensor_type const type{o.value.type(), o.value.shape()};
      known.push_back({.type = type, .value = o.constant ? &o.value : nullptr});
      operand_info info{.type = type};
      if (o.constant) info.constant = &o.value, info.constant_key = std::to_string(known.size());
      set_layout(info, o.how);
      s.inputs.push_back(std::move(info));
    }
    operand_info out{.type = s.op.infer(inputs(known)).at(0)};
    set_layout(out, layout::row_major);
    s.outputs.push_back(std::move(out));
  }

  candidate choose(scheduled_node& s, target const& machine, precision rounded) {
    std::optional<candidate> best;
    for (auto const& schedule : schedule_table(machine.device()))
      for (auto& offered : schedule.offer(s, machine)) {
        if (offered.precision != rounded || offered.layouts.view || (best && best->cost <= offered.cost)) continue;
        best = std::move(offered);
        name_ = schedule.name;
      }
    if (!best) fail(error_code::unsupported_feature, "no schedule has code for {}", s.n->op);
    for (std::size_t i = 0; i < s.inputs.size(); ++i) set_layout(s.inputs[i], best->layouts.inputs[i]);
    set_layout(s.outputs[0], best->layouts.outputs[0]);
    return std::move(*best);
  }

  std::byte* allocate(std::int64_t bytes) {
    memory_.push_back(filled({ceil_div(bytes, 4) + 16}));
    return static_cast<std::byte*>(memory_.back().data());
  }

  static std::int64_t bytes_of(operand_info const& o) { return tensor_bytes(o.shape(), o.type.element, o.how); }

  void link(scheduled_node const& s, fragment const& built, target const& machine) {
    std::array<std::vector<std::byte*>, space_prefixes.size()> bases;
    auto const base = [&](space in) -> std::vector<std::byte*>& { return bases[static_cast<std::size_t>(in)]; };
    for (auto const& o : s.inputs) base(space::input).push_back(o.constant ? nullptr : allocate(bytes_of(o)));
    for (auto const& o : s.outputs) base(space::output).push_back(allocate(bytes_of(o)));
    for (auto const& w : built.weights) w.fill(base(space::weight).emplace_back(allocate(w.bytes)));
    for (auto const& t : built.temporaries) base(space::arena).push_back(allocate(t.bytes));
    base(space::scratch).push_back(allocate(built.scratch_bytes));
    for (auto const& kernel : built.kernels) kernels_.push_back(share(kernel.make()));
    code_ = code_store().emit(kernels_, machine);
    for (auto const& region : built.regions)
      for (auto const& g : region.grids)
        grids_.emplace_back(g, kernels_, code_, [&](address const& a) {
          table_.push_back(base(a.in).at(a.index));
          return bound_place{static_cast<std::uint32_t>(table_.size() - 1), a.offset};
        });
  }

  std::string name_;
  std::int64_t operand_bytes_ = 0;
  kernel_code code_{};
  std::vector<any_tensor> memory_{};
  std::vector<shared_kernel> kernels_{};
  std::vector<std::byte*> table_{};
  std::vector<linked_grid> grids_{};
};

}  // namespace bench
