R"cuda(
// contraction: x0[d0, d1, m, n] = Σ a[d0, d1, m, k] * b[d0, d1, k, n]. Constants of product.cuh, and:
//
// constants    rank 4, size0 ... size3: of the batch, m and n; k; a_batch0, a_batch1, a_m, a_k, b_batch0, b_batch1,
//              b_k, b_n: elements for one step (0 where an operand is repeated); vector: 1, or as in pointwise 4, by
//              matrix units 2
// arguments    a, b: float, or both of 16 bits; with splits 1 operands and result with strides, else
//              sums[splits][size0]...[size3], arrivals; then operands and result
// coordinates  d0, d1, m, n
// launch       m / tile_m, n / tile_n, size0 * size1 * splits
template <class Kernel>
DEVICE void contraction(Kernel const& kernel) {
  typedef typename Kernel::index index;
  index const first_m = (index)block(0) * Kernel::tile_m, first_n = (index)block(1) * Kernel::tile_n;
  int const split = (int)(block(2) % Kernel::splits), batch = (int)(block(2) / Kernel::splits);
  index const d0 = batch / Kernel::size(1), d1 = batch % Kernel::size(1);
  tile_range const range = tiles_of_split<Kernel>(split);
  int const first_k = range.first * Kernel::tile_k;
  auto const* const a = kernel.argument0 + (d0 * Kernel::a_batch(0) + d1 * Kernel::a_batch(1));
  auto const* const b = kernel.argument1 + (d0 * Kernel::b_batch(0) + d1 * Kernel::b_batch(1));
  typedef pointed_to<decltype(a)> element;

  product<Kernel, element> sums;
  multiply<Kernel, element>(
      sums, range.count,
      [&](int row, int first, int step) -> source<element> {
        index const m = first_m + row, k = first_k + first + step;
        bool const valid = within<Kernel::size(2), Kernel::tile_m>(m) && within<Kernel::k, Kernel::tile_k>(k);
        return {valid ? a + (m * Kernel::a_m + k * Kernel::a_k) : a, valid};
      },
      [&](int first, int step, int column) -> source<element> {
        index const k = first_k + first + step, n = first_n + column;
        bool const valid = within<Kernel::k, Kernel::tile_k>(k) && within<Kernel::size(3), Kernel::tile_n>(n);
        return {valid ? b + (k * Kernel::b_k + n * Kernel::b_n) : b, valid};
      });

  store_product(kernel, sums, split, [&](int row, int column, auto const& store) {
    index at[4] = {d0, d1, first_m + row, first_n + column};
    if (within<Kernel::size(2), Kernel::tile_m>(at[2]) && within<Kernel::size(3), Kernel::tile_n>(at[3]))
      store(at, Kernel::size(3) - at[3]);
  });
}
)cuda"
