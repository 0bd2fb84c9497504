#pragma once

/// Matrix instructions of a warp, with the fragment layouts of the PTX ISA ("Warp-level matrix instructions").
namespace emulator {

struct loaded_matrices {
  u32* fragment;
  char const* row;
};

/// ldmatrix.x4: lane 8m + r brings the address of row r of matrix m; lane t gets two elements of row t / 4 of each.
inline void load_matrices(void* const* lanes) {
  for (int matrix = 0; matrix < 4; ++matrix)
    for (int lane = 0; lane < 32; ++lane) {
      auto const* const row = static_cast<loaded_matrices const*>(lanes[matrix * 8 + lane / 4])->row;
      __builtin_memcpy(&static_cast<loaded_matrices*>(lanes[lane])->fragment[matrix], row + lane % 4 * 4, 4);
    }
}

struct multiplied {
  float* d;
  u32 const* a;
  u32 b[2];
};

/// The operands of a warp as matrices: d (16 x 8) += a (16 x depth) * b (depth x 8).
template <int depth>
struct tile_product {
  typedef float columns __attribute__((vector_size(32)));
  alignas(32) float a[16][depth], b[depth][8], d[16][8];

  void multiply() {
    auto* const sums = reinterpret_cast<columns*>(d);
    auto const* const rows = reinterpret_cast<columns const*>(b);
    for (int row = 0; row < 16; ++row) {
      auto sum = sums[row];
      for (int k = 0; k < depth; ++k) sum += a[row][k] * rows[k];
      sums[row] = sum;
    }
  }
  /// Register `i` of a lane.
  float& accumulator(int lane, int i) { return d[lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2]; }
};

/// m16n8k16 of 16-bit elements: a register holds two neighbours of k.
template <float (*widen)(u16)>
void multiply_16bit(void* const* lanes) {
  tile_product<16> tile;
  for (int lane = 0; lane < 32; ++lane) {
    auto const& from = *static_cast<multiplied const*>(lanes[lane]);
    auto const group = lane / 4, pair = lane % 4 * 2;
    // Registers 0 and 2 are of row `group`, 1 and 3 of 8 rows below; 2 and 3 of k from 8 on.
    for (int i = 0; i < 8; ++i)
      tile.a[group + i / 2 % 2 * 8][pair + i % 2 + i / 4 * 8] = widen(static_cast<u16>(from.a[i / 2] >> i % 2 * 16));
    for (int i = 0; i < 4; ++i)
      tile.b[pair + i % 2 + i / 2 * 8][group] = widen(static_cast<u16>(from.b[i / 2] >> i % 2 * 16));
    for (int i = 0; i < 4; ++i) tile.accumulator(lane, i) = from.d[i];
  }
  tile.multiply();
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) static_cast<multiplied*>(lanes[lane])->d[i] = tile.accumulator(lane, i);
}

/// m16n8k8 of floats whose mantissas are cut to 10 bits.
inline void multiply_tf32(void* const* lanes) {
  auto const cut = [](u32 bits) { return float_of(bits & 0xffffe000); };
  tile_product<8> tile;
  for (int lane = 0; lane < 32; ++lane) {
    auto const& from = *static_cast<multiplied const*>(lanes[lane]);
    for (int i = 0; i < 4; ++i) tile.a[lane / 4 + i % 2 * 8][lane % 4 + i / 2 * 4] = cut(from.a[i]);
    for (int i = 0; i < 2; ++i) tile.b[lane % 4 + i * 4][lane / 4] = cut(from.b[i]);
    for (int i = 0; i < 4; ++i) tile.accumulator(lane, i) = from.d[i];
  }
  tile.multiply();
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i) static_cast<multiplied*>(lanes[lane])->d[i] = tile.accumulator(lane, i);
}

inline void multiply(float* d, u32 const* a, u32 b0, u32 b1, warp_operation operation) {
  multiplied brought{d, a, {b0, b1}};
  here.meet(collective::multiply, &brought, operation);
}

}  // namespace emulator

DEVICE void load_matrix4(u32 (&fragment)[4], void const* shared_row) {
  emulator::expect(emulator::aligned(shared_row, 16), "load_matrix4: misaligned address");
  emulator::expect(emulator::is_shared(shared_row, 16), "load_matrix4: not memory of the block");
  emulator::loaded_matrices brought{fragment, static_cast<char const*>(shared_row)};
  emulator::here.meet(emulator::collective::load_matrix, &brought, emulator::load_matrices);
}
DEVICE void mma_f16(float (&d)[4], u32 const (&a)[4], u32 b0, u32 b1) {
  emulator::multiply(d, a, b0, b1, emulator::multiply_16bit<half_to_float>);
}
DEVICE void mma_bf16(float (&d)[4], u32 const (&a)[4], u32 b0, u32 b1) {
  emulator::multiply(d, a, b0, b1, emulator::multiply_16bit<bfloat16_to_float>);
}
DEVICE void mma_tf32(float (&d)[4], u32 const (&a)[4], u32 b0, u32 b1) {
  emulator::multiply(d, a, b0, b1, emulator::multiply_tf32);
}
