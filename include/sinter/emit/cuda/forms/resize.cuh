R"cuda(
// resize: x0[n, p, q, c] = Σ over i, j of row_weights[p, i] * column_weights[q, j] * x[n, c, rows[p, i], columns[q,
// j]]. Nearest has one tap an axis, linear two, cubic four; the tables move taps outside of x inside.
//
// constants    rank 4, size0 ... size3: images, p, q, channels; taps_h, taps_w; x_n, x_c, x_h, x_w: elements for one
//              step; vector 1 or 4, as in pointwise, also of x (with x_c 1)
// arguments    x, rows[size1][taps_h] (s32), row_weights, columns[size2][taps_w] (s32), column_weights; operands and
//              result with strides
// coordinates  n, p, q, channel
// launch       as pointwise
// order        each row's chain of products over j, then over i, both from zero on
template <class Kernel>
DEVICE void resize(Kernel const& kernel) {
  typedef typename Kernel::index index;
  constexpr int vector = Kernel::vector, taps_h = Kernel::taps_h, taps_w = Kernel::taps_w;
  index at[4];
  if (!find_coordinates<Kernel>(at)) return;
  auto const* const x = kernel.argument0 + (at[0] * Kernel::x_n + at[3] * Kernel::x_c);
  float sum[vector] = {};
#pragma unroll
  for (int i = 0; i < taps_h; ++i) {
    index const h = load(kernel.argument1 + at[1] * taps_h + i);
    float const row_weight = load(kernel.argument2 + at[1] * taps_h + i);
    float row[vector] = {};
#pragma unroll
    for (int j = 0; j < taps_w; ++j) {
      index const w = load(kernel.argument3 + at[2] * taps_w + j);
      float const column_weight = load(kernel.argument4 + at[2] * taps_w + j);
      float pixel[vector];
      load_elements<Kernel::x_c>(pixel, x + (h * Kernel::x_h + w * Kernel::x_w));
#pragma unroll
      for (int v = 0; v < vector; ++v) row[v] = fma(column_weight, pixel[v], row[v]);
    }
#pragma unroll
    for (int v = 0; v < vector; ++v) sum[v] = fma(row_weight, row[v], sum[v]);
  }
  store_results(kernel, sum, at);
}
)cuda"
