R"cuda(
// depthwise: convolution with a filter for each channel, of zeros around x: x0[n, p, q, c] = Σ over r, s of
// x[n, c, h, w] * weights[r, s, c], where h = p * stride_h - pad_h + r * dilation_h, w likewise.
//
// constants    rank 4, size0 ... size3: images, p, q, channels; h, w; r, s; stride_h, stride_w, pad_h, pad_w,
//              dilation_h, dilation_w; x_n, x_c, x_h, x_w: elements for one step; vector: channels of a thread, 1 or 4
//              as in pointwise, also of x (with x_c 1) and weights; tile_q: neighbours along q of a thread
// arguments    x, weights[r][s][c]; operands and result with strides
// coordinates  n, p, q, channel
// launch       blocks of threads for all coordinates, q divided by tile_q and channels by vector
// order        each result is a chain of fma over r and s from zero on, in ascending order
template <class Kernel>
DEVICE void depthwise(Kernel const& kernel) {
  typedef typename Kernel::index index;
  constexpr int vector = Kernel::vector, tile = Kernel::tile_q;
  constexpr int columns = (tile - 1) * Kernel::stride_w + (Kernel::s - 1) * Kernel::dilation_w + 1;
  index at[4];
  if (!find_coordinates<Kernel, 2, tile>(at)) return;
  auto const* const x = kernel.argument0 + (at[0] * Kernel::x_n + at[3] * Kernel::x_c);
  index const first_h = at[1] * Kernel::stride_h - Kernel::pad_h, first_w = at[2] * Kernel::stride_w - Kernel::pad_w;

  float sums[tile][vector] = {};
#pragma unroll(Kernel::r <= 3 ? 3 : 1)
  for (int r = 0; r < Kernel::r; ++r) {
    index const h = first_h + r * Kernel::dilation_h;
    if (!inside(h, (index)Kernel::h)) continue;
    float weights[Kernel::s][vector];
#pragma unroll
    for (int s = 0; s < Kernel::s; ++s)
      load_elements<1>(weights[s], kernel.argument1 + ((r * Kernel::s + s) * Kernel::size(3) + at[3]));
#pragma unroll
    for (int column = 0; column < columns; ++column) {
      index const w = first_w + column;
      float pixel[vector] = {};
      if (inside(w, (index)Kernel::w)) load_elements<Kernel::x_c>(pixel, x + (h * Kernel::x_h + w * Kernel::x_w));
#pragma unroll
      for (int j = 0; j < tile; ++j) {
        int const reach = column - j * Kernel::stride_w, s = reach / Kernel::dilation_w;
        if (reach < 0 || reach % Kernel::dilation_w != 0 || s >= Kernel::s) continue;
#pragma unroll
        for (int i = 0; i < vector; ++i) sums[j][i] = fma(pixel[i], weights[s][i], sums[j][i]);
      }
    }
  }
#pragma unroll
  for (int j = 0; j < tile; ++j) {
    index place[4] = {at[0], at[1], at[2] + j, at[3]};
    if (place[2] < Kernel::size(2)) store_results(kernel, sums[j], place);
  }
}
)cuda"
