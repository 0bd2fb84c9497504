R"cuda(
// Fragments: what a warp's lanes have of the factors of matrix units. Factors are of `T` in shared memory and become
// numbers of `precision`: 1 tf32, 2 fp16, 3 bf16; 16 bits are as they lie in memory.
template <int precision, class T>
struct fragments {
  static constexpr int depth = precision == 1 ? 8 : 16;  // factors of one step
  static constexpr bool raw = sizeof(T) == 2;

  DEVICE static int lane() { return thread() % 32; }

  // d += a * b, 16 x depth by depth x 8.
  DEVICE static void multiply_add(float (&d)[4], u32 const (&a)[4], u32 b0, u32 b1) {
    if constexpr (precision == 1) mma_tf32(d, a, b0, b1);
    if constexpr (precision == 2) mma_f16(d, a, b0, b1);
    if constexpr (precision == 3) mma_bf16(d, a, b0, b1);
  }
  DEVICE static u32 pair(float low, float high) {
    if constexpr (precision == 2)
      return floats_to_half2(low, high);
    else
      return floats_to_bfloat162(low, high);
  }
  DEVICE static u32 pair(half low, half high) { return low.bits | (u32)high.bits << 16; }
  DEVICE static u32 pair(bfloat16 low, bfloat16 high) { return low.bits | (u32)high.bits << 16; }

  // 16 rows of a: a[row][k].
  DEVICE static void load_rows(u32 (&to)[4], T const* a, int pitch) {
    if constexpr (raw) {
      load_matrix4(to, a + lane() % 16 * pitch + lane() / 16 * 8);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) to[i] = along_k(a + (lane() / 4 + i % 2 * 8) * pitch + i / 2 * (depth / 2));
    }
  }
  // Two times 8 columns of b, which lies as b[column][k].
  DEVICE static void load_columns(u32 (&to)[4], T const* b, int pitch) {
    if constexpr (raw) {
      load_matrix4(to, b + (lane() / 16 * 8 + lane() % 8) * pitch + lane() / 8 % 2 * 8);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) to[i] = along_k(b + (lane() / 4 + i / 2 * 8) * pitch + i % 2 * (depth / 2));
    }
  }
  // The same where b lies as b[k][column].
  DEVICE static void load_columns_across(u32 (&to)[4], T const* b, int pitch) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      T const* const column = b + i % 2 * (depth / 2) * pitch + i / 2 * 8 + lane() / 4;
      if constexpr (precision == 1)
        to[i] = to_tf32(column[lane() % 4 * pitch]);
      else
        to[i] = pair(column[lane() % 4 * 2 * pitch], column[(lane() % 4 * 2 + 1) * pitch]);
    }
  }

 private:
  DEVICE static u32 along_k(T const* row) {
    if constexpr (precision == 1)
      return to_tf32(row[lane() % 4]);
    else
      return pair(row[lane() % 4 * 2], row[lane() % 4 * 2 + 1]);
  }
};
)cuda"
