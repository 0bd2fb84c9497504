#pragma once

#include <sinter/emit/x86/memory.hpp>

namespace sinter::x86 {

/// The second source of an instruction: a register, memory, or the temporary that memory was loaded into.
inline packed_operand second_source(machine& m, std::size_t at, vector::instruction const& i) {
  if (!i.m) return {.number = m.physical(i.b)};
  if (!folds(m.source(), i)) {
    auto const t = m.temporary(at);
    load(m, t, vector::memory_type(i.op), i.m, 0, t);
    return {.number = t.getIdx()};
  }
  auto from = m.memory(i.m);
  from.broadcast = i.m.broadcast;
  return from;
}

/// d = ±(a * b) + c with one instruction where d is one of the sources, else with a move before it.
inline void multiply_add(machine& m, std::size_t at, vector::instruction const& i) {
  bool const negative = i.op == vector::opcode::fnma;
  auto const d = m.physical(i.d), a = m.physical(i.a), c = m.physical(i.c);
  auto const b = second_source(m, at, i);
  if (d != c && d == a) return m.packed(negative ? packed::fnmadd132 : packed::fmadd132, d, c, b);
  if (d != c && !b.is_memory && d == b.number)
    return m.packed(negative ? packed::fnmadd213 : packed::fmadd213, d, a, {.number = c});
  if (d != c) m.packed(packed::move, d, 0, {.number = c});
  m.packed(negative ? packed::fnmadd231 : packed::fmadd231, d, a, b);
}

inline void float_binary(machine& m, std::size_t at, vector::instruction const& i) {
  auto const apply = [&](packed_opcode op) { m.packed(op, m.physical(i.d), m.physical(i.a), second_source(m, at, i)); };
  switch (i.op) {
    case vector::opcode::add: return apply(packed::add);
    case vector::opcode::sub: return apply(packed::sub);
    case vector::opcode::mul: return apply(packed::mul);
    case vector::opcode::div: return apply(packed::div);
    case vector::opcode::min: return apply(packed::min);  // the second source where one is NaN, or both are zeros
    default: return apply(packed::max);
  }
}

inline void integer_binary(machine& m, vector::instruction const& i) {
  auto const d = m.full(i.d), a = m.full(i.a), b = m.full(i.b);
  switch (i.op) {
    case vector::opcode::iadd: return m.vpaddd(d, a, b);
    case vector::opcode::isub: return m.vpsubd(d, a, b);
    case vector::opcode::imul: return m.vpmulld(d, a, b);
    case vector::opcode::imin: return m.vpminsd(d, a, b);
    case vector::opcode::imax: return m.vpmaxsd(d, a, b);
    case vector::opcode::iand: return m.wide() ? m.vpandd(d, a, b) : m.vpand(d, a, b);
    case vector::opcode::ior: return m.wide() ? m.vpord(d, a, b) : m.vpor(d, a, b);
    default: return m.wide() ? m.vpxord(d, a, b) : m.vpxor(d, a, b);
  }
}

/// Calls `f` with the second source of a product of integers, which has no broadcast of its own.
template <typename F>
void with_second_integers(machine& m, std::size_t at, vector::instruction const& i, F&& f) {
  if (!i.m) return f(static_cast<Xbyak::Operand const&>(m.full(i.b)));
  if (!loads_integers(m.source(), i)) return f(static_cast<Xbyak::Operand const&>(m.address(i.m)));
  auto const t = m.temporary(at);
  load(m, t, vector::register_type::i32, i.m, 0, t);
  f(static_cast<Xbyak::Operand const&>(t));
}

/// d = c + products of a and the second source, by an instruction that adds to its destination.
template <typename Add>
void add_products(machine& m, std::size_t at, vector::instruction const& i, Add&& add) {
  auto const d = m.full(i.d), c = m.full(i.c);
  bool const in_place = d.getIdx() == c.getIdx();
  auto const sum = in_place ? d : m.temporary(at, temporaries(m.source(), i) - 1);
  if (!in_place) m.vmovaps(sum, c);
  with_second_integers(m, at, i, [&](Xbyak::Operand const& b) { add(sum, m.full(i.a), b); });
  if (!in_place) m.vmovaps(d, sum);
}

/// Two s16 that are 1.
inline constexpr std::uint32_t word_ones = 0x00010001;

/// d = c + the sums of products of four u8 in a and four s8 in b. Without the instruction those of even bytes and those
/// of odd ones: a word holds the product of one pair of bytes, not of two.
inline void dot4(machine& m, std::size_t at, vector::instruction const& i) {
  using Xbyak::Operand;
  if (m.has_dot4())
    return add_products(m, at, i,
                        [&](auto const& sum, auto const& a, Operand const& b) { m.vpdpbusd(sum, a, b, m.encoding()); });
  auto const a = m.full(i.a);
  auto const count = temporaries(m.source(), i);
  auto const even = m.temporary(at, count - 2), odd = m.temporary(at, count - 1);
  with_second_integers(m, at, i, [&](Operand const& b) {
    m.vpsrlw(odd, a, 8);
    m.vpsllw(odd, odd, 8);
    m.vpsllw(even, a, 8);
    m.vpsrlw(even, even, 8);
    m.vpmaddubsw(even, even, b);
    m.vpmaddubsw(odd, odd, b);
  });
  m.vpmaddwd(even, even, m.register_of(word_ones));
  m.vpmaddwd(odd, odd, m.register_of(word_ones));
  m.vpaddd(even, even, odd);
  m.vpaddd(m.full(i.d), m.full(i.c), even);
}

/// d = c + the sums of products of two s16 in a and in b.
inline void dot2(machine& m, std::size_t at, vector::instruction const& i) {
  using Xbyak::Operand;
  if (m.has_dot4())
    return add_products(m, at, i,
                        [&](auto const& sum, auto const& a, Operand const& b) { m.vpdpwssd(sum, a, b, m.encoding()); });
  auto const products = m.temporary(at, temporaries(m.source(), i) - 1);
  with_second_integers(m, at, i, [&](Operand const& b) { m.vpmaddwd(products, m.full(i.a), b); });
  m.vpaddd(m.full(i.d), m.full(i.c), products);
}

inline void integer_shift(machine& m, vector::instruction const& i) {
  auto const d = m.full(i.d), a = m.full(i.a);
  auto const distance = static_cast<std::uint8_t>(i.imm);
  switch (i.op) {
    case vector::opcode::ishl: return m.vpslld(d, a, distance);
    case vector::opcode::ishr: return m.vpsrld(d, a, distance);
    default: return m.vpsrad(d, a, distance);
  }
}

inline void unary(machine& m, vector::instruction const& i) {
  constexpr std::uint8_t to_even = 8, down = 9;
  auto const d = m.full(i.d), a = m.full(i.a);
  switch (i.op) {
    case vector::opcode::sqrt: return m.vsqrtps(d, a);
    case vector::opcode::round: return m.wide() ? m.vrndscaleps(d, a, to_even) : m.vroundps(d, a, to_even);
    case vector::opcode::floor: return m.wide() ? m.vrndscaleps(d, a, down) : m.vroundps(d, a, down);
    case vector::opcode::to_i32: return m.vcvtps2dq(d, a);
    case vector::opcode::to_f32: return m.vcvtdq2ps(d, a);
    default:  // mov, bits, floats
      if (d.getIdx() != a.getIdx()) m.packed(packed::move, d.getIdx(), 0, {.number = a.getIdx()});
  }
}

/// a * 2^b. AVX2 multiplies by the power, which is a normal number for every b allowed: rounded once, as vscalefps is.
inline void scale(machine& m, std::size_t at, vector::instruction const& i) {
  auto const d = m.full(i.d), a = m.full(i.a), b = m.full(i.b);
  if (m.wide()) return m.vscalefps(d, a, b);
  auto const t = m.temporary(at);
  m.vcvtps2dq(t, b);
  m.vpaddd(t, t, m.splat(127));
  m.vpslld(t, t, 23);
  m.vmulps(d, a, t);
}

inline void select(machine& m, std::size_t at, vector::instruction const& i) {
  constexpr std::uint8_t predicates[] = {0x00, 0x04, 0x11, 0x12, 0x1e, 0x1d};  // quiet; ne is true for NaN
  auto const predicate = predicates[static_cast<int>(i.cc)];
  auto const d = m.full(i.d), a = m.full(i.a), b = m.full(i.b), yes = m.full(i.c), no = m.full(i.e);
  if (m.wide()) {
    m.vcmpps(m.k7, a, b, predicate);
    m.vblendmps(d | m.k7, no, yes);
  } else {
    auto const t = m.temporary(at);
    m.vcmpps(t, a, b, predicate);
    m.vblendvps(d, no, yes, t);
  }
}

inline void constant(machine& m, vector::instruction const& i) {
  auto const d = m.full(i.d);
  if (i.imm != 0) return m.vbroadcastss(d, m.word(static_cast<std::uint32_t>(i.imm)));
  if (d.getIdx() < 16)
    m.vxorps(Xbyak::Xmm(d.getIdx()), Xbyak::Xmm(d.getIdx()), Xbyak::Xmm(d.getIdx()));  // clears the rest as well
  else
    m.vpxord(d, d, d);
}

}  // namespace sinter::x86
