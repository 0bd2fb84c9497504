R"cuda(
// sum_splits: x0 = the sum of what the splits of a contraction or convolution left, in their order.
//
// constants    rank 4, size0 ... size3; splits; vector 1 or 4, as in pointwise
// arguments    sums[splits][size0]...[size3]; operands and result with strides
// coordinates  those of the contraction or convolution
// launch       as pointwise
template <class Kernel>
DEVICE void sum_splits(Kernel const& kernel) {
  typename Kernel::index at[Kernel::rank];
  if (!find_coordinates<Kernel>(at)) return;
  float const* from = kernel.argument0 + flatten<Kernel>(at);
  float sum[Kernel::vector] = {};
#pragma unroll 4
  for (int split = 0; split < Kernel::splits; ++split, from += count_coordinates<Kernel>()) {
    float part[Kernel::vector];
    load_elements<1>(part, from);
#pragma unroll
    for (int i = 0; i < Kernel::vector; ++i) sum[i] = split == 0 ? part[i] : sum[i] + part[i];
  }
  store_results(kernel, sum, at);
}
)cuda"
