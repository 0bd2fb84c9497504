#pragma once

#include <sinter/emit/x86/machine.hpp>

#include <cstdint>

namespace sinter::x86 {

/// Bytes that look into a table of 16: bits of the step from one part of a table to the next, and what keeps numbers
/// below 16 and gives others their highest bit, with saturation.
inline constexpr std::uint32_t part_step = 0x10101010, part_bound = 0x70707070;

/// What `lookup` takes from the pool.
inline void intern_lookup_constants(constant_pool& pool, int lanes) {
  for (auto const word : {part_step, part_bound}) pool.splat(word, static_cast<std::size_t>(lanes));
}

/// d = the bytes of the table with the numbers that the bytes of a are: both halves of the table give theirs.
inline void lookup_at_once(machine& m, std::size_t at, vector::instruction const& i) {
  auto const a = m.full(i.a), low = m.temporary(at), high = m.temporary(at, 1);
  m.vmovups(low, m.address(i.m));
  m.vpermt2b(low, a, m.address(i.m, 64));
  m.vmovups(high, m.address(i.m, 128));
  m.vpermt2b(high, a, m.address(i.m, 192));
  m.vpmovb2m(m.k7, a);
  m.vpblendmb(m.full(i.d) | m.k7, low, high);
}

/// The same without the instruction: each 16 bytes of the table give 0 for the bytes that are not theirs.
inline void lookup(machine& m, std::size_t at, vector::instruction const& i) {
  if (m.permutes_bytes()) return lookup_at_once(m, at, i);
  auto const d = m.full(i.d), number = m.temporary(at), t = m.temporary(at, 1), part = m.temporary(at, 2);
  m.vmovaps(number, m.full(i.a));
  for (int k = 0; k < 16; ++k) {
    if (k > 0) m.vpsubb(number, number, m.register_of(part_step));
    m.vpaddusb(t, number, m.register_of(part_bound));
    m.wide() ? m.vbroadcasti32x4(part, m.address(i.m, 16 * k)) : m.vbroadcasti128(part, m.address(i.m, 16 * k));
    m.vpshufb(k == 0 ? d : t, part, t);
    if (k > 0) m.wide() ? m.vpord(d, d, t) : m.vpor(d, d, t);
  }
}

}  // namespace sinter::x86
