#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/core/preferences.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/plan/kernel_store.hpp>
#include <sinter/program/program.hpp>
#include <sinter/schedules/schedule.hpp>

namespace sinter {

struct plan_options {
  target machine{};  ///< `none`: every node runs through its operator's `evaluate`
  limits bounds{};
  preferences prefer{};
  kernel_store* kernels = nullptr;  ///< of the programs of the same model and target; null: none to share with
};

/// Plans an optimised graph whose types are inferred: a schedule and layouts for each node, the steps, and the place of
/// every byte. New kernels and the whole program are checked against their rules, in every build. Errors:
/// limit_exceeded; what operators say of unsupported nodes. Defined in plan/planner.hpp.
///
/// A value whose size depends on data has a place for the most that it can hold, if its operator knows a bound. If the
/// arena takes more than half of its limit so, all such values lie on the heap, and only what they hold counts.
program plan(graph const& g, plan_options const& options);

}  // namespace sinter
