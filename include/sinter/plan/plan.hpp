#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/core/preferences.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/program/program.hpp>
#include <sinter/schedules/schedule.hpp>

namespace sinter {

struct plan_options {
  target machine{};  ///< `none`: every node runs through its operator's `evaluate`
  limits bounds{};
  preferences prefer{};
};

/// Plans an optimised graph whose types are inferred: a schedule and layouts for each node, the steps, and the place of
/// every byte. Every kernel and the whole program are checked against their rules, in every build. Errors:
/// limit_exceeded; what operators say of unsupported nodes. Defined in plan/planner.hpp.
program plan(graph const& g, plan_options const& options);

}  // namespace sinter
