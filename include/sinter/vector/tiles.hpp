#pragma once

#include <sinter/core/tile.hpp>
#include <sinter/vector/liveness.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Which tile registers a program takes. The shape of each is the same all through a program.
namespace sinter::vector {

/// Tile registers of a machine.
inline constexpr std::size_t most_tiles = 8;

inline bool has_tiles(program const& p) {
  return std::ranges::find(p.registers, register_type::tile) != p.registers.end();
}

/// Shapes of the tiles among the registers of a program, by their numbers; those of others have no rows.
inline std::vector<tile_shape> tile_shapes(program const& p) {
  std::vector<tile_shape> shapes(p.registers.size());
  for (auto const& i : p.code)
    if (i.d && moves_tile(i.op)) shapes[static_cast<std::size_t>(i.d.id)] = shape_of(p, i);
  return shapes;
}

/// The machine's tiles that hold those of a program. Tiles of different shapes share none.
struct tile_allocation {
  std::vector<std::int8_t> machine{};  ///< by register; -1: no tile
  std::vector<tile_shape> shapes{};    ///< of the machine's tiles; there may be more than `most_tiles`

  /// The 64 bytes that `ldtilecfg` reads.
  std::array<std::uint8_t, 64> configuration() const {
    std::array<std::uint8_t, 64> bytes{1};
    for (std::size_t n = 0; n < shapes.size(); ++n) {
      bytes[16 + 2 * n] = static_cast<std::uint8_t>(shapes[n].bytes);
      bytes[48 + n] = static_cast<std::uint8_t>(shapes[n].rows);
    }
    return bytes;
  }
};

/// Linear scan over live ranges.
inline tile_allocation allocate_tiles(program const& p, std::vector<live_range> const& ranges) {
  tile_allocation all{.machine = std::vector<std::int8_t>(p.registers.size(), -1)};
  auto const wanted = tile_shapes(p);
  std::vector<std::int32_t> order, last;  // of the registers of a program; of the machine's tiles: when they are free
  for (std::size_t r = 0; r < ranges.size(); ++r)
    if (p.registers[r] == register_type::tile && ranges[r].first >= 0) order.push_back(static_cast<std::int32_t>(r));
  std::ranges::sort(order, {}, [&](std::int32_t r) { return ranges[static_cast<std::size_t>(r)].first; });
  for (auto const r : order) {
    auto const& range = ranges[static_cast<std::size_t>(r)];
    auto const& shape = wanted[static_cast<std::size_t>(r)];
    std::size_t n = 0;
    while (n < last.size() && (last[n] >= range.first || !all.shapes[n].matches(shape))) ++n;
    if (n == last.size()) last.push_back(0), all.shapes.push_back(shape);
    last[n] = range.last;
    all.machine[static_cast<std::size_t>(r)] = static_cast<std::int8_t>(std::min<std::size_t>(n, 127));
  }
  return all;
}

inline tile_allocation allocate_tiles(program const& p) {
  std::vector<live_range> ranges;
  find_live_ranges(p, ranges);
  return allocate_tiles(p, ranges);
}

}  // namespace sinter::vector
