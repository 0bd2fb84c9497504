R"cuda(
// convolution: x0[n, p, q, f] = Σ over r, s, c of x[n, c, h, w] * weights, with zeros around x, where
// h = p * stride_h - pad_h + r * dilation_h, w likewise. Constants of product.cuh (m is n, p, q; k is r, s, c), and:
//
// constants    rank, size0 ...: n, p, q, or fewer axes as which they are passed through alike, and all output channels;
//              p, q; m = n * p * q; groups; c, f: channels of a group; h, w; r, s; k = r * s * c; stride_h, stride_w,
//              pad_h, pad_w, dilation_h, dilation_w; x_n, x_c, x_h, x_w: elements for one step; w_k, w_f: of weights
//              for one step of k and f; vector as in contraction; a_vector above 1 needs x_c 1 and c a multiple of it
// arguments    x, weights[groups]: float, or both of 16 bits; then as in contraction
// coordinates  n, p, q, or the axes that stand for them, and the output channel
// launch       m / tile_m, f / tile_n, groups * splits
template <class Kernel>
struct convolution_row {
  typedef typename Kernel::index index;
  index n, p, q;
  DEVICE explicit convolution_row(index m) {
    auto const flat = to_unsigned(m);
    auto const width = to_unsigned((index)Kernel::q), height = to_unsigned((index)Kernel::p);
    q = (index)(flat % width);
    p = (index)(flat / width % height);
    n = (index)(flat / (width * height));
  }
};

// Where the factor of output m and summand k = first + step lies in the channels of a group.
template <class Kernel, class T>
DEVICE source<T> find_pixel(T const* x, typename Kernel::index m, int first, int step) {
  typedef typename Kernel::index index;
  convolution_row<Kernel> const row(m);
  convolution_summand<Kernel> const summand(first, step);
  int const r = (int)((u32)summand.tap / (u32)Kernel::s), s = (int)((u32)summand.tap % (u32)Kernel::s);
  index const h = row.p * Kernel::stride_h - Kernel::pad_h + r * Kernel::dilation_h;
  index const w = row.q * Kernel::stride_w - Kernel::pad_w + s * Kernel::dilation_w;
  bool const valid = within<Kernel::m, Kernel::tile_m>(m) && within<Kernel::k, Kernel::tile_k>(first + step) &&
                     inside(h, (index)Kernel::h) && inside(w, (index)Kernel::w);
  return {valid ? x + (row.n * Kernel::x_n + summand.c * Kernel::x_c + h * Kernel::x_h + w * Kernel::x_w) : x, valid};
}

template <class Kernel>
DEVICE void convolution(Kernel const& kernel) {
  typedef typename Kernel::index index;
  index const first_m = (index)block(0) * Kernel::tile_m, first_f = (index)block(1) * Kernel::tile_n;
  int const split = (int)(block(2) % Kernel::splits), group = (int)(block(2) / Kernel::splits);
  tile_range const range = tiles_of_split<Kernel>(split);
  int const first_k = range.first * Kernel::tile_k;
  auto const* const x = kernel.argument0 + (index)group * Kernel::c * Kernel::x_c;
  auto const* const weights = kernel.argument1 + (index)group * Kernel::k * Kernel::f;
  typedef pointed_to<decltype(x)> element;

  product<Kernel, element> sums;
  multiply<Kernel, element>(
      sums, range.count,
      [&](int row, int first, int step) { return find_pixel<Kernel>(x, first_m + row, first_k + first, step); },
      [&](int first, int step, int column) -> source<element> {
        index const k = first_k + first + step, f = first_f + column;
        bool const valid = within<Kernel::k, Kernel::tile_k>(k) && within<Kernel::f, Kernel::tile_n>(f);
        return {valid ? weights + (k * Kernel::w_k + f * Kernel::w_f) : weights, valid};
      });

  store_product(kernel, sums, split, [&](int row, int column, auto const& store) {
    index const m = first_m + row, f = first_f + column;
    if (!within<Kernel::m, Kernel::tile_m>(m) || !within<Kernel::f, Kernel::tile_n>(f)) return;
    index at[Kernel::rank];
    find_row<Kernel>(m, at);
    at[Kernel::rank - 1] = group * Kernel::f + f;
    store(at, Kernel::f - f);
  });
}
)cuda"
