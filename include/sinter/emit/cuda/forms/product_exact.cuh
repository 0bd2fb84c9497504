R"cuda(
// Products in float.
//
// constants  thread_m, thread_n: results of a thread, thread_n a multiple of 4;
//            threads = tile_m / thread_m * tile_n / thread_n
// order      each result is a chain of fma over k from zero on, in ascending order
template <class Kernel>
struct product<Kernel, float, true> {
  typedef shared_tiles<Kernel, float> tiles;
  static constexpr int thread_m = Kernel::thread_m, thread_n = Kernel::thread_n;
  static constexpr int width = 4;
  static constexpr int across = Kernel::tile_n / thread_n, down = Kernel::tile_m / thread_m;
  static_assert(Kernel::threads == across * down && thread_n % 4 == 0 && Kernel::tile_k % 4 == 0, "tiles");
  // Steps of four k whose code is repeated: about 128 fma.
  static constexpr int repeats = thread_m * thread_n >= 32 ? 1 : 32 / (thread_m * thread_n);

  float sums[thread_m][thread_n] = {};

  // Rows are apart by `down`, columns lie in groups of four.
  DEVICE static int row(int i) { return thread() / across + i * down; }
  DEVICE static int column(int j) { return (thread() % across + j / 4 * across) * 4; }

  DEVICE void add(float const* a, float const* b) {
#pragma unroll(repeats)
    for (int k = 0; k < Kernel::tile_k; k += 4) {
      float rows[thread_m][4];
#pragma unroll
      for (int i = 0; i < thread_m; ++i) read_four(rows[i], a + row(i) * tiles::a_pitch + k);
#pragma unroll
      for (int step = 0; step < 4; ++step)
#pragma unroll
        for (int j = 0; j < thread_n; j += 4) {
          float columns[4];
          read_four(columns, b + (k + step) * tiles::b_pitch + column(j));
#pragma unroll
          for (int i = 0; i < thread_m; ++i)
#pragma unroll
            for (int c = 0; c < 4; ++c) sums[i][j + c] = fma(rows[i][step], columns[c], sums[i][j + c]);
        }
    }
  }
  template <class Visit>
  DEVICE void for_each(Visit const& visit) const {
#pragma unroll
    for (int i = 0; i < thread_m; ++i)
#pragma unroll
      for (int j = 0; j < thread_n; j += 4) {
        float const x[4] = {sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3]};
        visit(row(i), column(j), x);
      }
  }
};
)cuda"
