R"cuda(
// transposed_convolution: x0[n, p, q, f] = Σ over h, w, r, s, c of x[n, c, h, w] * weights, where
// p = h * stride_h + r * dilation_h - pad_h, q likewise. Constants of product.cuh, and:
//
// constants    as convolution, but k = taps_h * taps_w * c; step_h = stride_h / gcd(stride_h, dilation_h): from a row
//              of the filter that meets an output to the next; taps_h: how many do, at most; likewise step_w, taps_w
// arguments    x, weights[groups], w_k being for one step of [r][s][c]; then as in contraction
// coordinates  n, p, q, output channel
// launch       n * (p / stride_h) * (q / stride_w) / tile_m (rounded up each), f / tile_n,
//              stride_h * stride_w * groups * splits
//
// A block has outputs of one phase: p % stride_h and q % stride_w are the same for all. Factors m are n, p / stride_h
// and q / stride_w; k are every step-th r and s, and c.

// The first row (or column) of a filter of `size` that meets outputs of a phase; `size` if there is none.
DEVICE int first_tap(int phase_and_pad, int size, int stride, int dilation, int step) {
  int tap = 0;
  while (tap < step && (phase_and_pad - tap * dilation) % stride != 0) ++tap;
  return tap < step ? tap : size;
}

template <class Kernel>
struct transposed_phase {
  typedef typename Kernel::index index;
  int phase_h, phase_w, first_r, first_s;

  DEVICE explicit transposed_phase(int phase)
      : phase_h(phase / Kernel::stride_w),
        phase_w(phase % Kernel::stride_w),
        first_r(first_tap(phase_h + Kernel::pad_h, Kernel::r, Kernel::stride_h, Kernel::dilation_h, Kernel::step_h)),
        first_s(first_tap(phase_w + Kernel::pad_w, Kernel::s, Kernel::stride_w, Kernel::dilation_w, Kernel::step_w)) {}

  // The output of factor m; false where there is none.
  DEVICE bool find_output(index m, index (&at)[4]) const {
    auto const flat = to_unsigned(m);
    auto const width = to_unsigned((Kernel::size(2) + Kernel::stride_w - 1) / Kernel::stride_w);
    auto const height = to_unsigned((Kernel::size(1) + Kernel::stride_h - 1) / Kernel::stride_h);
    at[0] = (index)(flat / (width * height));
    at[1] = (index)(flat / width % height) * Kernel::stride_h + phase_h;
    at[2] = (index)(flat % width) * Kernel::stride_w + phase_w;
    at[3] = 0;
    return at[0] < Kernel::size(0) && at[1] < Kernel::size(1) && at[2] < Kernel::size(2);
  }
  DEVICE int row_of_filter(int tap) const { return first_r + tap / (int)Kernel::taps_w * Kernel::step_h; }
  DEVICE int column_of_filter(int tap) const { return first_s + tap % (int)Kernel::taps_w * Kernel::step_w; }

  template <class T>
  DEVICE source<T> find_pixel(T const* x, index m, int first, int step) const {
    index at[4];
    bool const exists = find_output(m, at) && within<Kernel::k, Kernel::tile_k>(first + step);
    convolution_summand<Kernel> const summand(first, step);
    int const r = row_of_filter(summand.tap), s = column_of_filter(summand.tap);
    index const reach_h = at[1] + Kernel::pad_h - r * Kernel::dilation_h, h = reach_h / Kernel::stride_h;
    index const reach_w = at[2] + Kernel::pad_w - s * Kernel::dilation_w, w = reach_w / Kernel::stride_w;
    bool const valid =
        exists && r < Kernel::r && s < Kernel::s && reach_h >= 0 && h < Kernel::h && reach_w >= 0 && w < Kernel::w;
    return {valid ? x + (at[0] * Kernel::x_n + summand.c * Kernel::x_c + h * Kernel::x_h + w * Kernel::x_w) : x, valid};
  }
  template <class T>
  DEVICE source<T> find_weight(T const* weights, int first, int step, index f) const {
    convolution_summand<Kernel> const summand(first, step);
    int const r = row_of_filter(summand.tap), s = column_of_filter(summand.tap);
    bool const valid = within<Kernel::k, Kernel::tile_k>(first + step) && r < Kernel::r && s < Kernel::s &&
                       within<Kernel::f, Kernel::tile_n>(f);
    index const in_filter = (r * Kernel::s + s) * Kernel::c + summand.c;
    return {valid ? weights + (in_filter * Kernel::w_k + f * Kernel::w_f) : weights, valid};
  }
};

template <class Kernel>
DEVICE void transposed_convolution(Kernel const& kernel) {
  typedef typename Kernel::index index;
  constexpr int phases = Kernel::stride_h * Kernel::stride_w;
  index const first_m = (index)block(0) * Kernel::tile_m, first_f = (index)block(1) * Kernel::tile_n;
  int const split = (int)(block(2) % Kernel::splits), group = (int)(block(2) / Kernel::splits / phases);
  transposed_phase<Kernel> const phase((int)(block(2) / Kernel::splits % phases));
  tile_range const range = tiles_of_split<Kernel>(split);
  int const first_k = range.first * Kernel::tile_k;
  auto const* const x = kernel.argument0 + (index)group * Kernel::c * Kernel::x_c;
  auto const* const weights = kernel.argument1 + (index)group * Kernel::r * Kernel::s * Kernel::c * Kernel::f;
  typedef pointed_to<decltype(x)> element;

  product<Kernel, element> sums;
  multiply<Kernel, element>(
      sums, range.count,
      [&](int row, int first, int step) { return phase.find_pixel(x, first_m + row, first_k + first, step); },
      [&](int first, int step, int column) {
        return phase.find_weight(weights, first_k + first, step, first_f + column);
      });

  store_product(kernel, sums, split, [&](int row, int column, auto const& store) {
    index const f = first_f + column;
    index at[4];
    if (!phase.find_output(first_m + row, at) || !within<Kernel::f, Kernel::tile_n>(f)) return;
    at[3] = group * Kernel::f + f;
    store(at, Kernel::f - f);
  });
}
)cuda"
