R"cuda(
// Products of tiles, for contraction and convolution: x0[tile_m][tile_n] of a block = Σ a[m][k] * b[k][n].
//
// constants  precision: 0 exact (product_exact.cuh), 1 tf32, 2 fp16, 3 bf16 (product_matrix.cuh)
//            tile_m, tile_n, tile_k; stages of shared memory, at least 2
//            a_vector, b_vector: elements of one copy, of 16 or 4 bytes, or 1: of a along k, of b along n or, where b
//            has 16 bits, along k; a_down, b_down: 1 where neighbours in memory are along the other axis
//            splits: blocks that share the sum over k
// arguments  with splits, behind both factors: sums[splits][size0]...[size3], and arrivals (u32, zero), one for each of
//            the blocks / splits
// shared     stages * (a_size + b_size) elements of shared_tiles

// An element of an operand, or a zero outside of it.
template <class T>
struct source {
  T const* from;
  bool valid;
};

// The tiles of a stage: a as rows of k, b as columns or, of 16 bits, as rows of k. Rows are apart such that threads of
// a warp use different banks.
template <class Kernel, class T>
struct shared_tiles {
  static constexpr bool b_along_k = sizeof(T) == 2;
  static constexpr int a_pitch = Kernel::tile_k + (Kernel::precision >= 2 ? 8 : 4);
  static constexpr int b_pitch = b_along_k ? Kernel::tile_k + 8 : Kernel::tile_n + (Kernel::precision == 1 ? 8 : 4);
  static constexpr int a_size = Kernel::tile_m * a_pitch;
  static constexpr int b_size = (b_along_k ? Kernel::tile_n : Kernel::tile_k) * b_pitch;
  T* const memory;
  DEVICE T* a(int stage) const { return memory + stage * (a_size + b_size); }
  DEVICE T* b(int stage) const { return a(stage) + a_size; }
};

// Whether element i of the tiles exists.
template <s64 size, s64 tile>
DEVICE bool within(s64 i) {
  return size % tile == 0 || i < size;
}

template <int count, class T>
DEVICE void copy_async(T* to, source<T> const& element) {
  if constexpr (count * sizeof(T) == 16)
    copy_async16(to, element.from, element.valid);
  else if constexpr (count * sizeof(T) == 4)
    copy_async4(to, element.from, element.valid);
  else
    *to = element.valid ? *element.from : T{};
}

// Starts copies of a tile to shared memory. Threads go through it along rows, or down the columns.
template <int threads, int rows, int columns, int vector, bool down, class T, class Find>
DEVICE void stage_tile(T* tile, int pitch, Find const& find) {
  constexpr int groups = columns / vector, count = rows * groups;
#pragma unroll(vector > 1 ? 8 : 4)
  for (int first = 0; first < count; first += threads) {
    int const i = first + thread();
    if (count % threads != 0 && i >= count) return;
    int const row = down ? i % rows : i / groups, column = (down ? i / rows : i % groups) * vector;
    copy_async<vector>(tile + row * pitch + column, find(row, column));
  }
}

// The sums of a thread: add(a, b) adds the product of two tiles, for_each(visit) calls visit(row, column, x) with
// `width` neighbours, counted from the tile of the block.
template <class Kernel, class T, bool exact = Kernel::precision == 0>
struct product;

// Adds the products of `count` pairs of tiles. find_a(m, first, step) and find_b(first, step, n) say where elements
// lie; m and n count from the tile of the block, k = first + step from the first pair, `first` being that of a pair.
template <class Kernel, class T, class FindA, class FindB>
DEVICE void multiply(product<Kernel, T>& sums, int count, FindA const& find_a, FindB const& find_b) {
  constexpr int stages = Kernel::stages, tile_n = Kernel::tile_n, tile_k = Kernel::tile_k;
  SHARED_MEMORY(T, memory);
  typedef shared_tiles<Kernel, T> layout;
  layout const tiles{memory};
  auto const start = [&](int pair) {
    if (pair < count) {
      int const k = pair * tile_k, stage = pair % stages;
      stage_tile<Kernel::threads, Kernel::tile_m, tile_k, Kernel::a_vector, Kernel::a_down != 0>(
          tiles.a(stage), layout::a_pitch, [&](int row, int column) { return find_a(row, k, column); });
      if constexpr (layout::b_along_k)
        stage_tile<Kernel::threads, tile_n, tile_k, Kernel::b_vector, Kernel::b_down != 0>(
            tiles.b(stage), layout::b_pitch, [&](int row, int column) { return find_b(k, column, row); });
      else
        stage_tile<Kernel::threads, tile_k, tile_n, Kernel::b_vector, Kernel::b_down != 0>(
            tiles.b(stage), layout::b_pitch, [&](int row, int column) { return find_b(k, row, column); });
    }
    commit_copies();
  };
#pragma unroll 1
  for (int pair = 1 - stages; pair < count; ++pair) {
    if (pair >= 0) {
      wait_copies<stages - 2>();
      barrier();
    }
    start(pair + stages - 1);
    if (pair >= 0) sums.add(tiles.a(pair % stages), tiles.b(pair % stages));
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
  int const first = split * each;
  return {first, first >= all ? 0 : first + each <= all ? each : all - first};
}

// Whether this block is the last of those that share its results; what the others stored is visible then. Arrivals are
// zero before the first and after the last.
template <class Kernel>
DEVICE bool is_last_split(u32* arrivals) {
  SHARED_MEMORY(u32, last);
  u32* const mine = arrivals + ((block(2) / Kernel::splits * blocks(1) + block(1)) * blocks(0) + block(0));
  fence();
  barrier();
  if (thread() == 0) {
    *last = atomic_add(mine, 1) == Kernel::splits - 1;
    if (*last) *mine = 0;
  }
  barrier();
  fence();
  return *last != 0;
}

// What all splits stored for neighbours, added in their order.
template <class Kernel, int width, class Count>
DEVICE void add_splits(float (&sum)[width], float const* parts, Count count) {
  float loaded[Kernel::splits][width];
#pragma unroll
  for (int split = 0; split < Kernel::splits; ++split, parts += count_coordinates<Kernel>())
#pragma unroll
    for (int i = 0; i < width; ++i)
      loaded[split][i] = Kernel::vector == width || i < count ? load_coherent(parts + i) : 0.0f;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    sum[i] = loaded[0][i];
#pragma unroll
    for (int split = 1; split < Kernel::splits; ++split) sum[i] += loaded[split][i];
  }
}

template <class Kernel, int width, class Count>
DEVICE void store_part(float* to, float const (&x)[width], Count count) {
  if constexpr (Kernel::vector == width) {
    store_elements<1>(to, x);
  } else {
#pragma unroll
    for (int i = 0; i < width; ++i)
      if (i < count) to[i] = x[i];
  }
}

// Stores the function's results. place(row, column, store) calls store(at, count) with the coordinates of neighbours
// and how many there are, unless they lie outside. Of splits, the last block to come adds what all left in argument2,
// which is [splits] and the sizes; argument3 counts arrivals.
template <class Kernel, class Sums, class Place>
DEVICE void store_product(Kernel const& kernel, Sums const& sums, int split, Place const& place) {
  if constexpr (Kernel::splits == 1) {
    sums.for_each([&](int row, int column, auto const& x0) {
      place(row, column, [&](auto& at, auto count) { store_results(kernel, x0, at, count); });
    });
  } else {
    float* const parts = kernel.argument2;
    sums.for_each([&](int row, int column, auto const& x0) {
      place(row, column, [&](auto& at, auto count) {
        store_part<Kernel>(parts + split * count_coordinates<Kernel>() + flatten<Kernel>(at), x0, count);
      });
    });
    if (!is_last_split<Kernel>(kernel.argument3)) return;
    constexpr int width = Sums::width, count = Kernel::tile_m * Kernel::tile_n / width;
#pragma unroll 1
    for (int i = thread(); i < count; i += Kernel::threads)
      place(i * width / Kernel::tile_n, i * width % Kernel::tile_n, [&](auto& at, auto exist) {
        float sum[width];
        add_splits<Kernel>(sum, parts + flatten<Kernel>(at), exist);
        store_results(kernel, sum, at, exist);
      });
  }
}
)cuda"
