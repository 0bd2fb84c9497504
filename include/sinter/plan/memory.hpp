#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/program/allocation.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

/// Placement of tensors in the arena: offsets such that no two that are alive at the same step share a byte.
namespace sinter {

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

namespace detail {

/// Orders in which first fit does well: by size, by first use, by breadth (the fullest step that a tensor lives
/// through; Pisarchyk and Lee 2020) and by length of life.
inline std::vector<std::vector<std::size_t>> placement_orders(std::vector<allocation> const& all) {
  auto const live = live_bytes(all);
  std::vector<std::int64_t> breadth;
  for (auto const& a : all) breadth.push_back(*std::max_element(live.begin() + a.first, live.begin() + a.last + 1));
  using key = std::pair<std::int64_t, std::int64_t>;
  auto const by_descending = [&](std::function<key(std::size_t)> const& key_of) {
    std::vector<std::pair<key, std::size_t>> order;
    for (std::size_t i = 0; i < all.size(); ++i) order.emplace_back(key_of(i), i);
    std::ranges::sort(order, [](auto const& a, auto const& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    std::vector<std::size_t> numbers;
    for (auto const& [of, i] : order) numbers.push_back(i);
    return numbers;
  };
  return {by_descending([&](std::size_t i) { return key(all[i].bytes, 0); }),
          by_descending([&](std::size_t i) { return key(-all[i].first, 0); }),
          by_descending([&](std::size_t i) { return key(breadth[i], all[i].bytes); }),
          by_descending([&](std::size_t i) { return key(all[i].last - all[i].first, all[i].bytes); })};
}

/// The allocation that reaches highest.
inline std::size_t topmost(std::vector<allocation> const& all) {
  auto const end = [](allocation const& a) { return a.offset + a.bytes; };
  return static_cast<std::size_t>(std::ranges::max_element(all, {}, end) - all.begin());
}

}  // namespace detail

/// Sets the offsets of all allocations and returns the size of the arena. First fit in several orders; as long as the
/// result is above the lower bound, the tensor that reaches highest is placed earlier and the rest again, some times.
inline std::int64_t place_allocations(std::vector<allocation>& all) {
  constexpr int attempts = 40;  // for each order; more gain little
  if (all.empty()) return 0;
  auto const bound = arena_lower_bound(all);
  std::int64_t best = INT64_MAX;
  std::vector<allocation> kept = all;
  for (auto& order : detail::placement_orders(all))
    for (int i = 0; i < attempts && best > bound; ++i) {
      auto const size = detail::place_first_fit(all, order);
      if (size < best) {
        best = size;
        kept = all;
      }
      auto const top = std::ranges::find(order, detail::topmost(all));
      std::rotate(order.begin(), top, top + 1);
    }
  all = std::move(kept);
  return best;
}

}  // namespace sinter
