#pragma once

/// The device functions of include/sinter/emit/cuda/prelude.cuh as plain C++: what kernel text may use, run by the
/// engine of this folder. Part of every text: C++17, without headers of the standard library.
#define SINTER_CUDA_PRELUDE  // texts skip their own prelude

#include "machine.hpp"

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long long;
using s8 = signed char;
using s16 = short;
using s32 = int;
using s64 = long long;

struct alignas(16) vec4 {
  float x, y, z, w;
};

#define DEVICE __attribute__((always_inline)) inline
#define KERNEL(threads) extern "C"
#define SHARED_MEMORY(type, name) type* const name = reinterpret_cast<type*>(emulator::here.shared)

namespace emulator {

/// Of this text.
static machine here;

inline bool aligned(void const* data, unsigned bytes) { return reinterpret_cast<u64>(data) % bytes == 0; }
DEVICE void expect(bool holds, char const* message) {
  if (__builtin_expect(!holds, false)) here.fail(message);
}
/// Whether so many bytes from here on are memory of the block.
inline bool is_shared(void const* data, unsigned bytes) {
  auto const offset = reinterpret_cast<u64>(data) - reinterpret_cast<u64>(here.shared);
  return offset <= here.shared_bytes && bytes <= here.shared_bytes - offset;
}

}  // namespace emulator

/// Flat index in the block.
DEVICE int thread() { return static_cast<int>(emulator::here.thread); }
DEVICE u32 block(int axis) { return emulator::here.block[axis]; }
DEVICE u32 blocks(int axis) { return emulator::here.blocks[axis]; }
DEVICE void barrier() { emulator::here.block_barrier(); }
DEVICE void wait_for_previous_kernel() {}
DEVICE void let_next_kernel_start() {}

DEVICE u32 bits_of(float value) {
  u32 result;
  __builtin_memcpy(&result, &value, 4);
  return result;
}
DEVICE float float_of(u32 bits) {
  float result;
  __builtin_memcpy(&result, &bits, 4);
  return result;
}

DEVICE float fma(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
DEVICE float divide(float a, float b) { return a / b; }
DEVICE float square_root(float a) { return __builtin_sqrtf(a); }
/// To the nearest integer, ties to even.
DEVICE float round_even(float a) { return __builtin_rintf(a); }
DEVICE float round_down(float a) { return __builtin_floorf(a); }

template <class T>
DEVICE T load(T const* from) {
  return *from;
}
DEVICE vec4 load_vec4(float const* from) {
  emulator::expect(emulator::aligned(from, 16), "load_vec4: misaligned address");
  vec4 result;
  __builtin_memcpy(&result, from, 16);
  return result;
}
DEVICE void store_vec4(float* to, vec4 value) {
  emulator::expect(emulator::aligned(to, 16), "store_vec4: misaligned address");
  __builtin_memcpy(to, &value, 16);
}

/// Between blocks, which run one after the other.
DEVICE void fence() {}
DEVICE u32 atomic_add(u32* to, u32 value) {
  u32 const before = *to;
  *to += value;
  return before;
}
DEVICE float load_coherent(float const* from) { return *from; }

#include "copies.hpp"
#include "entry.hpp"
#include "half.hpp"
#include "matrix.hpp"
#include "warp.hpp"
