R"cuda(
// Products by matrix units: factors are rounded to Kernel::precision (16 bits are as they lie in memory), sums are
// float.
//
// constants  warp_m, warp_n: results of a warp, multiples of 16; threads = 32 * tile_m / warp_m * tile_n / warp_n;
//            tile_k: a multiple of 16
// needs      sm_80; precision 2 runs from sm_75 on
template <class Kernel, class T>
struct product<Kernel, T, false> {
  typedef shared_tiles<Kernel, T> tiles;
  typedef fragments<Kernel::precision, T> factors;
  static constexpr int width = 2;
  static constexpr int rows = Kernel::warp_m / 16, columns = Kernel::warp_n / 8;  // of 16 and of 8
  static constexpr int warps_across = Kernel::tile_n / Kernel::warp_n;
  static_assert(Kernel::threads == 32 * warps_across * (Kernel::tile_m / Kernel::warp_m), "tiles");
  static_assert(Kernel::warp_m % 16 == 0 && Kernel::warp_n % 16 == 0 && Kernel::tile_k % 16 == 0, "tiles");

  float sums[rows][columns][4] = {};

  DEVICE static int first_row() { return thread() / 32 / warps_across * Kernel::warp_m; }
  DEVICE static int first_column() { return thread() / 32 % warps_across * Kernel::warp_n; }

  DEVICE void add(T const* a, T const* b) {
#pragma unroll 2
    for (int k = 0; k < Kernel::tile_k; k += factors::depth) {
      u32 left[rows][4];
#pragma unroll
      for (int i = 0; i < rows; ++i)
        factors::load_rows(left[i], a + (first_row() + i * 16) * tiles::a_pitch + k, tiles::a_pitch);
#pragma unroll
      for (int j = 0; j < columns; j += 2) {
        int const column = first_column() + j * 8;
        u32 right[4];
        if constexpr (tiles::b_along_k)
          factors::load_columns(right, b + column * tiles::b_pitch + k, tiles::b_pitch);
        else
          factors::load_columns_across(right, b + k * tiles::b_pitch + column, tiles::b_pitch);
#pragma unroll
        for (int i = 0; i < rows; ++i) {
          factors::multiply_add(sums[i][j], left[i], right[0], right[1]);
          factors::multiply_add(sums[i][j + 1], left[i], right[2], right[3]);
        }
      }
    }
  }
  template <class Visit>
  DEVICE void for_each(Visit const& visit) const {
    int const row = first_row() + factors::lane() / 4, column = first_column() + factors::lane() % 4 * 2;
#pragma unroll
    for (int i = 0; i < rows; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int j = 0; j < columns; ++j) {
          float const x[2] = {sums[i][j][2 * half], sums[i][j][2 * half + 1]};
          visit(row + i * 16 + half * 8, column + j * 8, x);
        }
  }
};
)cuda"
