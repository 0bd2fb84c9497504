#pragma once

#include <sinter/emit/x86/machine.hpp>

#include <array>

namespace sinter::x86 {

/// -1 in eight words, then 0 in eight: the words from 8-n on are the mask of the first n lanes (AVX2).
inline constexpr std::array<std::uint32_t, 16> mask_words = [] {
  std::array<std::uint32_t, 16> words{};
  for (std::size_t k = 0; k < 8; ++k) words[k] = ~0u;
  return words;
}();

/// What the loads, stores and conversions below take from the pool.
inline void intern_memory_constants(constant_pool& pool, int lanes) {
  std::size_t const copies = lanes == 16 ? 1 : 8;
  for (std::uint32_t const word : {1u, 0x7fffu, 0x40u, 127u}) pool.splat(word, copies);
  if (lanes == 8) pool.intern(mask_words);
}

/// t = the mask of the first `count` lanes (AVX2).
inline void lane_mask(machine& m, Xbyak::Ymm const& t, int count) {
  m.vmovups(t, m.words(mask_words, static_cast<std::size_t>(8 - count)));
}

/// Reads exactly `bytes` < 16 bytes into the low end of `x`, zeros above (AVX2).
inline void load_bytes(machine& m, Xbyak::Xmm const& x, vector::memory const& from, int bytes) {
  int at = bytes >= 8 ? 8 : bytes >= 4 ? 4 : 0;
  if (at == 8)
    m.vmovq(x, m.address(from));
  else if (at == 4)
    m.vmovd(x, m.address(from));
  else
    m.vpxor(x, x, x);
  while (at < bytes) {
    int const left = bytes - at;
    if (left >= 4)
      m.vpinsrd(x, x, m.address(from, at), static_cast<std::uint8_t>(at / 4)), at += 4;
    else if (left >= 2)
      m.vpinsrw(x, x, m.address(from, at), static_cast<std::uint8_t>(at / 2)), at += 2;
    else
      m.vpinsrb(x, x, m.address(from, at), static_cast<std::uint8_t>(at)), at += 1;
  }
}

/// Writes the low `bytes` <= 16 bytes of `x` (AVX2).
inline void store_bytes(machine& m, vector::memory const& to, Xbyak::Xmm const& x, int bytes) {
  if (bytes == 16) return m.vmovdqu(m.address(to), x);
  int at = bytes >= 8 ? 8 : bytes >= 4 ? 4 : 0;
  if (at == 8) m.vmovq(m.address(to), x);
  if (at == 4) m.vmovd(m.address(to), x);
  while (at < bytes) {
    int const left = bytes - at;
    if (left >= 4)
      m.vpextrd(m.address(to, at), x, static_cast<std::uint8_t>(at / 4)), at += 4;
    else if (left >= 2)
      m.vpextrw(m.address(to, at), x, static_cast<std::uint8_t>(at / 2)), at += 2;
    else
      m.vpextrb(m.address(to, at), x, static_cast<std::uint8_t>(at)), at += 1;
  }
}

/// Widens elements of type `e` in `from` (memory, or the low end of a register) to the 32-bit lanes of `d`; the lanes
/// are what the element is: f32 for floats, i32 for integers. `to` is `d`, masked where the load is.
inline void widen(machine& m, Xbyak::Ymm const& to, Xbyak::Ymm const& d, vector::element e,
                  Xbyak::Operand const& from) {
  switch (e) {
    case vector::element::f32:
    case vector::element::i32: m.vmovups(to, from); break;
    case vector::element::f16: m.vcvtph2ps(to, from); break;
    case vector::element::bf16:
      m.vpmovzxwd(to, from);
      m.vpslld(d, d, 16);
      break;
    case vector::element::s8: m.vpmovsxbd(to, from); break;
    case vector::element::u8: m.vpmovzxbd(to, from); break;
  }
}

inline void load_broadcast(machine& m, Xbyak::Ymm const& d, vector::element e, vector::memory const& from) {
  Xbyak::Xmm const low(d.getIdx());
  switch (e) {
    case vector::element::f32:
    case vector::element::i32: return m.packed(packed::broadcast, d.getIdx(), 0, m.memory(from));
    case vector::element::f16: m.vpbroadcastw(m.half(d), m.address(from)); return m.vcvtph2ps(d, m.half(d));
    case vector::element::bf16: m.vpbroadcastw(d, m.address(from)); return m.vpslld(d, d, 16);
    case vector::element::s8: m.vpbroadcastb(low, m.address(from)); return m.vpmovsxbd(d, low);
    case vector::element::u8: m.vpbroadcastb(low, m.address(from)); return m.vpmovzxbd(d, low);
  }
}

/// The first `count` elements (0: all) into `d`; `t` is free for a mask (AVX2, elements of 4 bytes).
inline void load_part(machine& m, Xbyak::Ymm const& d, vector::element e, vector::memory const& from, int count,
                      Xbyak::Ymm const& t) {
  if (count == 0 && size_of(e) == 4) return m.packed(packed::load, d.getIdx(), 0, m.memory(from));
  if (count == 0) return widen(m, d, d, e, m.address(from));
  if (m.wide()) {
    auto const mask = m.mask(count);  // before the address, which may use the same scratch register
    return widen(m, d | mask | m.T_z, d, e, m.address(from));
  }
  if (size_of(e) == 4) {
    lane_mask(m, t, count);
    return m.vmaskmovps(d, t, m.address(from));
  }
  Xbyak::Xmm const low(d.getIdx());
  load_bytes(m, low, from, count * size_of(e));
  widen(m, d, d, e, low);
}

inline bool is_integer(vector::element e) {
  return e == vector::element::i32 || e == vector::element::s8 || e == vector::element::u8;
}

/// d = memory, converted to lanes of `type`.
inline void load(machine& m, Xbyak::Ymm const& d, vector::register_type type, vector::memory const& from, int count,
                 Xbyak::Ymm const& t) {
  auto const e = element_of(m.source(), from);
  if (from.broadcast)
    load_broadcast(m, d, e, from);
  else
    load_part(m, d, e, from, count, t);
  if (type == vector::register_type::f32 && is_integer(e)) m.vcvtdq2ps(d, d);
}

/// t = the lanes of `s` rounded to bfloat16, in the low halves of the words; NaNs stay NaNs. `u`, `v`: AVX2 only.
inline void round_to_bfloat16(machine& m, Xbyak::Ymm const& t, Xbyak::Ymm const& s, Xbyak::Ymm const& u,
                              Xbyak::Ymm const& v) {
  m.vpsrld(t, s, 16);
  if (m.wide())
    m.vpandd(t, t, m.splat(1));
  else
    m.vpand(t, t, m.splat(1));
  m.vpaddd(t, t, m.splat(0x7fff));
  m.vpaddd(t, t, s);
  m.vpsrld(t, t, 16);
  constexpr std::uint8_t unordered = 3;
  if (m.wide()) {
    m.vcmpps(m.k7, s, s, unordered);
    m.vpsrld(t | m.k7, s, 16);
    m.vpord(t | m.k7, t, m.splat(0x40));
  } else {
    m.vpsrld(u, s, 16);
    m.vpor(u, u, m.splat(0x40));
    m.vcmpps(v, s, s, unordered);
    m.vblendvps(t, t, u, v);
  }
}

inline void store_wide(machine& m, std::size_t at, vector::instruction const& i, vector::element e, Xbyak::Ymm s) {
  bool const rounds = is_integer(e) && type_of(m.source(), i.a) == vector::register_type::f32;
  if (rounds) {
    m.vcvtps2dq(m.temporary(at), s);
    s = m.temporary(at);
  }
  if (e == vector::element::u8) {
    auto const t = m.temporary(at, rounds ? 1 : 0);
    m.vpxord(t, t, t);
    m.vpmaxsd(t, t, s);
    s = t;
  }
  if (e == vector::element::bf16) {
    round_to_bfloat16(m, m.temporary(at), s, s, s);
    s = m.temporary(at);
  }
  auto const mask = i.count > 0 ? m.mask(i.count) : m.k0;
  auto const to = m.address(i.m) | mask;
  switch (e) {
    case vector::element::f32:
    case vector::element::i32: return m.vmovups(to, s);
    case vector::element::f16: return m.vcvtps2ph(to, s, 0);
    case vector::element::bf16: return m.vpmovdw(to, s);
    case vector::element::s8: return m.vpmovsdb(to, s);
    case vector::element::u8: return m.vpmovusdb(to, s);
  }
}

inline void store_small_avx2(machine& m, std::size_t at, vector::instruction const& i, vector::element e,
                             Xbyak::Ymm const& s) {
  int const bytes = (i.count > 0 ? i.count : 8) * size_of(e);
  if (e == vector::element::f16) {
    if (i.count == 0) return m.vcvtps2ph(m.address(i.m), s, 0);
    m.vcvtps2ph(m.half(m.temporary(at)), s, 0);
    return store_bytes(m, i.m, m.half(m.temporary(at)), bytes);
  }
  auto const t = m.temporary(at), u = m.temporary(at, 1);
  auto const low = m.half(t), high = m.half(u);
  if (e == vector::element::bf16) {
    round_to_bfloat16(m, t, s, u, m.temporary(at, 2));
    m.vextracti128(high, t, 1);
    m.vpackusdw(low, low, high);
    return store_bytes(m, i.m, low, bytes);
  }
  bool const rounds = type_of(m.source(), i.a) == vector::register_type::f32;
  if (rounds) m.vcvtps2dq(t, s);
  auto const from = rounds ? t : s;
  m.vextracti128(high, from, 1);
  m.vpackssdw(low, m.half(from), high);
  if (e == vector::element::s8)
    m.vpacksswb(low, low, low);
  else
    m.vpackuswb(low, low, low);
  store_bytes(m, i.m, low, bytes);
}

inline void store(machine& m, std::size_t at, vector::instruction const& i) {
  auto const e = element_of(m.source(), i.m);
  auto s = m.full(i.a);
  bool const is_float = type_of(m.source(), i.a) == vector::register_type::f32;
  if (i.count == 0 && e == (is_float ? vector::element::f32 : vector::element::i32))
    return m.packed(packed::store, s.getIdx(), 0, m.memory(i.m));
  if (m.wide()) return store_wide(m, at, i, e, s);
  if (size_of(e) != 4) return store_small_avx2(m, at, i, e, s);
  int used = 0;
  if (e == vector::element::i32 && type_of(m.source(), i.a) == vector::register_type::f32) {
    m.vcvtps2dq(m.temporary(at), s);
    s = m.temporary(at, used++);
  }
  if (i.count == 0) return m.vmovups(m.address(i.m), s);
  auto const mask = m.temporary(at, used);
  lane_mask(m, mask, i.count);
  m.vmaskmovps(m.address(i.m), mask, s);
}

}  // namespace sinter::x86
