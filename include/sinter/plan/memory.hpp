#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/plan/program.hpp>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

/// Placement of tensors in the arena: offsets such that no two that are alive at the same step share a byte.
namespace sinter {

inline constexpr std::int64_t arena_alignment = 64;

inline bool overlap_in_time(allocation const& a, allocation const& b) { return a.first <= b.last && b.first <= a.last; }

/// The most bytes that are alive at any step: no placement can need less.
inline std::int64_t arena_lower_bound(std::vector<allocation> const& all) {
  std::int32_t steps = 0;
  for (auto const& a : all) steps = std::max(steps, a.last + 1);
  std::vector<std::int64_t> change(static_cast<std::size_t>(steps) + 1, 0);
  for (auto const& a : all) {
    auto const bytes = round_up(a.bytes, arena_alignment);
    change[static_cast<std::size_t>(a.first)] += bytes;
    change[static_cast<std::size_t>(a.last) + 1] -= bytes;
  }
  std::int64_t live = 0, most = 0;
  for (auto const c : change) most = std::max(most, live += c);
  return most;
}

namespace detail {

/// Places the allocations in the given order, each at the lowest offset where it fits; returns the arena's size.
inline std::int64_t place_first_fit(std::vector<allocation>& all, std::vector<std::size_t> const& order) {
  std::vector<std::size_t> placed;  // by offset
  std::int64_t size = 0;
  for (auto const i : order) {
    auto& a = all[i];
    auto const bytes = round_up(a.bytes, arena_alignment);
    std::int64_t at = 0;
    for (auto const j : placed) {
      auto const& other = all[j];
      if (!overlap_in_time(a, other)) continue;
      if (at + bytes <= other.offset) break;
      at = std::max(at, other.offset + round_up(other.bytes, arena_alignment));
    }
    a.offset = at;
    size = std::max(size, at + bytes);
    placed.insert(std::ranges::upper_bound(placed, at, {}, [&](std::size_t j) { return all[j].offset; }), i);
  }
  return size;
}

/// Sum of the live bytes of all steps that an allocation lives through, by step: what "breadth" means.
inline std::vector<std::int64_t> live_bytes(std::vector<allocation> const& all) {
  std::int32_t steps = 0;
  for (auto const& a : all) steps = std::max(steps, a.last + 1);
  std::vector<std::int64_t> live(static_cast<std::size_t>(steps), 0);
  for (auto const& a : all)
    for (auto s = a.first; s <= a.last; ++s) live[static_cast<std::size_t>(s)] += a.bytes;
  return live;
}

}  // namespace detail

/// Sets the offsets of all allocations and returns the size of the arena: the best of first fit in the orders size,
/// first use and breadth (the fullest step that a tensor lives through; Pisarchyk and Lee 2020).
inline std::int64_t place_allocations(std::vector<allocation>& all) {
  std::vector<std::size_t> order(all.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  auto const live = detail::live_bytes(all);
  auto const breadth = [&](allocation const& a) {
    return *std::max_element(live.begin() + a.first, live.begin() + a.last + 1);
  };
  std::vector<std::int64_t> breadths;
  for (auto const& a : all) breadths.push_back(breadth(a));
  auto const by = [&](auto less) {
    auto sorted = order;
    std::ranges::stable_sort(sorted, less);
    return sorted;
  };
  std::vector<std::vector<std::size_t>> const orders{
      by([&](auto i, auto j) { return all[i].bytes > all[j].bytes; }),
      by([&](auto i, auto j) { return all[i].first < all[j].first; }), by([&](auto i, auto j) {
        return breadths[i] != breadths[j] ? breadths[i] > breadths[j] : all[i].bytes > all[j].bytes;
      }),
      by([&](auto i, auto j) {
        return all[i].last - all[i].first != all[j].last - all[j].first
                   ? all[i].last - all[i].first > all[j].last - all[j].first
                   : all[i].bytes > all[j].bytes;
      })};
  std::int64_t best = INT64_MAX;
  std::vector<allocation> kept = all;
  for (auto const& candidate : orders) {
    auto const size = detail::place_first_fit(all, candidate);
    if (size < best) {
      best = size;
      kept = all;
    }
  }
  all = std::move(kept);
  return all.empty() ? 0 : best;
}

}  // namespace sinter
