#pragma once

#include <sinter/emit/cuda/emit.hpp>

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace sinter::test {

/// Kernels of a word each: a name, and what becomes of `x`, a word, and its value as a float, `v`.
inline constexpr std::array word_kernels{
    std::pair{"from_half", "bits_of(half_to_float((u16)x))"},
    std::pair{"from_bfloat16", "bits_of(bfloat16_to_float((u16)x))"},
    std::pair{"to_half", "float_to_half(v)"},
    std::pair{"to_bfloat16", "float_to_bfloat16(v)"},
    std::pair{"to_half2", "floats_to_half2(v, float_of(x * 3))"},
    std::pair{"to_bfloat162", "floats_to_bfloat162(v, float_of(x * 3))"},
    std::pair{"round_to_tf32", "to_tf32(v)"},
    std::pair{"to_even", "bits_of(round_even(v))"},
    std::pair{"to_floor", "bits_of(round_down(v))"},
    std::pair{"root", "bits_of(square_root(v))"},
    std::pair{"quotient", "bits_of(divide(v, float_of(x * 3)))"},
    std::pair{"fused", "bits_of(fma(v, float_of(x * 3), float_of(x * 7)))"},
    std::pair{"exponentials", "bits_of(exponential(v))"},
    std::pair{"logarithms", "bits_of(logarithm(v))"},
    std::pair{"sigmoids", "bits_of(sigmoid(v))"},
    std::pair{"tangents", "bits_of(hyperbolic_tangent(v))"},
};

/// Kernels of what threads do together.
inline constexpr std::string_view team_kernels = R"(
KERNEL(64) void shuffles(const u32* x, u32* y) {
  wait_for_previous_kernel();
  const u32 mine = x[thread()];
  u32* const to = y + thread() * 4;
  to[0] = shuffle_xor(mine, 5);
  to[1] = bits_of(shuffle_xor(float_of(mine), 16));
  to[2] = bits_of(shuffle_down(float_of(mine), 3));
  to[3] = bits_of(shuffle(float_of(mine), thread() * 3 % 32));
}
KERNEL(256) void reversed(const u32* x, u32* y) {
  wait_for_previous_kernel();
  SHARED_MEMORY(u32, memory);
  for (int turn = 0; turn < 4; ++turn) {
    memory[thread()] = x[turn * 256 + thread()];
    barrier();
    y[turn * 256 + thread()] = memory[255 - thread()];
    barrier();
  }
}
// Three groups of four words each; zeros where the number of the thread and that of the group agree.
KERNEL(64) void copies(const u32* x, u32* y) {
  wait_for_previous_kernel();
  SHARED_MEMORY(u32, memory);
  u32* const mine = memory + thread() * 12;
  x += thread() * 12;
  y += thread() * 12;
  for (int group = 0; group < 3; ++group) {
    const bool valid = thread() % 4 != group;
    if (group < 2) copy_async16(mine + group * 4, x + group * 4, valid);
    else
      for (int i = 8; i < 12; ++i) copy_async4(mine + i, x + i, valid);
    commit_copies();
  }
  wait_copies<2>();
  for (int i = 0; i < 4; ++i) y[i] = mine[i];
  wait_copies<1>();
  for (int i = 4; i < 8; ++i) y[i] = mine[i];
  wait_copies<0>();
  for (int i = 8; i < 12; ++i) y[i] = mine[i];
}
KERNEL(32) void matrices(const u32* x, u32* y) {
  wait_for_previous_kernel();
  SHARED_MEMORY(u32, memory);
  for (int i = 0; i < 4; ++i) memory[thread() * 4 + i] = x[thread() * 4 + i];
  barrier();
  u32 fragment[4];
  load_matrix4(fragment, memory + thread() * 4);
  for (int i = 0; i < 4; ++i) y[thread() * 4 + i] = fragment[i];
}
template <void (*multiply)(float (&)[4], const u32 (&)[4], u32, u32)>
DEVICE void product(const u32* a, const u32* b, const u32* c, u32* d) {
  wait_for_previous_kernel();
  u32 fragment[4];
  float sums[4];
  for (int i = 0; i < 4; ++i) fragment[i] = a[thread() * 4 + i], sums[i] = float_of(c[thread() * 4 + i]);
  multiply(sums, fragment, b[thread() * 2], b[thread() * 2 + 1]);
  for (int i = 0; i < 4; ++i) d[thread() * 4 + i] = bits_of(sums[i]);
}
KERNEL(32) void product_f16(const u32* a, const u32* b, const u32* c, u32* d) { product<mma_f16>(a, b, c, d); }
KERNEL(32) void product_bf16(const u32* a, const u32* b, const u32* c, u32* d) { product<mma_bf16>(a, b, c, d); }
KERNEL(32) void product_tf32(const u32* a, const u32* b, const u32* c, u32* d) { product<mma_tf32>(a, b, c, d); }
)";

/// A module of all of these. Arguments are words: inputs, then one result.
inline std::string primitives_text() {
  auto text = cuda_text::cuda_module_text({});
  for (auto const& [name, value] : word_kernels)
    text += fmt::format(
        "KERNEL(256) void {}(const u32* from, u32* to) {{\n"
        "  wait_for_previous_kernel();\n"
        "  const u32 i = block(0) * 256 + thread(), x = from[i];\n"
        "  const float v = float_of(x);\n  to[i] = {};\n}}\n",
        name, value);
  return text + std::string(team_kernels);
}

}  // namespace sinter::test
