R"cuda(
// Products by matrix units: factors are rounded to Kernel::precision (16 bits are as they lie in memory), sums are float.
//
// constants  warp_m, warp_n: results of a warp, multiples of 16; threads = 32 * tile_m / warp_m * tile_n / warp_n;
//            tile_k: a multiple of 16
// needs      sm_80; precision 2 runs from sm_75 on
template <class Kernel, class T>
struct product<Kernel, T, false> {
  typedef shared_tiles<Kernel, T> tiles;
  static constexpr int rows = Kernel::warp_m / 16, columns = Kernel::warp_n / 8;  // of 16 and of 8
  static constexpr int warps_across = Kernel::tile_n / Kernel::warp_n;
  static constexpr int depth = Kernel::precision == 1 ? 8 : 16;  // of one step along k
  static_assert(Kernel::threads == 32 * warps_across * (Kernel::tile_m / Kernel::warp_m), "tiles");
  static_assert(Kernel::warp_m % 16 == 0 && Kernel::warp_n % 16 == 0 && Kernel::tile_k % 16 == 0, "tiles");

  float sums[rows][columns][4] = {};

  DEVICE static int lane() { return thread() % 32; }
  DEVICE static int first_row() { return thread() / 32 / warps_across * Kernel::warp_m; }
  DEVICE static int first_column() { return thread() / 32 % warps_across * Kernel::warp_n; }

  DEVICE void add(const T* a, const T* b) {
#pragma unroll 2
    for (int k = 0; k < Kernel::tile_k; k += depth) {
      u32 left[rows][4];
#pragma unroll
      for (int i = 0; i < rows; ++i) load_left(left[i], a + (first_row() + i * 16) * tiles::a_pitch + k);
#pragma unroll
      for (int j = 0; j < columns; j += 2) {
        u32 right[4];  // of two neighbours
        load_right(right, b, k, first_column() + j * 8);
#pragma unroll
        for (int i = 0; i < rows; ++i) {
          multiply_add(sums[i][j], left[i], right[0], right[1]);
          multiply_add(sums[i][j + 1], left[i], right[2], right[3]);
        }
      }
    }
  }
  template <class Visit>
  DEVICE void for_each(const Visit& visit) const {
#pragma unroll
    for (int i = 0; i < rows; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int j = 0; j < columns; ++j) {
          const float x[2] = {sums[i][j][2 * half], sums[i][j][2 * half + 1]};
          visit(first_row() + i * 16 + half * 8 + lane() / 4, first_column() + j * 8 + lane() % 4 * 2, x);
        }
  }

 private:
  DEVICE static void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    if constexpr (Kernel::precision == 1) mma_tf32(d, a, b0, b1);
    if constexpr (Kernel::precision == 2) mma_f16(d, a, b0, b1);
    if constexpr (Kernel::precision == 3) mma_bf16(d, a, b0, b1);
  }
  DEVICE static u32 pair(float low, float high) {
    if constexpr (Kernel::precision == 2)
      return floats_to_half2(low, high);
    else
      return floats_to_bfloat162(low, high);
  }

  // 16 rows by `depth` columns of a.
  DEVICE static void load_left(u32 (&to)[4], const T* a) {
    if constexpr (sizeof(T) == 2) {
      load_matrix4(to, a + lane() % 16 * tiles::a_pitch + lane() / 16 * 8);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const T* const row = a + (lane() / 4 + i % 2 * 8) * tiles::a_pitch + i / 2 * (depth / 2);
        if constexpr (Kernel::precision == 1)
          to[i] = to_tf32(row[lane() % 4]);
        else
          to[i] = pair(row[lane() % 4 * 2], row[lane() % 4 * 2 + 1]);
      }
    }
  }
  // `depth` rows by two times 8 columns of b.
  DEVICE static void load_right(u32 (&to)[4], const T* b, int k, int n) {
    if constexpr (sizeof(T) == 2) {
      load_matrix4(to, b + (n + lane() / 16 * 8 + lane() % 8) * tiles::b_pitch + k + lane() / 8 % 2 * 8);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const T* const column = b + (k + i % 2 * (depth / 2)) * tiles::b_pitch + n + i / 2 * 8 + lane() / 4;
        if constexpr (Kernel::precision == 1)
          to[i] = to_tf32(column[lane() % 4 * tiles::b_pitch]);
        else
          to[i] = pair(column[lane() % 4 * 2 * tiles::b_pitch], column[(lane() % 4 * 2 + 1) * tiles::b_pitch]);
      }
    }
  }
};
)cuda"
