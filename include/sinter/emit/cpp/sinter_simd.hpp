#pragma once

/// What generated C++ text stands on: registers of 16, 8 or 4 lanes and the operations of vector programs on them, bit
/// for bit as in the interpreter. Compile with -O2 -ffp-contract=off -fno-fast-math; -mavx512f -mavx512bw -mavx512dq
/// -mavx512vl gives 16 lanes a register, -mavx2 -mfma -mf16c 8 lanes; what the flags do not give is an array of lanes.
/// -mamx-tile -mamx-bf16 -mamx-int8 gives tiles. All names have internal linkage: objects compiled with different flags
/// can be linked together.

#include <sinter/emit/cpp/simd_avx2.hpp>
#include <sinter/emit/cpp/simd_avx512.hpp>
#include <sinter/emit/cpp/simd_bfloat16.hpp>
#include <sinter/emit/cpp/simd_memory.hpp>
#include <sinter/emit/cpp/simd_tiles.hpp>

namespace sinter::simd {
namespace {

/// The registers of `W` lanes.
template <int W>
using f32 = typename registers<W>::f32;
template <int W>
using i32 = typename registers<W>::i32;

}  // namespace
}  // namespace sinter::simd
