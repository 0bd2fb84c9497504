#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/program/allocation.hpp>
#include <sinter/program/device_forms.hpp>
#include <sinter/program/grid.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// Bytes that are made once from a constant: packed weights. Equal keys mean equal bytes.
struct packing {
  std::string key{};
  std::int64_t bytes = 0;
  std::function<void(std::byte* destination)> fill;
};

/// What an index of a node must be; launches leave one that is not in a word of their own. 0 must be in range.
struct index_check {
  node_id node{};
  std::int64_t least = 0, greatest = 0;
};

/// Part of a program, as a schedule makes it: regions, or launches on a device, run one after the other. Its inputs and
/// outputs are the operands of its nodes, the tensors of the arena its own temporaries, whose steps are its regions or
/// launches.
class fragment {
 public:
  std::vector<vector::recipe> kernels{};
  std::vector<packing> weights{};
  std::vector<allocation> temporaries{};
  std::vector<region> regions{};
  std::vector<device_kernel> device_kernels{};
  std::vector<launch> launches{};     ///< of `device_kernels`
  std::vector<index_check> checks{};  ///< that launches make
  std::int64_t scratch_bytes = 0;     ///< for each worker
  std::int64_t state_bytes = 0;

  /// Starts the next region.
  void barrier() { regions.emplace_back(); }

  /// Adds a grid to the last region.
  void add(grid g) {
    if (regions.empty()) barrier();
    regions.back().grids.push_back(std::move(g));
  }
  /// Adds a grid whose tasks are one call each.
  void add(vector::recipe kernel, std::array<extent, grid_rank> extents, std::vector<address> arguments) {
    grid g{.extents = extents};
    g.body.push_back(call(std::move(kernel), std::move(arguments)));
    add(std::move(g));
  }

  statement call(vector::recipe kernel, std::vector<address> arguments) {
    kernels.push_back(std::move(kernel));
    return {.kernel = {static_cast<std::uint32_t>(kernels.size() - 1)}, .arguments = std::move(arguments)};
  }

  /// Where packed weights lie; equal keys lie in one place.
  address weight(packing w) {
    auto const found = std::ranges::find(weights, w.key, &packing::key);
    auto const index = static_cast<std::uint32_t>(found - weights.begin());
    if (found == weights.end()) weights.push_back(std::move(w));
    return {.in = space::weight, .index = index};
  }

  /// Adds the launch of a kernel on a device.
  void add(device_call call, std::vector<address> arguments) {
    device_kernels.push_back(std::move(call.kernel));
    launches.push_back({.kernel = {static_cast<std::uint32_t>(device_kernels.size() - 1)},
                        .blocks = call.blocks,
                        .arguments = std::move(arguments)});
  }

  /// Takes memory in the arena for regions or launches [first, last].
  address temporary(std::string name, std::int64_t bytes, std::int32_t first, std::int32_t last) {
    temporaries.push_back({.name = std::move(name), .bytes = bytes, .first = first, .last = last});
    return {.in = space::arena, .index = static_cast<std::uint32_t>(temporaries.size() - 1)};
  }

  /// Takes memory that keeps its bytes from run to run.
  address state(std::int64_t bytes) {
    auto const offset = state_bytes;
    state_bytes = checked_add(offset, round_up(bytes, arena_alignment));
    return {.in = space::state, .offset = offset};
  }

  /// Where a launch leaves an index that lies outside of [least, greatest].
  address check(std::int64_t least, std::int64_t greatest) {
    SINTER_ASSERT(least <= 0 && greatest >= 0);
    checks.push_back({.least = least, .greatest = greatest});
    return {.in = space::check, .index = static_cast<std::uint32_t>(checks.size() - 1)};
  }

  /// Takes memory of the worker, which keeps nothing from one task to the next.
  address scratch(std::int64_t bytes) {
    auto const offset = scratch_bytes;
    scratch_bytes = checked_add(offset, round_up(bytes, arena_alignment));
    return {.in = space::scratch, .offset = offset};
  }
};

}  // namespace sinter
