R"cuda(
// What ways to compute attention have in common.

// Starts copies of rows to shared memory, with zeros for those outside.
template <int threads, int rows, int columns, class T>
DEVICE void stage_rows(T* to, int pitch, T const* from, s64 step, int exist) {
  constexpr int width = 16 / sizeof(T), groups = columns / width;
#pragma unroll 4
  for (int i = thread(); i < rows * groups; i += threads) {
    int const row = i / groups, column = i % groups * width;
    bool const valid = row < exist;
    copy_async16(to + row * pitch + column, valid ? from + (row * step + column) : from, valid);
  }
}

// A score, to which a mask is added, or which one of booleans lets through.
template <class T>
DEVICE float with_mask(float score, T const* mask) {
  return score + load_element(mask);
}
DEVICE float with_mask(float score, boolean const* mask) {
  return load(&mask->bits) ? score : float_of(0xff800000u);
}

// The queries of a block, and where their rows lie.
template <class Kernel>
struct attention_block {
  typedef typename Kernel::index index;
  static constexpr int threads = Kernel::threads, tile_m = Kernel::tile_m, tile_n = Kernel::tile_n;
  static constexpr int queries = (int)Kernel::size(2), keys = Kernel::keys, e = (int)Kernel::size(3);

  Kernel const& kernel;
  int const first_m = (int)block(0) * tile_m;
  index const d0 = (index)(block(1) / (u32)Kernel::size(1)), d1 = (index)(block(1) % (u32)Kernel::size(1));

  // How many keys the queries see.
  DEVICE int seen() const {
    int const end = first_m + tile_m <= queries ? first_m + tile_m : queries;
    return end + Kernel::highest < keys ? end + Kernel::highest : keys;
  }
  template <class T>
  DEVICE void stage_queries(T* to, int pitch) const {
    T const* const q =
        kernel.argument0 + (d0 * Kernel::q_batch(0) + d1 * Kernel::q_batch(1) + first_m * (index)Kernel::q_m);
    stage_rows<threads, tile_m, Kernel::d>(to, pitch, q, Kernel::q_m, queries - first_m);
  }
  // Keys and values from n on.
  template <class T>
  DEVICE void stage_keys(T* to, int pitch, int n) const {
    T const* const k = kernel.argument1 + (d0 * Kernel::k_batch(0) + d1 / Kernel::share * Kernel::k_batch(1));
    stage_rows<threads, tile_n, Kernel::d>(to, pitch, k + n * (index)Kernel::k_n, Kernel::k_n, keys - n);
  }
  template <class T>
  DEVICE void stage_values(T* to, int pitch, int n) const {
    T const* const v = kernel.argument2 + (d0 * Kernel::v_batch(0) + d1 / Kernel::share * Kernel::v_batch(1));
    stage_rows<threads, tile_n, e>(to, pitch, v + n * (index)Kernel::v_n, Kernel::v_n, keys - n);
  }
  DEVICE static bool sees(int m, int n) {
    bool const low = Kernel::lowest <= 1 - queries || n >= m + Kernel::lowest;
    return low && n < keys && (Kernel::highest >= keys - 1 || n <= m + Kernel::highest);
  }
  // The score of query first_m + row and key n after scale, softcap and mask; -infinity for keys that are not seen.
  DEVICE float masked(int row, int n, float score) const {
    int const m = first_m + row;
    if (!sees(m, n)) return float_of(0xff800000u);
    score *= float_of((u32)Kernel::scale);
    if constexpr (Kernel::softcap != 0) {
      float const cap = float_of((u32)Kernel::softcap);
      score = cap * hyperbolic_tangent(divide(score, cap));
    }
    if constexpr (Kernel::mask != 0)
      if (m < queries)
        score = with_mask(score, kernel.argument3 + (d0 * Kernel::mask_batch(0) + d1 * Kernel::mask_batch(1) +
                                                     m * (index)Kernel::mask_m + n * (index)Kernel::mask_n));
    return score;
  }
  template <int width>
  DEVICE void store(int row, int column, float const (&x0)[width]) const {
    index at[4] = {d0, d1, first_m + row, column};
    if (at[2] < queries && at[3] < e) store_results(kernel, x0, at);
  }
};

// The greatest of the scores of a query so far, and what results for it are relative to.
struct running_maximum {
  float value = float_of(0xff800000u);
  float base = 0;
  // Takes another one in; returns by what earlier results are to be multiplied.
  DEVICE float raise(float greatest) {
    float const before = value;
    value = maximum(before, greatest);
    base = value == float_of(0xff800000u) ? 0.0f : value;
    return exponential(before - base);
  }
  DEVICE float weight(float score) const { return exponential(score - base); }
};
)cuda"
