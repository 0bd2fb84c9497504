#pragma once

#include <sinter/emit/x86/machine.hpp>
#include <sinter/vector/tiles.hpp>

#include <array>
#include <bit>
#include <cstdint>

/// Tiles, which take AMX: emitter.hpp refuses programs that have them for other machines. A kernel configures the tiles
/// that it takes when it begins and releases all when it ends, so that nothing of them stays in a thread: neither in
/// that of a caller, nor between two kernels in one of a pool, whose switches it would slow down.
namespace sinter::x86 {

/// Fails where `to` cannot hold the tiles of `p`.
inline void require_tiles(vector::program const& p, target const& to) {
  if (p.lanes != 16 || !to.has(feature::amx))
    fail(error_code::invalid_argument, "kernel '{}' multiplies tiles, which takes AMX: {} has none", p.name,
         to_string(to));
  if (auto const tiles = vector::allocate_tiles(p).shapes.size(); tiles > vector::most_tiles)
    fail(error_code::invalid_argument, "kernel '{}' needs {} tiles, there are {}", p.name, tiles, vector::most_tiles);
}

/// What `ldtilecfg` reads for a program.
inline std::array<std::uint32_t, 16> tile_configuration(vector::tile_allocation const& tiles) {
  return std::bit_cast<std::array<std::uint32_t, 16>>(tiles.configuration());
}

/// One instruction that moves or multiplies tiles.
inline void tile(machine& m, vector::instruction const& i) {
  using vector::opcode;
  auto const at = [&] { return m.tile_address(i.m, shape_of(m.source(), i).stride); };
  switch (i.op) {
    case opcode::tile_zero: return m.tilezero(m.tile(i.d));
    case opcode::tile_load: return m.tileloadd(m.tile(i.d), at());
    case opcode::tile_load_once: return m.tileloaddt1(m.tile(i.d), at());
    case opcode::tile_store: return m.tilestored(at(), m.tile(i.a));
    case opcode::tile_dot4: return m.tdpbusd(m.tile(i.d), m.tile(i.a), m.tile(i.b));
    default: return m.tdpbf16ps(m.tile(i.d), m.tile(i.a), m.tile(i.b));
  }
}

}  // namespace sinter::x86
