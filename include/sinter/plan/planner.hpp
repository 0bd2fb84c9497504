#pragma once

#include <sinter/plan/build.hpp>
#include <sinter/plan/linking.hpp>
#include <sinter/plan/lowering.hpp>
#include <sinter/plan/placement.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/plan/sharing.hpp>
#include <sinter/program/verify.hpp>

#include <utility>

/// Part of the implementation: defines `plan`. Lowering chooses schedules and layouts, sharing lets tensors share
/// bytes, building makes the code, placement the places in the arena, linking the program.
namespace sinter {

program plan(graph const& g, plan_options const& options) {
  auto l = detail::lowering(g, options.machine, options.prefer).run();
  detail::place_parts(l, g);
  detail::overwrite_operands(l, g);
  kernel_store own;
  detail::kernel_set kernels;
  auto built = detail::build_operations(g, l, options.machine, options.kernels ? *options.kernels : own, kernels);
  detail::arena_placement const placement(g, l, built, options.bounds);
  auto p = detail::program_linker(g, l, placement).link(std::move(built), kernels);
  verify(p);
  return p;
}

}  // namespace sinter
