R"cuda(
// pool: x0[n, p, q, c] = the maximum or mean of a window over x[n, c, h, w].
//
// constants    as depthwise without tile_q (r, s: the window); kind: 0 maximum, a NaN being greater than all; 1 mean of
//              what lies in x; 2 mean that counts padding, up to the extents padded_h and padded_w
// arguments    x; operands and result with strides
// coordinates  n, p, q, channel
// launch       as pointwise
// order        over r and s, ascending
DEVICE float larger(float best, float value) { return value > best || value != value ? value : best; }

template <class Kernel>
DEVICE void pool(Kernel const& kernel) {
  typedef typename Kernel::index index;
  constexpr int vector = Kernel::vector;
  constexpr bool maximum = Kernel::kind == 0, count_padding = Kernel::kind == 2;
  index at[4];
  if (!find_coordinates<Kernel>(at)) return;
  auto const* const x = kernel.argument0 + (at[0] * Kernel::x_n + at[3] * Kernel::x_c);

  float best[vector], sum[vector] = {};
#pragma unroll
  for (int i = 0; i < vector; ++i) best[i] = float_of(0xff800000u);
  int count = 0;
#pragma unroll(Kernel::r* Kernel::s <= 9 ? 3 : 1)
  for (int r = 0; r < Kernel::r; ++r) {
    index const h = at[1] * Kernel::stride_h - Kernel::pad_h + r * Kernel::dilation_h;
#pragma unroll(Kernel::s <= 7 ? 7 : 1)
    for (int s = 0; s < Kernel::s; ++s) {
      index const w = at[2] * Kernel::stride_w - Kernel::pad_w + s * Kernel::dilation_w;
      bool const is_inside = inside(h, (index)Kernel::h) && inside(w, (index)Kernel::w);
      count += count_padding ? h < Kernel::padded_h && w < Kernel::padded_w : is_inside;
      if (!is_inside) continue;
      float pixel[vector];
      load_elements<Kernel::x_c>(pixel, x + (h * Kernel::x_h + w * Kernel::x_w));
#pragma unroll
      for (int i = 0; i < vector; ++i) best[i] = larger(best[i], pixel[i]), sum[i] += pixel[i];
    }
  }
  float result[vector];
#pragma unroll
  for (int i = 0; i < vector; ++i) result[i] = maximum ? best[i] : divide(sum[i], (float)count);
  store_results(kernel, result, at);
}
)cuda"
