R"cuda(
// Attention with products in float. A thread has queries of the block that are apart by `down`, of the keys each 16th,
// of the values groups of four.
template <class Kernel>
struct exact_attention_tiles {
  static constexpr int padded_e = ((int)Kernel::size(3) + 63) / 64 * 64;
  static constexpr int d_pitch = Kernel::d + 4, e_pitch = padded_e + 4, n_pitch = Kernel::tile_n + 4;
  float* const queries;
  float* const keys = queries + Kernel::tile_m * d_pitch;
  float* const values = keys + Kernel::tile_n * d_pitch;
  float* const weights = values + Kernel::tile_n * e_pitch;
};

template <class Kernel>
class exact_attention_part {
 public:
  typedef exact_attention_tiles<Kernel> tiles;
  static constexpr int across = 16, down = Kernel::threads / across;
  static constexpr int rows = Kernel::tile_m / down, keys = Kernel::tile_n / across, columns = tiles::padded_e / across;

  DEVICE static int row(int i) { return thread() / across + i * down; }
  DEVICE static int key(int j) { return thread() % across + j * across; }
  DEVICE static int column(int j) { return (thread() % across + j / 4 * across) * 4; }

  // The products of queries and keys.
  DEVICE void multiply_keys(tiles const& t) {
#pragma unroll
    for (int i = 0; i < rows; ++i)
#pragma unroll
      for (int j = 0; j < keys; ++j) scores_[i][j] = 0;
#pragma unroll 1
    for (int k = 0; k < Kernel::d; k += 4) {
      vec4 q[rows];
#pragma unroll
      for (int i = 0; i < rows; ++i) q[i] = *(vec4 const*)(t.queries + row(i) * tiles::d_pitch + k);
#pragma unroll
      for (int j = 0; j < keys; ++j) {
        vec4 const other = *(vec4 const*)(t.keys + key(j) * tiles::d_pitch + k);
#pragma unroll
        for (int i = 0; i < rows; ++i) scores_[i][j] = dot(q[i], other, scores_[i][j]);
      }
    }
  }
  // Scores, as change(row, key, score) makes them, become weights in shared memory.
  template <class Change>
  DEVICE void weigh(tiles const& t, Change const& change) {
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      float greatest = float_of(0xff800000u);
#pragma unroll
      for (int j = 0; j < keys; ++j) {
        scores_[i][j] = change(row(i), key(j), scores_[i][j]);
        greatest = maximum(scores_[i][j], greatest);
      }
#pragma unroll
      for (int mask = 1; mask < across; mask *= 2) greatest = maximum(shuffle_xor(greatest, mask), greatest);
      float const factor = greatest_[i].raise(greatest);
      sum_[i] *= factor;
#pragma unroll
      for (int j = 0; j < columns; ++j) results_[i][j] *= factor;
#pragma unroll
      for (int j = 0; j < keys; ++j) {
        float const weight = greatest_[i].weight(scores_[i][j]);
        sum_[i] += weight;
        t.weights[row(i) * tiles::n_pitch + key(j)] = weight;
      }
    }
  }
  // Adds the products of weights and values.
  DEVICE void multiply_values(tiles const& t) {
#pragma unroll 1
    for (int n = 0; n < Kernel::tile_n; n += 4) {
      float weights[rows][4];
#pragma unroll
      for (int i = 0; i < rows; ++i) read_four(weights[i], t.weights + row(i) * tiles::n_pitch + n);
#pragma unroll
      for (int step = 0; step < 4; ++step)
#pragma unroll
        for (int j = 0; j < columns; j += 4) {
          float values[4];
          read_four(values, t.values + (n + step) * tiles::e_pitch + column(j));
#pragma unroll
          for (int i = 0; i < rows; ++i)
#pragma unroll
            for (int c = 0; c < 4; ++c) results_[i][j + c] = fma(weights[i][step], values[c], results_[i][j + c]);
        }
    }
  }
  // Calls visit(row, column, x) with four neighbours of the results.
  template <class Visit>
  DEVICE void for_each(Visit const& visit) const {
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      float sum = sum_[i];
#pragma unroll
      for (int mask = 1; mask < across; mask *= 2) sum += shuffle_xor(sum, mask);
      if (Kernel::unseen != 0 && sum == 0) sum = 1;
#pragma unroll
      for (int j = 0; j < columns; j += 4) {
        float const x[4] = {divide(results_[i][j], sum), divide(results_[i][j + 1], sum),
                            divide(results_[i][j + 2], sum), divide(results_[i][j + 3], sum)};
        visit(row(i), column(j), x);
      }
    }
  }

 private:
  DEVICE static float dot(vec4 const& a, vec4 const& b, float sum) {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
  }

  running_maximum greatest_[rows];
  float scores_[rows][keys], sum_[rows] = {}, results_[rows][columns] = {};
};

template <class Kernel>
DEVICE void exact_attention(attention_block<Kernel> const& queries) {
  SHARED_MEMORY(float, memory);
  exact_attention_tiles<Kernel> const tiles{memory};
  exact_attention_part<Kernel> part;
  queries.stage_queries(tiles.queries, tiles.d_pitch);
  int const seen = queries.seen();
  for (int n = 0; n < seen; n += Kernel::tile_n) {
    queries.stage_keys(tiles.keys, tiles.d_pitch, n);
    commit_copies();
    queries.stage_values(tiles.values, tiles.e_pitch, n);
    commit_copies();
    wait_copies<1>();
    barrier();
    part.multiply_keys(tiles);
    part.weigh(tiles, [&](int row, int key, float score) { return queries.masked(row, n + key, score); });
    wait_copies<0>();
    barrier();
    part.multiply_values(tiles);
    barrier();
  }
  part.for_each([&](int row, int column, auto const& x) { queries.store(row, column, x); });
}
)cuda"
