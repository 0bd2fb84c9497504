#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/plan/lowered.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Which tensors between operations on a CPU are bfloat16 in memory: those that all operations that write and read them
/// may have so (`roundable_operands`).
namespace sinter::detail {

class rounding {
 public:
  rounding(lowered& l, graph const& g) : l_(l), g_(g), may_(l.tensors.size(), false) {}

  void run() {
    each([&](operation const& op) {
      if (op.how.layouts.roundable.output) may_[index(op.outputs[0])] = true;
    });
    each([&](operation const& op) { deny_others(op); });
    for (auto const& out : g_.outputs)
      if (auto const id = out.value ? l_.find(out.value, layout::row_major) : -1; id >= 0) may_[index(id)] = false;
    while (deny_unequal()) continue;
    for (std::size_t i = 0; i < may_.size(); ++i)
      if (may_[i]) round(l_.tensors[i].how);
  }

 private:
  static void round(layout& how) { how = (how == layout::row_major ? layout::tiled_rows : how).as(dtype::bfloat16); }
  static std::size_t index(stored_id id) { return static_cast<std::size_t>(id); }

  template <typename Visit>
  void each(Visit&& visit) const {
    for (auto const& op : l_.operations)
      if (op.kind != operation_kind::covered) visit(op);
  }

  void deny_others(operation const& op) {
    auto const& [output, inputs, like_output] = op.how.layouts.roundable;
    for (std::uint32_t i = 0; i < op.inputs.size(); ++i)
      if (op.inputs[i] >= 0 && std::ranges::count(inputs, i) + std::ranges::count(like_output, i) == 0)
        may_[index(op.inputs[i])] = false;
  }

  /// Whether that changed anything.
  bool deny_unequal() {
    bool changed = false;
    each([&](operation const& op) {
      for (auto const i : op.how.layouts.roundable.like_output) {
        auto const in = op.inputs[i], out = op.outputs[0];
        if ((in >= 0 && may_[index(in)]) == may_[index(out)]) continue;
        if (in >= 0) may_[index(in)] = false;
        may_[index(out)] = false;
        changed = true;
      }
    });
    return changed;
  }

  lowered& l_;
  graph const& g_;
  std::vector<bool> may_;  ///< by stored id
};

/// Rounds them where products may be. Layouts of a device have been decided by lowering.
inline void round_between(lowered& l, graph const& g, precision products) {
  if (!l.on_device && products == precision::bfloat16) rounding(l, g).run();
}

}  // namespace sinter::detail
