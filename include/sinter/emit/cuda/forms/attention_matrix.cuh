R"cuda(
// Attention by matrix units: a warp has 16 queries and all keys and values of a step. Lane l has rows l / 4 and
// l / 4 + 8, and of each 8 columns 2 * (l % 4) and the next one. Steps of keys go through two buffers.
template <class Kernel, class T>
struct matrix_attention_tiles {
  static constexpr int d_pitch = Kernel::d + (Kernel::precision == 1 ? 4 : 8);
  static constexpr int e_pitch = (int)Kernel::size(3) + (sizeof(T) == 4 ? 4 : 8);
  static constexpr int stage = Kernel::tile_n * (d_pitch + e_pitch);
  T* const queries;
  DEVICE T* keys(int buffer) const { return queries + Kernel::tile_m * d_pitch + buffer * stage; }
  DEVICE T* values(int buffer) const { return keys(buffer) + Kernel::tile_n * d_pitch; }
};

template <class Kernel, class T>
class matrix_attention_part {
 public:
  typedef matrix_attention_tiles<Kernel, T> tiles;
  typedef fragments<Kernel::precision, T> factors;
  static constexpr int depth = factors::depth, tile_n = Kernel::tile_n, e = (int)Kernel::size(3);
  static_assert(Kernel::d % 16 == 0 && e % 16 == 0 && tile_n % 16 == 0 && Kernel::tile_m * 2 == Kernel::threads,
                "tiles");

  DEVICE static int row(int half) { return thread() / 32 * 16 + factors::lane() / 4 + half * 8; }
  DEVICE static int column(int j) { return j * 8 + factors::lane() % 4 * 2; }

  // The products of queries and keys.
  DEVICE void multiply_keys(T const* queries, T const* keys) {
#pragma unroll
    for (int j = 0; j < tile_n / 8; ++j)
#pragma unroll
      for (int c = 0; c < 4; ++c) scores_[j][c] = 0;
#pragma unroll
    for (int k = 0; k < Kernel::d; k += depth) {
      u32 left[4];
      factors::load_rows(left, queries + thread() / 32 * 16 * tiles::d_pitch + k, tiles::d_pitch);
#pragma unroll
      for (int j = 0; j < tile_n / 8; j += 2) {
        u32 right[4];
        factors::load_columns(right, keys + j * 8 * tiles::d_pitch + k, tiles::d_pitch);
        factors::multiply_add(scores_[j], left, right[0], right[1]);
        factors::multiply_add(scores_[j + 1], left, right[2], right[3]);
      }
    }
  }
  // Scores, as change(row, key, score) makes them, become weights.
  template <class Change>
  DEVICE void weigh(Change const& change) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float greatest = float_of(0xff800000u);
#pragma unroll
      for (int j = 0; j < tile_n / 8; ++j)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          float& score = scores_[j][2 * half + c];
          score = change(row(half), column(j) + c, score);
          greatest = maximum(score, greatest);
        }
#pragma unroll
      for (int mask = 1; mask < 4; mask *= 2) greatest = maximum(shuffle_xor(greatest, mask), greatest);
      float const factor = greatest_[half].raise(greatest);
      sum_[half] *= factor;
#pragma unroll
      for (int j = 0; j < e / 8; ++j) results_[j][2 * half] *= factor, results_[j][2 * half + 1] *= factor;
#pragma unroll
      for (int j = 0; j < tile_n / 8; ++j)
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          float& score = scores_[j][2 * half + c];
          score = greatest_[half].weight(score);
          sum_[half] += score;
        }
    }
  }
  // Adds the products of weights and values.
  DEVICE void multiply_values(T const* values) {
#pragma unroll
    for (int n = 0; n < tile_n; n += depth) {
      u32 left[4];
      load_weights(left, n / 8);
#pragma unroll
      for (int j = 0; j < e / 8; j += 2) {
        u32 right[4];
        load_values(right, values + n * tiles::e_pitch + j * 8);
        factors::multiply_add(results_[j], left, right[0], right[1]);
        factors::multiply_add(results_[j + 1], left, right[2], right[3]);
      }
    }
  }
  // Calls visit(row, column, x) with two neighbours of the results.
  template <class Visit>
  DEVICE void for_each(Visit const& visit) const {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float sum = sum_[half];
#pragma unroll
      for (int mask = 1; mask < 4; mask *= 2) sum += shuffle_xor(sum, mask);
      if (Kernel::unseen != 0 && sum == 0) sum = 1;
#pragma unroll
      for (int j = 0; j < e / 8; ++j) {
        float const x[2] = {divide(results_[j][2 * half], sum), divide(results_[j][2 * half + 1], sum)};
        visit(row(half), column(j), x);
      }
    }
  }

 private:
  // Weights of `depth` keys as left factors. With tf32 the keys 0, 2, 4, 6, 1, 3, 5, 7 are factors 0 to 7, so that each
  // lane has what it needs.
  DEVICE void load_weights(u32 (&to)[4], int j) const {
    float const(&w)[4] = scores_[j];
    if constexpr (Kernel::precision == 1) {
      to[0] = to_tf32(w[0]), to[1] = to_tf32(w[2]), to[2] = to_tf32(w[1]), to[3] = to_tf32(w[3]);
    } else {
      float const(&next)[4] = scores_[j + 1];
      to[0] = factors::pair(w[0], w[1]), to[1] = factors::pair(w[2], w[3]);
      to[2] = factors::pair(next[0], next[1]), to[3] = factors::pair(next[2], next[3]);
    }
  }
  // Values of the same keys, of two times 8 columns.
  DEVICE static void load_values(u32 (&to)[4], T const* values) {
    if constexpr (Kernel::precision == 1) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        to[i] = to_tf32(values[(factors::lane() % 4 * 2 + i % 2) * tiles::e_pitch + i / 2 * 8 + factors::lane() / 4]);
    } else {
      factors::load_columns_across(to, values, tiles::e_pitch);
    }
  }

  running_maximum greatest_[2];
  float scores_[tile_n / 8][4], sum_[2] = {}, results_[e / 8][4] = {};
};

template <class Kernel>
DEVICE void matrix_attention(attention_block<Kernel> const& queries) {
  typedef pointed_to<decltype(Kernel::argument0)> element;
  constexpr int tile_n = Kernel::tile_n;
  SHARED_MEMORY(element, memory);
  matrix_attention_tiles<Kernel, element> const tiles{memory};
  matrix_attention_part<Kernel, element> part;
  int const seen = queries.seen();
  auto const start = [&](int n) {
    if (n < seen) {
      queries.stage_keys(tiles.keys(n / tile_n % 2), tiles.d_pitch, n);
      queries.stage_values(tiles.values(n / tile_n % 2), tiles.e_pitch, n);
    }
    commit_copies();
  };
  queries.stage_queries(tiles.queries, tiles.d_pitch);
  start(0);
  for (int n = 0; n < seen; n += tile_n) {
    wait_copies<0>();
    barrier();
    start(n + tile_n);
    part.multiply_keys(tiles.queries, tiles.keys(n / tile_n % 2));
    part.weigh([&](int row, int key, float score) { return queries.masked(row, n + key, score); });
    part.multiply_values(tiles.values(n / tile_n % 2));
  }
  part.for_each([&](int row, int column, auto const& x) { queries.store(row, column, x); });
}
)cuda"
