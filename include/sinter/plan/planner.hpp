#pragma once

#include <sinter/plan/build.hpp>
#include <sinter/plan/linking.hpp>
#include <sinter/plan/lowering.hpp>
#include <sinter/plan/placement.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/plan/rounding.hpp>
#include <sinter/plan/sharing.hpp>
#include <sinter/program/verify.hpp>

#include <cstdint>
#include <utility>

/// Part of the implementation: defines `plan`. Lowering chooses schedules and layouts, rounding what is stored in 16
/// bits, sharing lets tensors share
/// bytes, building makes the code, placement the places in the arena, linking the program.
namespace sinter {

namespace detail {

/// The program of a graph, whose arena may have any size.
inline program plan(graph const& g, plan_options const& options, bounded_values where) {
  auto l = lowering(g, options.machine, options.prefer, where).run();
  round_between(l, g, precision_on(options.machine, options.prefer.precision));
  append_in_place(l, g);
  place_parts(l, g);
  overwrite_operands(l, g);
  kernel_store own;
  kernel_set kernels;
  auto inner = options;
  if (!inner.kernels) inner.kernels = &own;
  auto const plan_body = [&](graph const& body) {
    auto p = plan(body, inner, where);
    verify(p);
    return p;
  };
  auto built = build_operations(g, l, options.machine, *inner.kernels, kernels, plan_body);
  arena_placement const placement(g, l, built);
  return program_linker(g, l, placement).link(std::move(built), kernels);
}

}  // namespace detail

program plan(graph const& g, plan_options const& options) {
  auto const limit = options.bounds.arena_bytes;
  auto const arena = [](program const& p) {
    return static_cast<std::uint64_t>(checked_add(p.arena_bytes, p.host_bytes));
  };
  auto p = detail::plan(g, options, detail::bounded_values::arena);
  if (p.slots > 0 && arena(p) > limit / 2) p = detail::plan(g, options, detail::bounded_values::heap);
  if (arena(p) > limit)
    fail(error_code::limit_exceeded,
         "the activations take {} bytes, limits.arena_bytes is {}; raise it or use smaller inputs", arena(p), limit);
  verify(p);
  return p;
}

}  // namespace sinter
