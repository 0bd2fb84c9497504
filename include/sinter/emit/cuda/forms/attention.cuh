R"cuda(
// attention: x0[d0, d1, m, e] = Σ over n of softmax(scale * q[m] · k[n] + mask[m, n]) * v[n, e], in one pass over keys:
// results are scaled down whenever a greater score appears. Products are in float.
//
// constants    rank 4, size0 ... size3: batch, heads, queries, elements of a value; keys; d: elements of a key, d and
//              size3 being multiples of 4; q_batch0, q_batch1, q_m, k_batch0, k_batch1, k_n, v_batch0, v_batch1, v_n:
//              elements for one step, multiples of 4; elements of a row are neighbours; share: heads that have a key head
//              in common; scale: its bits; causal: 1 if query m sees keys up to m + keys - queries only;
//              unseen: 1 if queries that the mask leaves no key have the result 0
//              mask: 1 if there is one; mask_batch0, mask_batch1, mask_m, mask_n: its elements for one step
//              tile_m, tile_n: queries and keys of a step, multiples of threads / 16 and of 16; vector as in pointwise
// arguments    q, k, v, the mask if there is one: float; operands and result with strides
// coordinates  d0, d1, m, e
// launch       queries / tile_m, size0 * size1 blocks
// shared       the floats of attention_tiles
template <class Kernel>
struct attention_tiles {
  static constexpr int padded_e = ((int)Kernel::size(3) + 63) / 64 * 64;
  static constexpr int d_pitch = Kernel::d + 4, e_pitch = padded_e + 4, n_pitch = Kernel::tile_n + 4;
  float* const queries;
  float* const keys = queries + Kernel::tile_m * d_pitch;
  float* const values = keys + Kernel::tile_n * d_pitch;
  float* const weights = values + Kernel::tile_n * e_pitch;
};

// Starts copies of rows to shared memory, with zeros for those outside.
template <int threads, int rows, int columns>
DEVICE void stage_rows(float* to, int pitch, const float* from, s64 step, int exist) {
  constexpr int groups = columns / 4;
#pragma unroll 4
  for (int i = thread(); i < rows * groups; i += threads) {
    const int row = i / groups, column = i % groups * 4;
    const bool valid = row < exist;
    copy_async16(to + row * pitch + column, valid ? from + (row * step + column) : from, valid);
  }
}

// The part of a block's queries that a thread has: rows apart by `down`, of keys each 16th, of values groups of four.
template <class Kernel>
class attention_part {
 public:
  typedef typename Kernel::index index;
  typedef attention_tiles<Kernel> tiles;
  static constexpr int across = 16, down = Kernel::threads / across;
  static constexpr int rows = Kernel::tile_m / down, keys = Kernel::tile_n / across, columns = tiles::padded_e / across;

  DEVICE attention_part() {
#pragma unroll
    for (int i = 0; i < rows; ++i) greatest_[i] = float_of(0xff800000u);
  }
  DEVICE static int row(int i) { return thread() / across + i * down; }
  DEVICE static int key(int j) { return thread() % across + j * across; }
  DEVICE static int column(int j) { return (thread() % across + j / 4 * across) * 4 + j % 4; }

  // The products of queries and keys.
  DEVICE void multiply_keys(const tiles& t) {
#pragma unroll
    for (int i = 0; i < rows; ++i)
#pragma unroll
      for (int j = 0; j < keys; ++j) scores_[i][j] = 0;
#pragma unroll 1
    for (int k = 0; k < Kernel::d; k += 4) {
      vec4 q[rows];
#pragma unroll
      for (int i = 0; i < rows; ++i) q[i] = *(const vec4*)(t.queries + row(i) * tiles::d_pitch + k);
#pragma unroll
      for (int j = 0; j < keys; ++j) {
        const vec4 other = *(const vec4*)(t.keys + key(j) * tiles::d_pitch + k);
#pragma unroll
        for (int i = 0; i < rows; ++i) scores_[i][j] = dot(q[i], other, scores_[i][j]);
      }
    }
  }
  // Replaces scores by visit(row, key, score).
  template <class Visit>
  DEVICE void change_scores(const Visit& visit) {
#pragma unroll
    for (int i = 0; i < rows; ++i)
#pragma unroll
      for (int j = 0; j < keys; ++j) scores_[i][j] = visit(row(i), key(j), scores_[i][j]);
  }
  // Scores become weights in shared memory, relative to the greatest score so far.
  DEVICE void weigh(const tiles& t) {
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      float greatest = greatest_[i];
#pragma unroll
      for (int j = 0; j < keys; ++j) greatest = maximum(scores_[i][j], greatest);
#pragma unroll
      for (int mask = 1; mask < across; mask *= 2) greatest = maximum(shuffle_xor(greatest, mask), greatest);
      const float base = greatest == float_of(0xff800000u) ? 0.0f : greatest;
      const float factor = exponential(greatest_[i] - base);
      greatest_[i] = greatest;
      sum_[i] *= factor;
#pragma unroll
      for (int j = 0; j < columns; ++j) results_[i][j] *= factor;
#pragma unroll
      for (int j = 0; j < keys; ++j) {
        const float weight = exponential(scores_[i][j] - base);
        sum_[i] += weight;
        t.weights[row(i) * tiles::n_pitch + key(j)] = weight;
      }
    }
  }
  // Adds the products of weights and values.
  DEVICE void multiply_values(const tiles& t) {
#pragma unroll 1
    for (int n = 0; n < Kernel::tile_n; n += 4) {
      vec4 weights[rows];
#pragma unroll
      for (int i = 0; i < rows; ++i) weights[i] = *(const vec4*)(t.weights + row(i) * tiles::n_pitch + n);
#pragma unroll
      for (int step = 0; step < 4; ++step)
#pragma unroll
        for (int j = 0; j < columns; j += 4) {
          const vec4 values = *(const vec4*)(t.values + (n + step) * tiles::e_pitch + column(j));
#pragma unroll
          for (int i = 0; i < rows; ++i)
#pragma unroll
            for (int c = 0; c < 4; ++c)
              results_[i][j + c] = fma(component(weights[i], step), component(values, c), results_[i][j + c]);
        }
    }
  }
  // Calls visit(row, column, x) with four neighbours of the results.
  template <class Visit>
  DEVICE void for_each(const Visit& visit) const {
#pragma unroll
    for (int i = 0; i < rows; ++i) {
      float sum = sum_[i];
#pragma unroll
      for (int mask = 1; mask < across; mask *= 2) sum += shuffle_xor(sum, mask);
      if (Kernel::unseen != 0 && sum == 0) sum = 1;
#pragma unroll
      for (int j = 0; j < columns; j += 4) {
        const float x[4] = {divide(results_[i][j], sum), divide(results_[i][j + 1], sum),
                            divide(results_[i][j + 2], sum), divide(results_[i][j + 3], sum)};
        visit(row(i), column(j), x);
      }
    }
  }

 private:
  DEVICE static float dot(const vec4& a, const vec4& b, float sum) {
    return fma(a.w, b.w, fma(a.z, b.z, fma(a.y, b.y, fma(a.x, b.x, sum))));
  }

  float scores_[rows][keys], greatest_[rows], sum_[rows] = {}, results_[rows][columns] = {};
};

// The score of a key after scale and mask; -infinity for keys that are not seen.
template <class Kernel>
DEVICE float masked_score(const Kernel& kernel, typename Kernel::index d0, typename Kernel::index d1, int m, int n,
                          float score) {
  const bool seen = n < Kernel::keys && (Kernel::causal == 0 || n <= m + (int)(Kernel::keys - Kernel::size(2)));
  if (!seen) return float_of(0xff800000u);
  score *= float_of((u32)Kernel::scale);
  if constexpr (Kernel::mask != 0)
    if (m < Kernel::size(2))
      score += load(kernel.argument3 + (d0 * Kernel::mask_batch(0) + d1 * Kernel::mask_batch(1) + m * Kernel::mask_m +
                                        n * Kernel::mask_n));
  return score;
}

template <class Kernel>
DEVICE void attention(const Kernel& kernel) {
  typedef typename Kernel::index index;
  constexpr int threads = Kernel::threads, tile_m = Kernel::tile_m, tile_n = Kernel::tile_n;
  constexpr int queries = (int)Kernel::size(2), all_keys = Kernel::keys;
  SHARED_MEMORY(float, memory);
  const attention_tiles<Kernel> tiles{memory};
  const int first_m = (int)block(0) * tile_m;
  const index d0 = (index)(block(1) / (u32)Kernel::size(1)), d1 = (index)(block(1) % (u32)Kernel::size(1));
  const float* const q = kernel.argument0 + (d0 * Kernel::q_batch(0) + d1 * Kernel::q_batch(1) + first_m * Kernel::q_m);
  const float* const k = kernel.argument1 + (d0 * Kernel::k_batch(0) + d1 / Kernel::share * Kernel::k_batch(1));
  const float* const v = kernel.argument2 + (d0 * Kernel::v_batch(0) + d1 / Kernel::share * Kernel::v_batch(1));

  attention_part<Kernel> part;
  stage_rows<threads, tile_m, Kernel::d>(tiles.queries, tiles.d_pitch, q, Kernel::q_m, queries - first_m);
  const int last_m = first_m + tile_m <= queries ? first_m + tile_m - 1 : queries - 1;
  const int seen = Kernel::causal ? last_m + 1 + all_keys - queries : all_keys;
  for (int n = 0; n < seen; n += tile_n) {
    stage_rows<threads, tile_n, Kernel::d>(tiles.keys, tiles.d_pitch, k + n * (index)Kernel::k_n, Kernel::k_n, all_keys - n);
    commit_copies();
    stage_rows<threads, tile_n, (int)Kernel::size(3)>(tiles.values, tiles.e_pitch, v + n * (index)Kernel::v_n, Kernel::v_n,
                                                      all_keys - n);
    commit_copies();
    wait_copies<1>();
    barrier();
    part.multiply_keys(tiles);
    part.change_scores([&](int row, int key, float score) {
      return masked_score(kernel, d0, d1, first_m + row, n + key, score);
    });
    part.weigh(tiles);
    wait_copies<0>();
    barrier();
    part.multiply_values(tiles);
    barrier();
  }
  part.for_each([&](int row, int column, const float(&x0)[4]) {
    index at[4] = {d0, d1, first_m + row, column};
    if (at[2] < Kernel::size(2) && at[3] < Kernel::size(3)) store_results(kernel, x0, at);
  });
}
)cuda"
