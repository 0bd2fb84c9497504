#pragma once

#include <sinter/core/error.hpp>
#include <sinter/plan/memory.hpp>
#include <sinter/plan/program.hpp>

#include <algorithm>
#include <cstdint>

/// An independent check of a program: every byte that a step can touch lies inside what it was given, and no two
/// tensors that are alive at once share bytes.
namespace sinter {
namespace detail {

/// The byte range [low, high) that an argument of a grid can reach.
struct byte_range {
  std::int64_t low = 0, high = 0;
};

inline byte_range range_of(grid const& g, argument_binding const& a, std::int64_t reach) {
  byte_range r{a.base.offset, a.base.offset + reach};
  for (std::size_t axis = 0; axis < grid_rank; ++axis) {
    auto const way = (g.extent[axis] - 1) * a.stride[axis];
    r.low += std::min<std::int64_t>(way, 0);
    r.high += std::max<std::int64_t>(way, 0);
  }
  return r;
}

/// Whether a range of the arena lies inside one allocation that is alive at `step`.
inline bool inside_live_allocation(program const& p, byte_range r, std::int32_t step) {
  return std::ranges::any_of(p.allocations, [&](allocation const& a) {
    return a.first <= step && step <= a.last && r.low >= a.offset &&
           r.high <= a.offset + round_up(a.bytes, arena_alignment);
  });
}

inline std::int64_t bytes_of(view_binding const& v) {
  return static_cast<std::int64_t>(v.type.shape->elements() * size_of(v.type.element));
}

/// Checks one range that step `step` touches; `what` names it in the error.
inline void check_range(program const& p, place const& where, byte_range r, std::int32_t step, std::string_view what) {
  bool good = r.low >= 0 && r.high >= r.low;
  switch (where.where) {
    case space::arena: good = good && inside_live_allocation(p, r, step); break;
    case space::scratch: good = good && r.high <= p.scratch_bytes; break;
    case space::weight: good = good && where.index < p.weights.size() && r.high <= p.weights[where.index].bytes; break;
    case space::input: good = good && where.index < p.inputs.size() && r.high <= bytes_of(p.inputs[where.index]); break;
    case space::output:
      good = good && where.index < p.outputs.size() && r.high <= bytes_of(p.outputs[where.index]);
      break;
  }
  if (!good)
    fail(error_code::system, "step {} ({}): {} reaches bytes {} to {} of space {} {}, which lie outside", step,
         p.steps[static_cast<std::size_t>(step)].names, what, r.low, r.high, static_cast<int>(where.where),
         where.index);
}

inline void check_region(program const& p, region const& r, std::int32_t step) {
  for (auto const& g : r.grids) {
    auto const& kernel = p.kernels[g.kernel];
    SINTER_ASSERT(g.arguments.size() == kernel.arguments.size());
    for (std::size_t i = 0; i < g.arguments.size(); ++i) {
      auto const& a = g.arguments[i];
      check_range(p, a.base, range_of(g, a, kernel.arguments[i].bytes), step,
                  kernel.name + "." + kernel.arguments[i].name);
    }
  }
}

inline void check_view(program const& p, view_binding const& v, std::int32_t step) {
  if (v.type.element == dtype::undefined || v.constant || !v.type.shape) return;
  check_range(p, v.where, {v.where.offset, v.where.offset + bytes_of(v)}, step, "a view");
}

}  // namespace detail

/// Checks a program; a violation is `error_code::system` and names the step.
inline void validate(program const& p) {
  for (std::size_t i = 0; i < p.allocations.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      auto const &a = p.allocations[i], &b = p.allocations[j];
      bool const apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
      if (!apart && overlap_in_time(a, b))
        fail(error_code::system, "the tensors '{}' and '{}' are alive at once and share bytes", a.name, b.name);
      if (a.offset < 0 || a.offset + a.bytes > p.arena_bytes)
        fail(error_code::system, "the tensor '{}' lies outside the arena", a.name);
    }
  for (std::size_t s = 0; s < p.steps.size(); ++s) {
    auto const step = static_cast<std::int32_t>(s);
    auto const& [kind, index, names] = p.steps[s];
    if (kind == step_kind::region) detail::check_region(p, p.regions[index], step);
    if (kind == step_kind::host) {
      auto const& host = p.hosts[index];
      for (auto const& v : host.inputs) detail::check_view(p, v, step);
      for (auto const& v : host.outputs) detail::check_view(p, v, step);
      if (auto const at = host.scratch.offset; host.scratch_bytes > 0)
        detail::check_range(p, host.scratch, {at, at + host.scratch_bytes}, step, "the kernel's workspace");
    }
    if (kind == step_kind::island)
      for (auto const& in : p.islands[index].inputs)
        if (in.slot < 0) detail::check_view(p, in.planned, step);
  }
}

}  // namespace sinter
