#pragma once

#include <sinter/core/tile.hpp>
#include <sinter/emit/cpp/simd_lanes.hpp>

#include <array>

/// Tiles: registers of AMX, or words in memory, with the same bits. Part of sinter_simd.hpp.
namespace sinter::simd {
namespace {

struct tile_extent {
  int rows, bytes;
};

#if (defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AMX_INT8__)) || \
    (defined(__AMXTILE__) && defined(__AMXBF16__) && defined(__AMXINT8__))

/// The tiles that a function takes, from the first one on; those of the thread are configured as long as this lives.
/// In assembly, since intrinsics of gcc want numbers of tiles as literals and do not say that they read memory.
template <tile_extent... Extents>
class tiles {
 public:
  SINTER_SIMD tiles() { asm volatile("ldtilecfg %0" : : "m"(configuration)); }
  tiles(tiles const&) = delete;
  SINTER_SIMD ~tiles() { asm volatile("tilerelease"); }

  template <int D>
  SINTER_SIMD void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(D));
  }
  template <int D>
  SINTER_SIMD void load(std::byte const* from, std::ptrdiff_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(D) : "memory");
  }
  template <int D>
  SINTER_SIMD void load_once(std::byte const* from, std::ptrdiff_t stride) {
    asm volatile("tileloaddt1 (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(D) : "memory");
  }
  template <int A>
  SINTER_SIMD void store(std::byte* to, std::ptrdiff_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(A) : "memory");
  }
  template <int D, int A, int B>
  SINTER_SIMD void dot2_bf16() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(D), "i"(A), "i"(B));
  }
  template <int D, int A, int B>
  SINTER_SIMD void dot4_u8s8() {
    asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(D), "i"(A), "i"(B));
  }

 private:
  static constexpr std::array<std::uint8_t, 64> configuration = [] {
    std::array<std::uint8_t, 64> bytes{1};
    std::size_t n = 0;
    for (auto const& e : {Extents...}) {
      bytes[16 + 2 * n] = static_cast<std::uint8_t>(e.bytes);
      bytes[48 + n++] = static_cast<std::uint8_t>(e.rows);
    }
    return bytes;
  }();
};

#else

template <tile_extent... Extents>
class tiles {
 public:
  template <int D>
  SINTER_SIMD void zero() {
    at_[D] = {};
  }
  template <int D>
  SINTER_SIMD void load(std::byte const* from, std::ptrdiff_t stride) {
    for (int row = 0; row < extents[D].rows; ++row)
      std::memcpy(at_[D].at[row], from + row * stride, std::size_t{extents[D].bytes});
  }
  template <int D>
  SINTER_SIMD void load_once(std::byte const* from, std::ptrdiff_t stride) {
    load<D>(from, stride);
  }
  template <int A>
  SINTER_SIMD void store(std::byte* to, std::ptrdiff_t stride) {
    for (int row = 0; row < extents[A].rows; ++row)
      std::memcpy(to + row * stride, at_[A].at[row], std::size_t{extents[A].bytes});
  }
  template <int D, int A, int B>
  SINTER_SIMD void dot2_bf16() {
    add_bfloat16_tiles(at_[D], at_[A], at_[B], of<A, B>());
  }
  template <int D, int A, int B>
  SINTER_SIMD void dot4_u8s8() {
    add_byte_tiles(at_[D], at_[A], at_[B], of<A, B>());
  }

 private:
  static constexpr tile_extent extents[] = {Extents...};
  template <int A, int B>
  static constexpr tile_extents of() {
    return {extents[A].rows, extents[B].rows, extents[B].bytes / 4};
  }

  tile_words at_[sizeof...(Extents)];
};

#endif

}  // namespace
}  // namespace sinter::simd
