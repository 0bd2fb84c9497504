#include "catch.hpp"
#include "cuda/emulator/emulator.hpp"
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

emulator::module const& kernels() {
  static emulator::module const result(R"(
    KERNEL(48) void shuffles(float const* x, float* y) {
      const float v = x[thread()];
      float* const to = y + thread() * 8;
      to[0] = shuffle_xor(v, 5);
      to[1] = float_of(shuffle_xor(bits_of(v), 16));
      to[2] = shuffle_down(v, 3);
      to[3] = shuffle(v, 7);
      to[4] = shuffle(v, thread() * 3 % 16);
    }
    KERNEL(32) void ladder(float const* x, float* y) {
      SHARED_MEMORY(float, memory);
      float sum = 0;
      for (int i = 0; i < 32; ++i) {
        if (thread() == i) memory[0] = x[i] + (i > 0 ? memory[0] : 0);
        warp_barrier();
        sum += memory[0];
        warp_barrier();
      }
      y[thread()] = sum;
    }
    KERNEL(32) void load_matrices(u32 const* x, u32* y) {
      SHARED_MEMORY(u32, memory);
      for (int i = 0; i < 4; ++i) memory[thread() * 4 + i] = x[thread() * 4 + i];
      warp_barrier();
      u32 fragment[4];
      load_matrix4(fragment, memory + thread() * 4);
      for (int i = 0; i < 4; ++i) y[thread() * 4 + i] = fragment[i];
    }
    template <void (*multiply)(float (&)[4], const u32 (&)[4], u32, u32)>
    DEVICE void product(u32 const* a, u32 const* b, float* d) {
      u32 fragment[4];
      float sums[4];
      for (int i = 0; i < 4; ++i) fragment[i] = a[thread() * 4 + i], sums[i] = d[thread() * 4 + i];
      multiply(sums, fragment, b[thread() * 2], b[thread() * 2 + 1]);
      for (int i = 0; i < 4; ++i) d[thread() * 4 + i] = sums[i];
    }
    KERNEL(32) void multiply_f16(u32 const* a, u32 const* b, float* d) { product<mma_f16>(a, b, d); }
    KERNEL(32) void multiply_bf16(u32 const* a, u32 const* b, float* d) { product<mma_bf16>(a, b, d); }
    KERNEL(32) void multiply_tf32(u32 const* a, u32 const* b, float* d) { product<mma_tf32>(a, b, d); }
  )");
  return result;
}

/// Row and column of an element of a fragment, as the tables of the PTX ISA give them for m16n8k16 of 16-bit types and
/// for m16n8k8 of tf32: by lane and by the number of the element.
struct place {
  int row, column;
};
place a_16bit(int lane, int i) {
  auto const group = lane >> 2, in_group = lane % 4;
  return {(0 <= i && i < 2) || (4 <= i && i < 6) ? group : group + 8,
          i < 4 ? in_group * 2 + (i & 1) : in_group * 2 + (i & 1) + 8};
}
place b_16bit(int lane, int i) { return {lane % 4 * 2 + (i & 1) + (i < 2 ? 0 : 8), lane >> 2}; }
place a_tf32(int lane, int i) {
  return {i == 0 || i == 2 ? lane >> 2 : (lane >> 2) + 8, i == 0 || i == 1 ? lane % 4 : lane % 4 + 4};
}
place b_tf32(int lane, int i) { return {i == 0 ? lane % 4 : lane % 4 + 4, lane >> 2}; }
place accumulator(int lane, int i) { return {i < 2 ? lane >> 2 : (lane >> 2) + 8, lane % 4 * 2 + (i & 1)}; }

/// Small integers, which all types have.
struct matrix {
  int columns;
  std::vector<int> values;

  matrix(int rows, int column_count, unsigned seed)
      : columns(column_count), values(static_cast<std::size_t>(rows * column_count)) {
    std::mt19937 random(seed);
    for (auto& v : values) v = static_cast<int>(random() % 17) - 8;
  }
  int at(place p) const {
    int const index = p.row * columns + p.column;
    return values[static_cast<std::size_t>(index)];
  }
};

std::uint32_t float_bits(int value) {
  auto const f = static_cast<float>(value);
  std::uint32_t bits;
  std::memcpy(&bits, &f, 4);
  return bits;
}
std::uint32_t bfloat16_bits(int value) { return float_bits(value) >> 16; }
/// Of an integer that a half has: exponent and mantissa moved to where a half has them.
std::uint32_t half_bits(int value) {
  if (value == 0) return 0;
  auto const bits = float_bits(value);
  return (bits >> 16 & 0x8000) | (((bits >> 23 & 0xff) - 112) << 10) | (bits >> 13 & 0x3ff);
}

/// The registers of a warp with the elements of a matrix, `packed` in each of `registers`.
std::vector<std::uint32_t> fragments(matrix const& m, int registers, int packed, place (*where)(int, int),
                                     std::uint32_t (*bits)(int)) {
  std::vector<std::uint32_t> result;
  for (int lane = 0; lane < 32; ++lane)
    for (int r = 0; r < registers; ++r) {
      result.push_back(bits(m.at(where(lane, r * packed))));
      if (packed == 2) result.back() |= bits(m.at(where(lane, r * 2 + 1))) << 16;
    }
  return result;
}

void check_product(std::string const& kernel, int depth, place (*a_place)(int, int), place (*b_place)(int, int),
                   std::uint32_t (*bits)(int)) {
  auto const packed = depth / 8;
  matrix const a(16, depth, 1), b(depth, 8, 2), c(16, 8, 3);
  emulator::array<std::uint32_t> const a_memory(fragments(a, 4, packed, a_place, bits)),
      b_memory(fragments(b, 2, packed, b_place, bits)), c_memory(fragments(c, 4, 1, accumulator, float_bits)), d(128);
  for (auto const& how : emulator::every_option) {
    std::memcpy(d.data(), c_memory.data(), 512);
    kernels().launch(kernel, {.threads = 32}, {a_memory.data(), b_memory.data(), d.data()}, how);
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i) {
        auto const [row, column] = accumulator(lane, i);
        auto expected = c.at({row, column});
        for (int k = 0; k < depth; ++k) expected += a.at({row, k}) * b.at({k, column});
        if (d.data()[lane * 4 + i] != float_bits(expected)) FAIL(kernel << ": row " << row << ", column " << column);
      }
  }
}

}  // namespace

TEST_CASE("shuffles take from other lanes of the warp") {
  std::vector<float> values(48);
  for (int i = 0; i < 48; ++i) values[static_cast<std::size_t>(i)] = static_cast<float>(i);
  emulator::array<float> const x(values), y(std::size_t{48} * 8);
  for (auto const& how : emulator::every_option) {
    kernels().launch("shuffles", {.threads = 48}, {x.data(), y.data()}, how);
    for (int i = 0; i < 48; ++i) {
      auto const lane = i % 32, warp = i - lane;
      auto const* const got = y.data() + std::ptrdiff_t{i} * 8;
      auto const expect = [&](int which, int source) {  // the second warp has 16 lanes
        auto const exists = warp + source < 48;
        CHECK((exists ? got[which] == static_cast<float>(warp + source) : std::isnan(got[which])));
      };
      expect(0, lane ^ 5);
      expect(1, lane ^ 16);
      expect(2, lane + 3 < 32 ? lane + 3 : lane);
      expect(3, 7);
      expect(4, i * 3 % 16);
    }
  }
}

TEST_CASE("barriers of a warp order its accesses") {
  emulator::array<float> const x(std::vector<float>(32, 1.0f)), y(32);
  for (auto const& how : emulator::every_option) {
    kernels().launch("ladder", {{1, 1, 1}, 32, 4}, {x.data(), y.data()}, how);
    CHECK(y.values() == std::vector<float>(32, 528.0f));
  }
}

TEST_CASE("matrices are loaded as the tables of the PTX ISA say") {
  std::vector<std::uint32_t> rows(128);  // row r of matrix m, column c: 100 m + 10 r + c
  for (unsigned i = 0; i < 128; ++i) {
    auto const first = i / 32 * 100 + i / 4 % 8 * 10 + i % 4 * 2;
    rows[i] = first | (first + 1) << 16;
  }
  emulator::array<std::uint32_t> const x(rows), y(128);
  for (auto const& how : emulator::every_option) {
    kernels().launch("load_matrices", {{1, 1, 1}, 32, 512}, {x.data(), y.data()}, how);
    for (unsigned lane = 0; lane < 32; ++lane)
      for (unsigned matrix = 0; matrix < 4; ++matrix) {
        auto const first = matrix * 100 + lane / 4 * 10 + lane % 4 * 2;
        CHECK(y.data()[lane * 4 + matrix] == (first | (first + 1) << 16));
      }
  }
}

TEST_CASE("products of fragments are products of matrices") {
  check_product("multiply_f16", 16, a_16bit, b_16bit, half_bits);
  check_product("multiply_bf16", 16, a_16bit, b_16bit, bfloat16_bits);
  check_product("multiply_tf32", 8, a_tf32, b_tf32, float_bits);
}

TEST_CASE("tf32 factors are cut to 10 bits of mantissa") {
  auto const ones = [](int count, std::uint32_t bits) {
    return std::vector<std::uint32_t>(static_cast<std::size_t>(count), bits);
  };
  emulator::array<std::uint32_t> const a(ones(128, 0x3f801fff)), b(ones(64, 0x3f800000)), d(ones(128, 0));
  kernels().launch("multiply_tf32", {.threads = 32}, {a.data(), b.data(), d.data()});
  CHECK(d.values() == ones(128, float_bits(8)));
}
