R"cuda(
// gather: y[d0, i, d2] = x[d0, indices[i], d2]. A negative index counts from the end; one outside is moved to the
// nearest inside.
//
// constants  rank 3, size0, size1, size2: of y; vector 1; limit: the extent of x that indices are of; bytes of an
//            element: 1, 2, 4, 8 or 16
// arguments  x[size0][limit][size2], indices (s32 or s64), y: dense
// launch     as pointwise
template <class Kernel>
DEVICE void gather(Kernel const& kernel) {
  typedef typename Kernel::index index;
  typedef typename word<Kernel::bytes>::type element;
  index at[3];
  if (!find_coordinates<Kernel>(at)) return;
  s64 chosen = load(kernel.argument1 + at[1]);
  if (chosen < 0) chosen += Kernel::limit;
  chosen = chosen < 0 ? 0 : chosen >= Kernel::limit ? Kernel::limit - 1 : chosen;
  index const from = (at[0] * Kernel::limit + (index)chosen) * Kernel::size(2) + at[2];
  ((element*)kernel.argument2)[flatten<Kernel>(at)] = ((element const*)kernel.argument0)[from];
}
)cuda"
