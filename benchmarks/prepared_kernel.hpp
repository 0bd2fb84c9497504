#pragma once

#include <sinter/emit/x86/emit.hpp>
#include <sinter/ops/operator.hpp>
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

/// A float32 tensor of small values that are not all equal.
inline any_tensor filled(shape s) {
  any_tensor t(dtype::float32, s);
  auto const values = t.mutable_view().as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 17) / 16 - 0.5f;
  return t;
}

/// An operand of the node: a constant, or an activation that lies as the producer left it.
struct operand {
  any_tensor value{};
  bool constant = false;
  layout how = layout::row_major;
};

/// All tasks of a node with their addresses; `run` does them in order.
class prepared_kernel {
 public:
  /// The first schedule that applies gives the code.
  prepared_kernel(node n, std::vector<operand> const& operands, target const& machine) {
    for (std::size_t i = 0; i < operands.size(); ++i) n.inputs.push_back({static_cast<std::int32_t>(i)});
    n.outputs.push_back({static_cast<std::int32_t>(operands.size())});
    scheduled_node s{.n = &n, .op = bind(n)};
    describe(s, operands);
    auto const& chosen = choose(s, machine);
    name_ = chosen.name;
    link(s, chosen.build(s, machine), machine);
  }

  std::string_view schedule_name() const { return name_; }

  void run() const {
    for (auto const& task : tasks_) task.function(task.arguments.data());
  }

 private:
  struct task {
    vector::kernel_function function;
    std::vector<std::byte*> arguments;
  };

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
      if (o.constant) info.constant = o.value, info.constant_key = std::to_string(known.size());
      set_layout(info, o.how);
      s.inputs.push_back(std::move(info));
    }
    operand_info out{.type = s.op.infer(inputs(known)).at(0)};
    set_layout(out, layout::row_major);
    s.outputs.push_back(std::move(out));
  }

  static schedule const& choose(scheduled_node& s, target const& machine) {
    for (auto const& candidate : schedule_table()) {
      auto const wanted = candidate.applies(s, machine);
      if (!wanted || wanted->view) continue;
      for (std::size_t i = 0; i < s.inputs.size(); ++i) set_layout(s.inputs[i], wanted->inputs[i]);
      set_layout(s.outputs[0], wanted->outputs[0]);
      return candidate;
    }
    fail(error_code::unsupported_feature, "no schedule applies to {}", s.n->op);
  }

  std::byte* allocate(std::int64_t bytes) {
    memory_.push_back(filled({ceil_div(bytes, 4) + 16}));
    return static_cast<std::byte*>(memory_.back().data());
  }

  static std::int64_t bytes_of(operand_info const& o) { return tensor_bytes(o.shape(), o.type.element, o.how); }

  void link(scheduled_node const& s, scheduled_code const& built, target const& machine) {
    std::vector<std::byte*> in, out, packed;
    for (auto const& o : s.inputs) in.push_back(o.constant ? nullptr : allocate(bytes_of(o)));
    for (auto const& o : s.outputs) out.push_back(allocate(bytes_of(o)));
    for (auto const& p : built.packed) p.fill(packed.emplace_back(allocate(p.bytes)));
    auto* const scratch = allocate(built.scratch_bytes);
    std::vector<vector::program> kernels;
    for (auto const& region : built.regions)
      for (auto const& grid : region) kernels.push_back(grid.kernel.make());
    budget code("code", std::size_t{1} << 28);
    code_ = emit_x86(kernels, machine, code);

    auto const base = [&](source const& from) {
      switch (from.what) {
        case source::kind::input: return in.at(from.index);
        case source::kind::output: return out.at(from.index);
        case source::kind::packed: return packed.at(from.index);
        case source::kind::scratch: break;
      }
      return scratch;
    };
    std::size_t index = 0;
    for (auto const& region : built.regions)
      for (auto const& grid : region) add_tasks(grid, code_.entry(index++), base);
  }

  template <typename Base>
  void add_tasks(kernel_grid const& grid, vector::kernel_function function, Base const& base) {
    std::array<std::int64_t, 4> i{};
    for (i[0] = 0; i[0] < grid.extent[0]; ++i[0])
      for (i[1] = 0; i[1] < grid.extent[1]; ++i[1])
        for (i[2] = 0; i[2] < grid.extent[2]; ++i[2])
          for (i[3] = 0; i[3] < grid.extent[3]; ++i[3]) {
            task t{function, {}};
            for (auto const& from : grid.arguments) {
              auto at = from.offset;
              for (std::size_t axis = 0; axis < 4; ++axis) at += i[axis] * from.stride[axis];
              t.arguments.push_back(base(from) + at);
            }
            tasks_.push_back(std::move(t));
          }
  }

  std::string name_;
  code_block code_{};
  std::vector<any_tensor> memory_{};
  std::vector<task> tasks_{};
};

}  // namespace bench
