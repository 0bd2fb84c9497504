R"cuda(
// gather: y[at] = x[at, indices[at, 0], ...]. A negative index counts from the end; one outside is moved to the nearest
// inside, and is left in the words of the last argument where indices are checked.
//
// constants  rank, size0 ... of y; vector 1; bytes of an element: 1, 2, 4, 8 or 16; from0 ... and of0 ...: elements of
//            x and indices for one step of a coordinate; choices: indices of a coordinate, which are neighbours;
//            limit0 ... and step0 ...: of each, how many there are, and elements of x from one to the next; checked
// arguments  x, indices (s32 or s64), y: dense; with checked also a word (s64) for each choice
// launch     as pointwise
template <class Kernel>
DEVICE void gather(Kernel const& kernel) {
  typedef typename Kernel::index index;
  typedef typename word<Kernel::bytes>::type element;
  index at[Kernel::rank];
  if (!find_coordinates<Kernel>(at)) return;
  index from = 0, first = 0;
#pragma unroll
  for (int axis = 0; axis < Kernel::rank; ++axis) {
    from += at[axis] * Kernel::from(axis);
    first += at[axis] * Kernel::of(axis);
  }
#pragma unroll
  for (int i = 0; i < Kernel::choices; ++i) {
    s64 const given = load(kernel.argument1 + first + i), limit = Kernel::limit(i);
    s64 const chosen = given < 0 ? given + limit : given;
    if constexpr (Kernel::checked != 0)
      if (!inside(chosen, limit)) kernel.argument3[i] = given;
    from += (index)(chosen < 0 ? 0 : chosen >= limit ? limit - 1 : chosen) * Kernel::step(i);
  }
  ((element*)kernel.argument2)[flatten<Kernel>(at)] = ((element const*)kernel.argument0)[from];
}
)cuda"
