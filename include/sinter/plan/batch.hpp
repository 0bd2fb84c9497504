#pragma once

#include <sinter/plan/kernel_set.hpp>
#include <sinter/program/program.hpp>
#include <sinter/program/verify.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

/// What the programs of one model for several batch sizes share: kernels, the places of tensors in the arena, and grids
/// that differ in their extents only.
namespace sinter {

/// Takes the kernels out of the programs, shared ones once; the programs then name kernels of the result.
inline std::vector<shared_kernel> share_kernels(std::span<program> plans) {
  detail::kernel_set shared;
  for (auto& p : plans) {
    std::vector<kernel_id> number;
    for (auto& kernel : p.kernels) number.push_back(shared.add(std::move(kernel)));
    p.kernels.clear();
    for_each_action<region>(p, [&](region& r, std::size_t) {
      for (auto& g : r.grids)
        for (auto& s : g.body)
          if (s.what == statement::kind::call) s.kernel = number[s.kernel.index];
    });
  }
  return shared.take();
}

/// The same for kernels of a device. Those that differ only in the memory that blocks share are one, which has the
/// most.
inline std::vector<device_kernel> share_device_kernels(std::span<program> plans) {
  std::vector<device_kernel> shared;
  auto const add = [&](device_kernel& k) {
    auto const has_same_text = [&](device_kernel const& other) {
      return std::tie(k.form, k.constants, k.function, k.arguments, k.threads) ==
             std::tie(other.form, other.constants, other.function, other.arguments, other.threads);
    };
    auto found = std::ranges::find_if(shared, has_same_text);
    if (found == shared.end()) found = shared.insert(found, k);
    found->shared_bytes = std::max(found->shared_bytes, k.shared_bytes);
    return kernel_id{static_cast<std::uint32_t>(found - shared.begin())};
  };
  for (auto& p : plans) {
    std::vector<kernel_id> number;
    for (auto& kernel : p.device_kernels) number.push_back(add(kernel));
    p.device_kernels.clear();
    for_each_action<launch>(p, [&](launch& l, std::size_t) { l.kernel = number[l.kernel.index]; });
  }
  return shared;
}

/// Puts the tensors of `p` where `larger`, the program of a larger batch, has them. Nothing happens where the two do
/// not keep the same tensors for the same steps.
inline void adopt_arena(program& p, program const& larger) {
  auto const fits = [](allocation const& a, allocation const& b) {
    return a.first == b.first && a.last == b.last && a.bytes <= b.bytes;
  };
  if (p.steps.size() != larger.steps.size() || !std::ranges::equal(p.allocations, larger.allocations, fits)) return;
  for (std::size_t i = 0; i < p.allocations.size(); ++i) p.allocations[i].offset = larger.allocations[i].offset;
  p.arena_bytes = larger.arena_bytes;
  verify(p);
}

/// A region as several batch sizes run it; extents that differ grow with the batch.
struct shared_region {
  std::vector<std::size_t> plans{};  ///< indices, the largest batch first
  region what{};
};

namespace detail {

/// Makes `all`, the extent for batches of up to `most`, also that for a batch of `n`; false: it cannot be.
inline bool join(extent& all, std::int64_t most, extent one, std::int64_t n, bool may_grow) {
  if (all.at(n) == one.turns()) return true;
  if (!may_grow || all.grows() || all.turns() % most != 0 || one.turns() != all.turns() / most * n) return false;
  all = extent::growing(static_cast<std::int32_t>(all.turns() / most));
  return true;
}

/// The same for grids.
inline bool join(grid& all, std::int64_t most, grid const& one, std::int64_t n, bool may_grow) {
  auto const same = [&](statement const& a, statement const& b) {
    if (a.what != b.what || a.kernel != b.kernel || a.turns != b.turns || a.arguments.size() != b.arguments.size())
      return false;
    for (std::size_t i = 0; i < a.arguments.size(); ++i) {
      auto one_address = b.arguments[i];
      for (std::size_t axis = 0; axis < grid_rank; ++axis)  // strides along one turn have no meaning
        if (all.extents[axis] == extent()) one_address.stride[axis] = a.arguments[i].stride[axis];
      if (a.arguments[i] != one_address) return false;
    }
    return true;
  };
  if (!std::ranges::equal(all.body, one.body, same)) return false;
  for (std::size_t axis = 0; axis < grid_rank; ++axis)
    if (!join(all.extents[axis], most, one.extents[axis], n, may_grow)) return false;
  return true;
}

/// Lets the region `r` of plan `plan`, for a batch of `n`, be part of `shared`; false: it differs.
inline bool join(shared_region& shared, std::int64_t most, region const& r, std::size_t plan, std::int64_t n) {
  if (r.grids.size() != shared.what.grids.size()) return false;
  auto joined = shared.what;
  for (std::size_t i = 0; i < r.grids.size(); ++i)
    if (!join(joined.grids[i], most, r.grids[i], n, shared.plans.size() == 1)) return false;
  shared.what = std::move(joined);
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
    auto const& r = std::get<region>(plans[*i].steps[step].action);
    bool const joined = std::ranges::any_of(
        result, [&](shared_region& s) { return detail::join(s, sizes[s.plans.front()], r, *i, sizes[*i]); });
    if (!joined) result.push_back({.plans = {*i}, .what = r});
  }
  return result;
}

}  // namespace sinter
