#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/emit/cpp/simd_avx512.hpp>

/// Pairs of bfloat16 in registers of int32: one instruction on AVX-512 BF16, a lane at a time elsewhere, with the same
/// bits. Part of sinter_simd.hpp.
namespace sinter::simd {
namespace {

/// c + the products of a's and b's two bfloat16, lane by lane.
template <typename F, typename I>
SINTER_SIMD F dot2_bf16(I const& a, I const& b, F const& c) {
  auto const x = lane_array<I>::split(a), y = lane_array<I>::split(b);
  auto d = lane_array<F>::split(c);
  for (int l = 0; l < d.size; ++l)
    d.at[l] = add_bfloat16_products(static_cast<std::uint32_t>(x.at[l]), static_cast<std::uint32_t>(y.at[l]), d.at[l]);
  return lane_array<F>::join(d);
}

/// The lanes of a, then those of b, as bfloat16: two neighbours in each lane.
template <typename F>
SINTER_SIMD auto pack_bf16(F const& a, F const& b) {
  constexpr int W = lane_array<F>::type::size;
  using I = typename registers<W>::i32;
  float all[2 * W];
  std::memcpy(all, lane_array<F>::split(a).at, sizeof(float) * W);
  std::memcpy(all + W, lane_array<F>::split(b).at, sizeof(float) * W);
  typename lane_array<I>::type d;
  for (int l = 0; l < W; ++l)
    d.at[l] = static_cast<std::int32_t>(std::uint32_t{float_to_normal_bfloat16(all[2 * l])} |
                                        std::uint32_t{float_to_normal_bfloat16(all[2 * l + 1])} << 16);
  return lane_array<I>::join(d);
}

#if defined(__AVX512BF16__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
SINTER_SIMD f32x16 dot2_bf16(i32x16 const& a, i32x16 const& b, f32x16 const& c) {
  return f32x16(_mm512_dpbf16_ps(c, (__m512bh)(__m512i)a, (__m512bh)(__m512i)b));
}
SINTER_SIMD i32x16 pack_bf16(f32x16 const& a, f32x16 const& b) { return i32x16((__m512i)_mm512_cvtne2ps_pbh(b, a)); }
#endif

}  // namespace
}  // namespace sinter::simd
