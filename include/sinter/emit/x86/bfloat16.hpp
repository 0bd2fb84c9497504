#pragma once

#include <sinter/core/target.hpp>
#include <sinter/emit/x86/arithmetic.hpp>

/// Pairs of bfloat16, which take AVX-512 BF16: emitter.hpp refuses programs that have them for other machines.
namespace sinter {

/// Whether `machine` multiplies pairs of bfloat16 in registers of 16 lanes.
inline bool multiplies_bfloat16(target const& machine) { return machine.has(feature::avx512bf16); }

namespace x86 {

/// Whether an instruction takes AVX-512 BF16.
inline bool takes_bfloat16(vector::instruction const& i) {
  return i.op == vector::opcode::dot2_bf16 || i.op == vector::opcode::pack_bf16;
}

/// d = c + the products of two bf16 in a and two in b.
inline void dot2_bf16(machine& m, std::size_t at, vector::instruction const& i) {
  auto const d = m.full(i.d), c = m.full(i.c);
  bool const in_place = d.getIdx() == c.getIdx();
  auto const sum = in_place ? d : m.temporary(at, vector::temporaries(m.source(), i) - 1);
  if (!in_place) m.vmovaps(sum, c);
  m.packed(packed::dot2_bf16, sum.getIdx(), m.physical(i.a), second_source(m, at, i));
  if (!in_place) m.vmovaps(d, sum);
}

inline void pack_bf16(machine& m, vector::instruction const& i) {
  m.vcvtne2ps2bf16(m.full(i.d), m.full(i.b), m.full(i.a));
}

}  // namespace x86
}  // namespace sinter
