#pragma once

#include <sinter/schedules/spatial_tiles.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The positions of a kernel that a tile uses.
namespace sinter {

/// `count` neighbouring kernel positions from `first` on that lie inside the input for the same positions of a tile.
struct tap_group {
  std::int64_t first = 0, count = 1;
  std::vector<bool> inside;  ///< for each position of the tile
};

/// The kernel positions of one axis for a tile; without those that no position of the tile can use, unless `all`.
inline std::vector<tap_group> group_taps(window_axis const& axis, tile_run const& tile, bool all = false) {
  std::vector<tap_group> groups;
  bool joins = false;
  for (std::int64_t k = 0; k < axis.kernel; ++k) {
    std::vector<bool> inside(static_cast<std::size_t>(tile.length));
    bool any = all;
    for (std::int64_t i = 0; i < tile.length; ++i)
      if (axis.inside(tile.first + i, k)) any = inside[static_cast<std::size_t>(i)] = true;
    if (any && joins && groups.back().inside == inside)
      ++groups.back().count;
    else if (any)
      groups.push_back({k, 1, std::move(inside)});
    joins = any;
  }
  return groups;
}

inline std::int64_t count_taps(std::vector<tap_group> const& taps) {
  std::int64_t count = 0;
  for (auto const& group : taps) count += group.count;
  return count;
}

/// Whether all positions of all taps lie inside, or any.
inline bool all_inside(std::vector<tap_group> const& taps) {
  return std::ranges::all_of(taps, [](tap_group const& g) { return std::ranges::count(g.inside, false) == 0; });
}
inline bool any_inside(std::vector<tap_group> const& taps) {
  return std::ranges::any_of(taps, [](tap_group const& g) { return std::ranges::count(g.inside, true) > 0; });
}

/// The lowest place that taps read, where positions are `position` bytes apart and taps `tap` bytes.
inline std::int64_t lowest_tap(std::vector<tap_group> const& taps, std::int64_t position, std::int64_t tap) {
  std::int64_t least = INT64_MAX;
  for (auto const& group : taps)
    for (std::size_t i = 0; i < group.inside.size(); ++i)
      if (group.inside[i]) least = std::min(least, static_cast<std::int64_t>(i) * position + group.first * tap);
  return least == INT64_MAX ? 0 : least;
}

/// Groups that follow one another without a loop around any of them.
inline std::int64_t taps_in_a_row(std::vector<tap_group> const& y, std::vector<tap_group> const& x) {
  auto const loops = [](std::vector<tap_group> const& taps) {
    return std::ranges::any_of(taps, [](tap_group const& g) { return g.count > 1; });
  };
  if (loops(x)) return 1;
  return static_cast<std::int64_t>(x.size() * (loops(y) ? 1 : y.size()));
}

}  // namespace sinter
