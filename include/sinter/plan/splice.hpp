#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/plan/built.hpp>
#include <sinter/plan/kernel_set.hpp>
#include <sinter/program/program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <variant>
#include <vector>

namespace sinter::detail {

/// Makes the steps of programs those of one operation: what such a program takes lies where its user says, its arena is
/// a temporary of the operation, and its kernels are those of the program around it.
class program_splicer {
 public:
  program_splicer(built& to, kernel_set& kernels) : to_(to), kernels_(kernels) {}

  /// Appends the steps of `p`, a program of a CPU without slots. `arena` is at least as large as its own; `inputs` are
  /// the places of its inputs. An output that has a place in `outputs` is written there where it is the whole of a
  /// tensor. Returns where each output is.
  std::vector<view_binding> append(program p, address const& arena, std::vector<address> inputs,
                                   std::vector<address> const& outputs = {}) {
    SINTER_ASSERT(p.slots == 0 && !p.on_device);
    arena_ = arena;
    inputs_ = std::move(inputs);
    choose_places(p, outputs);
    add_weights(p);
    auto& code = to_.code;
    code.scratch_bytes = std::max(code.scratch_bytes, p.scratch_bytes);
    first_state_ = std::exchange(code.state_bytes, checked_add(code.state_bytes, p.state_bytes));
    for_each_address(p, [&](address& a) { a = relocated(a, p); });
    number_kernels(p);
    auto const first_node = static_cast<std::int32_t>(to_.nodes.size());
    for (auto& n : p.nodes) to_.nodes.push_back(std::move(n));
    for (auto& s : p.steps) {
      for (auto& n : s.nodes) n.index += first_node;
      to_.steps.push_back(std::move(s));
    }
    return std::move(p.outputs);
  }

 private:
  void choose_places(program const& p, std::vector<address> const& outputs) {
    placed_.clear();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      auto const& v = p.outputs[i];
      if (v.constant || v.where.in != space::arena || v.where.offset != 0) continue;
      bool const whole = std::cmp_equal(p.allocations[v.where.index].bytes, dense_bytes(v.type.element, *v.type.shape));
      if (whole) placed_.try_emplace(v.where.index, outputs[i]);
    }
  }

  void add_weights(program& p) {
    weights_.clear();
    for (auto& w : p.weights) weights_.push_back(to_.code.weight(std::move(w)));
  }

  address relocated(address a, program const& p) const {
    address where = a;
    switch (a.in) {
      case space::input: where = inputs_[a.index]; break;
      case space::weight: where = weights_[a.index]; break;
      case space::scratch: return a;
      case space::state: where.offset = first_state_; break;
      case space::arena:
        if (auto const found = placed_.find(a.index); found != placed_.end()) {
          where = found->second;
        } else {
          where = arena_;
          where.offset += p.allocations[a.index].offset;
        }
        break;
      default: SINTER_ASSERT(false);
    }
    where.offset += a.offset;
    where.stride = a.stride;
    return where;
  }

  void number_kernels(program& p) {
    std::vector<kernel_id> number;
    for (auto& k : p.kernels) number.push_back(kernels_.add(std::move(k)));
    for_each_action<region>(p, [&](region& r, std::size_t) {
      for (auto& g : r.grids)
        for (auto& s : g.body)
          if (s.what == statement::kind::call) s.kernel = number[s.kernel.index];
    });
  }

  built& to_;
  kernel_set& kernels_;
  address arena_{};
  std::vector<address> inputs_;
  std::vector<address> weights_;
  std::map<std::uint32_t, address> placed_;  ///< by allocation of the program: where it lies instead
  std::int64_t first_state_ = 0;
};

}  // namespace sinter::detail
