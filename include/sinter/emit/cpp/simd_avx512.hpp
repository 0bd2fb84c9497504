#pragma once

#include <sinter/emit/cpp/simd_memory.hpp>

#if defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)

#include <xsimd/xsimd.hpp>

#include <immintrin.h>

/// Registers of 16 lanes on AVX-512: xsimd where it computes what vector programs say, intrinsics elsewhere. Part of
/// sinter_simd.hpp.
namespace sinter::simd {
namespace {

using f32x16 = xsimd::batch<float, xsimd::avx512bw>;
using i32x16 = xsimd::batch<std::int32_t, xsimd::avx512bw>;

template <>
struct registers<16> {
  using f32 = f32x16;
  using i32 = i32x16;
};

SINTER_SIMD f32x16 multiply_add(f32x16 const& a, f32x16 const& b, f32x16 const& c) {
  return f32x16(_mm512_fmadd_ps(a, b, c));
}
SINTER_SIMD f32x16 negative_multiply_add(f32x16 const& a, f32x16 const& b, f32x16 const& c) {
  return f32x16(_mm512_fnmadd_ps(a, b, c));
}
SINTER_SIMD i32x16 dot4_u8s8(i32x16 const& a, i32x16 const& b, i32x16 const& c) {
#if defined(__AVX512VNNI__)
  return i32x16(_mm512_dpbusd_epi32(c, a, b));
#else
  auto const odd = _mm512_madd_epi16(_mm512_srli_epi16(a, 8), _mm512_srai_epi16(b, 8));
  auto const even =
      _mm512_madd_epi16(_mm512_srli_epi16(_mm512_slli_epi16(a, 8), 8), _mm512_srai_epi16(_mm512_slli_epi16(b, 8), 8));
  return i32x16(_mm512_add_epi32(c, _mm512_add_epi32(odd, even)));
#endif
}
SINTER_SIMD i32x16 dot2_s16(i32x16 const& a, i32x16 const& b, i32x16 const& c) {
#if defined(__AVX512VNNI__)
  return i32x16(_mm512_dpwssd_epi32(c, a, b));
#else
  return i32x16(_mm512_add_epi32(c, _mm512_madd_epi16(a, b)));
#endif
}
SINTER_SIMD i32x16 lookup(i32x16 const& a, std::byte const* table) {
#if defined(__AVX512VBMI__)
  auto const part = [&](int k) { return _mm512_loadu_si512(table + 64 * k); };
  return i32x16(_mm512_mask_blend_epi8(_mm512_movepi8_mask(a), _mm512_permutex2var_epi8(part(0), a, part(1)),
                                       _mm512_permutex2var_epi8(part(2), a, part(3))));
#else
  __m512i number = a, found = _mm512_setzero_si512();
  for (int k = 0; k < 16; ++k) {
    auto const part = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<__m128i const*>(table + 16 * k)));
    auto const inside = _mm512_adds_epu8(number, _mm512_set1_epi8(0x70));
    found = _mm512_or_si512(found, _mm512_shuffle_epi8(part, inside));
    number = _mm512_sub_epi8(number, _mm512_set1_epi8(0x10));
  }
  return i32x16(found);
#endif
}
SINTER_SIMD f32x16 scale2(f32x16 const& a, f32x16 const& n) { return f32x16(_mm512_scalef_ps(a, n)); }

/// The quiet predicate of a comparison; `ne` holds for NaN.
constexpr int predicate_of(compare c) {
  constexpr int predicates[] = {0x00, 0x04, 0x11, 0x12, 0x1e, 0x1d};
  return predicates[static_cast<int>(c)];
}
template <compare C>
SINTER_SIMD f32x16 select(f32x16 const& a, f32x16 const& b, f32x16 const& yes, f32x16 const& no) {
  return f32x16(_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, predicate_of(C)), no, yes));
}
template <compare C>
SINTER_SIMD i32x16 select(f32x16 const& a, f32x16 const& b, i32x16 const& yes, i32x16 const& no) {
  return i32x16(_mm512_mask_blend_epi32(_mm512_cmp_ps_mask(a, b, predicate_of(C)), no, yes));
}

SINTER_SIMD i32x16 shift_left(i32x16 const& a, unsigned distance) { return i32x16(_mm512_slli_epi32(a, distance)); }
SINTER_SIMD i32x16 shift_right(i32x16 const& a, unsigned distance) { return i32x16(_mm512_srli_epi32(a, distance)); }
SINTER_SIMD i32x16 shift_right_signed(i32x16 const& a, unsigned distance) {
  return i32x16(_mm512_srai_epi32(a, distance));
}
SINTER_SIMD i32x16 to_i32(f32x16 const& a) { return i32x16(_mm512_cvtps_epi32(a)); }
SINTER_SIMD f32x16 to_f32(i32x16 const& a) { return f32x16(_mm512_cvtepi32_ps(a)); }
SINTER_SIMD i32x16 bits(f32x16 const& a) { return i32x16(_mm512_castps_si512(a)); }
SINTER_SIMD f32x16 floats(i32x16 const& a) { return f32x16(_mm512_castsi512_ps(a)); }

template <typename F>
SINTER_SIMD f32x16 butterfly(f32x16 const& a, F f) {
  __m512 z = a;
  z = f(z, _mm512_shuffle_f32x4(z, z, 0x4e));
  z = f(z, _mm512_shuffle_f32x4(z, z, 0xb1));
  z = f(z, _mm512_shuffle_ps(z, z, 0x4e));
  return f32x16(f(z, _mm512_shuffle_ps(z, z, 0xb1)));
}
SINTER_SIMD f32x16 hsum(f32x16 const& a) {
  return butterfly(a, [](__m512 x, __m512 y) { return _mm512_add_ps(x, y); });
}
SINTER_SIMD f32x16 hmax(f32x16 const& a) {
  return butterfly(a, [](__m512 x, __m512 y) { return _mm512_max_ps(x, y); });
}
SINTER_SIMD f32x16 halves(f32x16 const& a, f32x16 const& b) { return f32x16(_mm512_mask_blend_ps(0xff00, a, b)); }

template <int... Table>
SINTER_SIMD f32x16 shuffle(f32x16 const& a) {
  alignas(64) static constexpr std::int32_t table[] = {Table...};
  return f32x16(_mm512_permutexvar_ps(_mm512_load_si512(table), a));
}
template <int... Table>
SINTER_SIMD i32x16 shuffle(i32x16 const& a) {
  return bits(shuffle<Table...>(floats(a)));
}

template <>
struct access<f32x16, element::f32> {
  SINTER_SIMD static __mmask16 first(int count) { return static_cast<__mmask16>((1u << count) - 1); }
  SINTER_SIMD static f32x16 load(std::byte const* from) { return f32x16(_mm512_loadu_ps(from)); }
  SINTER_SIMD static f32x16 load_first(std::byte const* from, int count) {
    return f32x16(_mm512_maskz_loadu_ps(first(count), from));
  }
  SINTER_SIMD static void store(std::byte* to, f32x16 const& value) { _mm512_storeu_ps(to, value); }
  SINTER_SIMD static void store_first(std::byte* to, f32x16 const& value, int count) {
    _mm512_mask_storeu_ps(to, first(count), value);
  }
};
template <>
struct access<f32x16, element::f16> {
  SINTER_SIMD static f32x16 load(std::byte const* from) {
    return f32x16(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<__m256i const*>(from))));
  }
  SINTER_SIMD static f32x16 load_first(std::byte const* from, int count) {
    return load_each<f32x16, element::f16>(from, count);
  }
  SINTER_SIMD static void store(std::byte* to, f32x16 const& value) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  SINTER_SIMD static void store_first(std::byte* to, f32x16 const& value, int count) {
    store_each<element::f16>(to, value, count);
  }
};

/// Transposes a square in place: neighbours, pairs, quarters, halves.
template <typename... R>
requires(sizeof...(R) == 16 && (std::is_same_v<R, f32x16> && ...)) SINTER_SIMD void transpose(R&... rows) {
  __m512 v[16] = {rows...}, t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int g = 0; g < 16; g += 4)
    for (int q = 0; q < 2; ++q) {
      auto const a = _mm512_castps_pd(t[g + q]), b = _mm512_castps_pd(t[g + q + 2]);
      v[g + 2 * q] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
      v[g + 2 * q + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
    }
  for (int h = 0; h < 16; h += 8)
    for (int q = 0; q < 4; ++q) {
      t[h + q] = _mm512_shuffle_f32x4(v[h + q], v[h + q + 4], 0x88);
      t[h + q + 4] = _mm512_shuffle_f32x4(v[h + q], v[h + q + 4], 0xdd);
    }
  for (int q = 0; q < 8; ++q) {
    v[q] = _mm512_shuffle_f32x4(t[q], t[q + 8], 0x88);
    v[q + 8] = _mm512_shuffle_f32x4(t[q], t[q + 8], 0xdd);
  }
  int row = 0;
  ((rows = R(v[row++])), ...);
}

}  // namespace
}  // namespace sinter::simd

#endif
