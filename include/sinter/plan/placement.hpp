#pragma once

#include <sinter/plan/build.hpp>
#include <sinter/plan/lowered.hpp>
#include <sinter/plan/memory.hpp>
#include <sinter/plan/sharing.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Where the tensors of a lowered graph lie, and what its operations work in besides.
namespace sinter::detail {

/// Gives tensors, temporaries and workspaces places in the arena, or in the host's memory where the arena is a
/// device's.
class arena_placement {
 public:
  struct area {
    std::vector<allocation> allocations{};
    std::int64_t bytes = 0;
  };

  arena_placement(graph const& g, lowered const& l, std::vector<built> const& operations) : g_(g), l_(l) {
    count_steps(operations);
    add_tensors();
    for (std::size_t i = 0; i < operations.size(); ++i) add_workspaces(operations, i);
    for (auto* const each : {&arena_, &host_}) each->bytes = place_allocations(each->allocations);
  }

  /// Where a stored tensor lies.
  address place_of(stored_id id) const {
    auto const root = l_.root(id);
    auto const in = l_.at(root).how == layout::host ? space::host : space::arena;
    auto where =
        l_.at(root).external.value_or(address{.in = in, .index = allocation_of_[static_cast<std::size_t>(root)]});
    where.offset += l_.root_offset(id);
    return where;
  }

  /// Which allocation temporary 0 of an operation's code is, or the workspace of its call; more temporaries follow.
  std::size_t first_temporary(std::size_t operation) const { return first_temporary_[operation]; }
  area const& arena() const { return arena_; }
  area const& host() const { return host_; }

 private:
  static std::int32_t steps_of(operation const& op, built const& made) {
    switch (op.kind) {
      case operation_kind::host:
      case operation_kind::island:
      case operation_kind::transfer: return 1;
      default:
        return static_cast<std::int32_t>(made.code.regions.size() + made.code.launches.size() + made.steps.size());
    }
  }

  void count_steps(std::vector<built> const& operations) {
    std::int32_t steps = 0;
    for (std::size_t i = 0; i < l_.operations.size(); ++i) {
      first_step_.push_back(steps);
      steps += steps_of(l_.operations[i], operations[i]);
    }
    first_step_.push_back(steps);
  }

  /// The steps of an operation interval, inclusive. An operation without steps counts as the step after it.
  std::pair<std::int32_t, std::int32_t> steps_of(lifetime const& life) const {
    auto const last_step = std::max(first_step_.back() - 1, 0);
    auto const first = std::min(first_step_[static_cast<std::size_t>(life.first)], last_step);
    auto const end = static_cast<std::size_t>(life.last) + 1;
    auto const last = end < first_step_.size() ? first_step_[end] - 1 : last_step;
    return {first, std::max(first, last)};
  }

  void add_tensors() {
    auto const lifetimes = root_lifetimes(l_, g_);
    allocation_of_.assign(l_.tensors.size(), 0);
    for (std::size_t i = 0; i < l_.tensors.size(); ++i) {
      auto const& t = l_.tensors[i];
      if (t.base >= 0 || t.external || lifetimes[i].last < 0) continue;
      auto& all = (t.how == layout::host ? host_ : arena_).allocations;
      allocation_of_[i] = static_cast<std::uint32_t>(all.size());
      auto const [first, last] = steps_of(lifetimes[i]);
      all.push_back({.name = g_.at(t.value).name, .bytes = t.bytes(), .first = first, .last = last});
    }
  }

  /// What operation `i` works in besides its operands.
  void add_workspaces(std::vector<built> const& operations, std::size_t i) {
    auto const& made = operations[i];
    bool const on_host = made.host.scratch_bytes > 0 && l_.on_device;
    auto& all = (on_host ? host_ : arena_).allocations;
    first_temporary_.push_back(all.size());
    auto const add = [&](allocation a) {
      a.name += " of " + describe(g_.at(l_.operations[i].node));
      a.first += first_step_[i], a.last += first_step_[i];
      all.push_back(std::move(a));
    };
    for (auto const& t : made.code.temporaries) add(t);
    if (made.host.scratch_bytes > 0) add({.name = "workspace", .bytes = made.host.scratch_bytes});
  }

  graph const& g_;
  lowered const& l_;
  std::vector<std::int32_t> first_step_;      // by operation, and the end
  std::vector<std::size_t> first_temporary_;  // by operation
  std::vector<std::uint32_t> allocation_of_;  // by stored tensor
  area arena_;
  area host_;
};

}  // namespace sinter::detail
