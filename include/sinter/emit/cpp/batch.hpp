#pragma once

#include <sinter/core/error.hpp>
#include <sinter/plan/kernel_set.hpp>
#include <sinter/plan/program.hpp>
#include <sinter/plan/validate.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

/// What the programs of one model for several batch sizes share: kernels, the places of tensors in the arena, and grids
/// that differ in their extents only.
namespace sinter::cpp {

/// Takes the kernels out of the programs, equal ones once; the programs then name kernels of the result.
inline std::vector<vector::program> share_kernels(std::span<program> plans) {
  sinter::detail::kernel_set shared;
  for (auto& p : plans) {
    std::vector<std::uint32_t> number;
    for (auto& kernel : p.kernels) number.push_back(shared.add(std::move(kernel)));
    p.kernels.clear();
    for (auto& r : p.regions)
      for (auto& g : r.grids) g.kernel = number[g.kernel];
  }
  return shared.take();
}

/// Puts the tensors of `p` where `larger`, the program of a larger batch, has them. Nothing happens where the two do
/// not keep the same tensors for the same steps.
inline void adopt_arena(program& p, program const& larger) {
  auto const fits = [](allocation const& a, allocation const& b) {
    return a.first == b.first && a.last == b.last && a.bytes <= b.bytes;
  };
  if (p.steps.size() != larger.steps.size() || !std::ranges::equal(p.allocations, larger.allocations, fits)) return;
  auto const last_step = std::max(static_cast<std::int32_t>(p.steps.size()) - 1, 0);
  auto const move = [&](place& where, std::int32_t step) {
    if (where.where != space::arena) return;
    auto const a = std::ranges::find_if(p.allocations, [&](allocation const& each) {
      return each.first <= step && step <= each.last && where.offset >= each.offset &&
             where.offset < each.offset + round_up(std::max<std::int64_t>(each.bytes, 1), arena_alignment);
    });
    SINTER_ASSERT(a != p.allocations.end());
    where.offset += larger.allocations[static_cast<std::size_t>(a - p.allocations.begin())].offset - a->offset;
  };
  for (std::size_t s = 0; s < p.steps.size(); ++s) {
    auto const step = static_cast<std::int32_t>(s);
    auto const& [kind, index, names] = p.steps[s];
    if (kind == step_kind::region)
      for (auto& g : p.regions[index].grids)
        for (auto& a : g.arguments) move(a.base, step);
    if (kind == step_kind::host) {
      for (auto* views : {&p.hosts[index].inputs, &p.hosts[index].outputs})
        for (auto& v : *views)
          if (v.type.element != dtype::undefined && !v.constant) move(v.where, step);
      if (p.hosts[index].scratch_bytes > 0) move(p.hosts[index].scratch, step);
    }
  }
  for (auto& out : p.outputs)
    if (!out.constant) move(out.where, last_step);
  for (std::size_t i = 0; i < p.allocations.size(); ++i) p.allocations[i].offset = larger.allocations[i].offset;
  p.arena_bytes = larger.arena_bytes;
  validate(p);
}

/// A region as several batch sizes run it: the grids of the largest one, of which some extents grow with the batch.
struct shared_region {
  std::vector<std::size_t> plans{};  ///< indices, the largest batch first
  region const* largest = nullptr;
  std::vector<std::array<bool, grid_rank>> grows{};  ///< by grid and axis, known from the second plan on
};

namespace detail {

/// The axes along which `small`, for a batch of `n`, has fewer turns than `large`, for a batch of `most`; none: they
/// differ in more.
inline std::optional<std::array<bool, grid_rank>> growing_axes(grid const& small, std::int64_t n, grid const& large,
                                                               std::int64_t most) {
  auto const same = [&](argument_binding const& a, argument_binding const& b) {
    if (a.base != b.base) return false;
    for (std::size_t axis = 0; axis < grid_rank; ++axis)
      if (large.extent[axis] > 1 && a.stride[axis] != b.stride[axis]) return false;
    return true;
  };
  if (small.kernel != large.kernel || !std::ranges::equal(small.arguments, large.arguments, same)) return std::nullopt;
  std::array<bool, grid_rank> grows{};
  for (std::size_t axis = 0; axis < grid_rank; ++axis) {
    std::int64_t const few = small.extent[axis], many = large.extent[axis];
    grows[axis] = few != many;
    if (grows[axis] && (many % most != 0 || few != many / most * n)) return std::nullopt;
  }
  return grows;
}

/// Lets the region `r` of plan `plan`, for a batch of `n`, be part of `shared`; false: it differs.
inline bool join(shared_region& shared, std::int64_t most, region const& r, std::size_t plan, std::int64_t n) {
  if (r.grids.size() != shared.largest->grids.size()) return false;
  std::vector<std::array<bool, grid_rank>> grows;
  for (std::size_t i = 0; i < r.grids.size(); ++i) {
    auto const axes = growing_axes(r.grids[i], n, shared.largest->grids[i], most);
    if (!axes) return false;
    grows.push_back(*axes);
  }
  if (!shared.grows.empty() && shared.grows != grows) return false;
  shared.grows = std::move(grows);
  shared.plans.push_back(plan);
  return true;
}

}  // namespace detail

/// The regions that the plans of `group`, ascending, have at step `step`, each with the plans that can share it.
/// `sizes` are the batch sizes of all plans.
inline std::vector<shared_region> share_regions(std::span<program const> plans, std::span<std::int64_t const> sizes,
                                                std::span<std::size_t const> group, std::size_t step) {
  std::vector<shared_region> result;
  for (auto i = group.rbegin(); i != group.rend(); ++i) {
    auto const& r = plans[*i].regions[plans[*i].steps[step].index];
    bool const joined = std::ranges::any_of(
        result, [&](shared_region& s) { return detail::join(s, sizes[s.plans.front()], r, *i, sizes[*i]); });
    if (!joined) result.push_back({.plans = {*i}, .largest = &r});
  }
  return result;
}

}  // namespace sinter::cpp
