R"cuda(
// Products of tiles, for contraction and convolution: results[tile_m][tile_n] of a block = Σ a[m][k] * b[k][n].
//
// constants  tile_m, tile_n, tile_k; thread_m, thread_n: results of a thread, thread_n a multiple of 4;
//            threads = tile_m / thread_m * tile_n / thread_n; stages of shared memory, at least 2
//            a_vector, b_vector: floats of one copy along k and along n, 1 or 4
//            a_down: 1 where neighbours in memory are along m; b_down: 1 where they are along k
// shared     stages * (tile_m * (tile_k + 4) + tile_k * (tile_n + 4)) floats
// order      each result is a chain of fma over k from zero on, in ascending order

// An element of an operand, or a zero outside of it.
struct source {
  const float* from;
  bool valid;
};

// What a thread computes of the tile of its block: rows apart by `down`, columns in groups of four.
template <class Kernel>
struct thread_tile {
  static constexpr int across = Kernel::tile_n / Kernel::thread_n, down = Kernel::tile_m / Kernel::thread_m;
  static_assert(Kernel::threads == across * down && Kernel::thread_n % 4 == 0 && Kernel::tile_k % 4 == 0, "tiles");
  DEVICE static int row(int i) { return thread() / across + i * down; }
  DEVICE static int column(int j) { return (thread() % across + j / 4 * across) * 4 + j % 4; }
};

template <class Kernel>
struct shared_tiles {
  static constexpr int a_pitch = Kernel::tile_k + 4, b_pitch = Kernel::tile_n + 4;
  static constexpr int a_size = Kernel::tile_m * a_pitch, b_size = Kernel::tile_k * b_pitch;
  float* const memory;
  DEVICE float* a(int stage) const { return memory + stage * (a_size + b_size); }
  DEVICE float* b(int stage) const { return a(stage) + a_size; }
};

// Starts copies of a tile to shared memory. Threads go through it along rows, or down the columns.
template <int threads, int rows, int columns, int vector, bool down, class Find>
DEVICE void stage_tile(float* tile, int pitch, const Find& find) {
  constexpr int groups = columns / vector, count = rows * groups;
#pragma unroll
  for (int first = 0; first < count; first += threads) {
    const int i = first + thread();
    if (count % threads != 0 && i >= count) return;
    const int row = down ? i % rows : i / groups, column = (down ? i / rows : i % groups) * vector;
    const source element = find(row, column);
    if constexpr (vector == 4)
      copy_async16(tile + row * pitch + column, element.from, element.valid);
    else
      copy_async4(tile + row * pitch + column, element.from, element.valid);
  }
}

DEVICE float component(const vec4& v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

template <class Kernel>
DEVICE void multiply_tiles(float (&sums)[Kernel::thread_m][Kernel::thread_n], const float* a, const float* b) {
  typedef thread_tile<Kernel> mine;
  typedef shared_tiles<Kernel> tiles;
#pragma unroll(Kernel::thread_m* Kernel::thread_n >= 32 ? 1 : 32 / (Kernel::thread_m * Kernel::thread_n))
  for (int k = 0; k < Kernel::tile_k; k += 4) {
    vec4 rows[Kernel::thread_m];
#pragma unroll
    for (int i = 0; i < Kernel::thread_m; ++i) rows[i] = *(const vec4*)(a + mine::row(i) * tiles::a_pitch + k);
#pragma unroll
    for (int step = 0; step < 4; ++step)
#pragma unroll
      for (int j = 0; j < Kernel::thread_n; j += 4) {
        const vec4 columns = *(const vec4*)(b + (k + step) * tiles::b_pitch + mine::column(j));
#pragma unroll
        for (int i = 0; i < Kernel::thread_m; ++i)
#pragma unroll
          for (int c = 0; c < 4; ++c)
            sums[i][j + c] = fma(component(rows[i], step), component(columns, c), sums[i][j + c]);
      }
  }
}

// Adds the products of `count` pairs of tiles. find_a(m, k) and find_b(k, n) say where elements lie; m and n count from
// the tile of the block, k from the first pair.
template <class Kernel, class FindA, class FindB>
DEVICE void multiply(float (&sums)[Kernel::thread_m][Kernel::thread_n], int count, const FindA& find_a,
                     const FindB& find_b) {
  constexpr int stages = Kernel::stages;
  SHARED_MEMORY(float, memory);
  const shared_tiles<Kernel> tiles{memory};
  const auto start = [&](int pair) {
    if (pair < count) {
      const int k = pair * Kernel::tile_k, stage = pair % stages;
      stage_tile<Kernel::threads, Kernel::tile_m, Kernel::tile_k, Kernel::a_vector, Kernel::a_down != 0>(
          tiles.a(stage), tiles.a_pitch, [&](int row, int column) { return find_a(row, k + column); });
      stage_tile<Kernel::threads, Kernel::tile_k, Kernel::tile_n, Kernel::b_vector, Kernel::b_down != 0>(
          tiles.b(stage), tiles.b_pitch, [&](int row, int column) { return find_b(k + row, column); });
    }
    commit_copies();
  };
#pragma unroll
  for (int pair = 0; pair < stages - 1; ++pair) start(pair);
  for (int pair = 0; pair < count; ++pair) {
    wait_copies<stages - 2>();
    barrier();
    start(pair + stages - 1);
    multiply_tiles<Kernel>(sums, tiles.a(pair % stages), tiles.b(pair % stages));
  }
}

// The pairs of tiles that one of Kernel::splits blocks multiplies.
struct tile_range {
  int first, count;
};
template <class Kernel>
DEVICE tile_range tiles_of_split(int split) {
  constexpr int all = (Kernel::k + Kernel::tile_k - 1) / Kernel::tile_k;
  constexpr int each = (all + Kernel::splits - 1) / Kernel::splits;
  const int first = split * each;
  return {first, first >= all ? 0 : first + each <= all ? each : all - first};
}

// Calls visit(row, column, x) for the results of this thread, four neighbours each time; rows and columns count from
// the tile of the block.
template <class Kernel, class Visit>
DEVICE void for_each_result(const float (&sums)[Kernel::thread_m][Kernel::thread_n], const Visit& visit) {
#pragma unroll
  for (int i = 0; i < Kernel::thread_m; ++i)
#pragma unroll
    for (int j = 0; j < Kernel::thread_n; j += 4) {
      const float x[4] = {sums[i][j], sums[i][j + 1], sums[i][j + 2], sums[i][j + 3]};
      visit(thread_tile<Kernel>::row(i), thread_tile<Kernel>::column(j), x);
    }
}

// Stores `count` neighbours, at most 4: the function's results, or with splits the sums, as [splits] and the sizes.
template <class Kernel>
DEVICE void store_sums(const Kernel& kernel, int split, const float (&x)[4], typename Kernel::index (&at)[Kernel::rank],
                       typename Kernel::index count) {
  if constexpr (Kernel::splits == 1) {
    store_results(kernel, x, at, count);
  } else {
    float* const to = kernel.argument2 + split * count_coordinates<Kernel>() + flatten<Kernel>(at);
    if constexpr (Kernel::vector == 4) {
      store_four(to, x);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (i < count) to[i] = x[i];
    }
  }
}
)cuda"
