#pragma once

#include <sinter/schedules/spatial_tiles.hpp>

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

}  // namespace sinter
