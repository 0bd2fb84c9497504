#pragma once

#include <sinter/emit/cpp/simd_memory.hpp>

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)

#include <xsimd/xsimd.hpp>

#include <immintrin.h>

/// Registers of 8 lanes on AVX2 with FMA and F16C: xsimd where it computes what vector programs say, intrinsics
/// elsewhere. Part of sinter_simd.hpp.
namespace sinter::simd {
namespace {

using f32x8 = xsimd::batch<float, xsimd::avx2>;
using i32x8 = xsimd::batch<std::int32_t, xsimd::avx2>;

template <>
struct registers<8> {
  using f32 = f32x8;
  using i32 = i32x8;
};

SINTER_SIMD f32x8 multiply_add(f32x8 const& a, f32x8 const& b, f32x8 const& c) {
  return f32x8(_mm256_fmadd_ps(a, b, c));
}
SINTER_SIMD f32x8 negative_multiply_add(f32x8 const& a, f32x8 const& b, f32x8 const& c) {
  return f32x8(_mm256_fnmadd_ps(a, b, c));
}
SINTER_SIMD i32x8 dot4_u8s8(i32x8 const& a, i32x8 const& b, i32x8 const& c) {
#if defined(__AVXVNNI__)
  return i32x8(_mm256_dpbusd_avx_epi32(c, a, b));
#else
  auto const odd = _mm256_madd_epi16(_mm256_srli_epi16(a, 8), _mm256_srai_epi16(b, 8));
  auto const even =
      _mm256_madd_epi16(_mm256_srli_epi16(_mm256_slli_epi16(a, 8), 8), _mm256_srai_epi16(_mm256_slli_epi16(b, 8), 8));
  return i32x8(_mm256_add_epi32(c, _mm256_add_epi32(odd, even)));
#endif
}
SINTER_SIMD i32x8 dot2_s16(i32x8 const& a, i32x8 const& b, i32x8 const& c) {
#if defined(__AVXVNNI__)
  return i32x8(_mm256_dpwssd_avx_epi32(c, a, b));
#else
  return i32x8(_mm256_add_epi32(c, _mm256_madd_epi16(a, b)));
#endif
}
SINTER_SIMD i32x8 lookup(i32x8 const& a, std::byte const* table) {
  __m256i number = a, found = _mm256_setzero_si256();
  for (int k = 0; k < 16; ++k) {
    auto const part = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<__m128i const*>(table + 16 * k)));
    auto const inside = _mm256_adds_epu8(number, _mm256_set1_epi8(0x70));
    found = _mm256_or_si256(found, _mm256_shuffle_epi8(part, inside));
    number = _mm256_sub_epi8(number, _mm256_set1_epi8(0x10));
  }
  return i32x8(found);
}
SINTER_SIMD f32x8 scale2(f32x8 const& a, f32x8 const& n) {
  auto const exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  return f32x8(_mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23))));
}

/// All bits of the lanes where the comparison holds; quiet, and `ne` holds for NaN.
template <compare C>
SINTER_SIMD __m256 where(f32x8 const& a, f32x8 const& b) {
  constexpr int predicates[] = {0x00, 0x04, 0x11, 0x12, 0x1e, 0x1d};
  return _mm256_cmp_ps(a, b, predicates[static_cast<int>(C)]);
}
template <compare C>
SINTER_SIMD f32x8 select(f32x8 const& a, f32x8 const& b, f32x8 const& yes, f32x8 const& no) {
  return f32x8(_mm256_blendv_ps(no, yes, where<C>(a, b)));
}
template <compare C>
SINTER_SIMD i32x8 select(f32x8 const& a, f32x8 const& b, i32x8 const& yes, i32x8 const& no) {
  return i32x8(
      _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(no), _mm256_castsi256_ps(yes), where<C>(a, b))));
}

SINTER_SIMD i32x8 shift_left(i32x8 const& a, int distance) { return i32x8(_mm256_slli_epi32(a, distance)); }
SINTER_SIMD i32x8 shift_right(i32x8 const& a, int distance) { return i32x8(_mm256_srli_epi32(a, distance)); }
SINTER_SIMD i32x8 shift_right_signed(i32x8 const& a, int distance) { return i32x8(_mm256_srai_epi32(a, distance)); }
SINTER_SIMD i32x8 to_i32(f32x8 const& a) { return i32x8(_mm256_cvtps_epi32(a)); }
SINTER_SIMD f32x8 to_f32(i32x8 const& a) { return f32x8(_mm256_cvtepi32_ps(a)); }
SINTER_SIMD i32x8 bits(f32x8 const& a) { return i32x8(_mm256_castps_si256(a)); }
SINTER_SIMD f32x8 floats(i32x8 const& a) { return f32x8(_mm256_castsi256_ps(a)); }

template <typename F>
SINTER_SIMD f32x8 butterfly(f32x8 const& a, F f) {
  __m256 y = a;
  y = f(y, _mm256_permute2f128_ps(y, y, 1));
  y = f(y, _mm256_shuffle_ps(y, y, 0x4e));
  return f32x8(f(y, _mm256_shuffle_ps(y, y, 0xb1)));
}
SINTER_SIMD f32x8 hsum(f32x8 const& a) {
  return butterfly(a, [](__m256 x, __m256 y) { return _mm256_add_ps(x, y); });
}
SINTER_SIMD f32x8 hmax(f32x8 const& a) {
  return butterfly(a, [](__m256 x, __m256 y) { return _mm256_max_ps(x, y); });
}
SINTER_SIMD f32x8 halves(f32x8 const& a, f32x8 const& b) { return f32x8(_mm256_blend_ps(a, b, 0xf0)); }

template <int... Table>
SINTER_SIMD f32x8 shuffle(f32x8 const& a) {
  return f32x8(_mm256_permutevar8x32_ps(a, _mm256_setr_epi32(Table...)));
}
template <int... Table>
SINTER_SIMD i32x8 shuffle(i32x8 const& a) {
  return bits(shuffle<Table...>(floats(a)));
}

template <>
struct access<f32x8, element::f32> {
  SINTER_SIMD static __m256i first(int count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  SINTER_SIMD static float const* floats_at(std::byte const* at) { return reinterpret_cast<float const*>(at); }
  SINTER_SIMD static float* floats_at(std::byte* at) { return reinterpret_cast<float*>(at); }
  SINTER_SIMD static f32x8 load(std::byte const* from) { return f32x8(_mm256_loadu_ps(floats_at(from))); }
  SINTER_SIMD static f32x8 load_first(std::byte const* from, int count) {
    return f32x8(_mm256_maskload_ps(floats_at(from), first(count)));
  }
  SINTER_SIMD static void store(std::byte* to, f32x8 const& value) { _mm256_storeu_ps(floats_at(to), value); }
  SINTER_SIMD static void store_first(std::byte* to, f32x8 const& value, int count) {
    _mm256_maskstore_ps(floats_at(to), first(count), value);
  }
};
template <>
struct access<f32x8, element::f16> {
  SINTER_SIMD static f32x8 load(std::byte const* from) {
    return f32x8(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<__m128i const*>(from))));
  }
  SINTER_SIMD static f32x8 load_first(std::byte const* from, int count) {
    return load_each<f32x8, element::f16>(from, count);
  }
  SINTER_SIMD static void store(std::byte* to, f32x8 const& value) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT));
  }
  SINTER_SIMD static void store_first(std::byte* to, f32x8 const& value, int count) {
    store_each<element::f16>(to, value, count);
  }
};

/// Transposes a square in place: neighbours, pairs, halves.
template <typename... R>
requires(sizeof...(R) == 8 && (std::is_same_v<R, f32x8> && ...)) SINTER_SIMD void transpose(R&... rows) {
  __m256 v[8] = {rows...}, t[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int g = 0; g < 8; g += 4)
    for (int q = 0; q < 2; ++q) {
      auto const a = _mm256_castps_pd(t[g + q]), b = _mm256_castps_pd(t[g + q + 2]);
      v[g + 2 * q] = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
      v[g + 2 * q + 1] = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
    }
  for (int q = 0; q < 4; ++q) {
    t[q] = _mm256_permute2f128_ps(v[q], v[q + 4], 0x20);
    t[q + 4] = _mm256_permute2f128_ps(v[q], v[q + 4], 0x31);
  }
  int row = 0;
  ((rows = R(t[row++])), ...);
}

}  // namespace
}  // namespace sinter::simd

#endif
