R"cuda(
// pad: y[at] = x[at * step + first], axis by axis. What lies outside of x is by mode 0 the value, by 1 the nearest
// element, by 2 the one as far inside of the edge, by 3 the one as far from the other edge.
//
// constants  rank, size0 ... of y; vector 1; bytes of an element: 1, 2, 4 or 8; mode; extent0 ... of x; first0 ...;
//            step0 ...; from0 ...: elements of x for one step there; valued: 1 if there is a value, else it is zero
// arguments  x, y: dense; with valued also the value
// launch     as pointwise
template <int mode, class Index>
DEVICE Index padded(Index i, Index extent) {
  if constexpr (mode == 1) {
    return i < 0 ? 0 : i >= extent ? extent - 1 : i;
  } else {
    Index const period = mode == 2 ? 2 * (extent - 1) : extent;
    if (period == 0) return 0;
    Index const there = (i % period + period) % period;
    return there < extent ? there : period - there;
  }
}

template <class Kernel>
DEVICE void pad(Kernel const& kernel) {
  typedef typename Kernel::index index;
  typedef typename word<Kernel::bytes>::type element;
  index at[Kernel::rank];
  if (!find_coordinates<Kernel>(at)) return;
  index from = 0;
  bool is_inside = true;
#pragma unroll
  for (int axis = 0; axis < Kernel::rank; ++axis) {
    index i = at[axis] * Kernel::step(axis) + Kernel::first(axis);
    if constexpr (Kernel::mode == 0)
      is_inside = is_inside && inside(i, Kernel::extent(axis));
    else
      i = padded<Kernel::mode>(i, Kernel::extent(axis));
    from += i * Kernel::from(axis);
  }
  element value{};
  if constexpr (Kernel::valued != 0) value = *(element const*)kernel.argument2;
  if (is_inside) value = ((element const*)kernel.argument0)[from];
  ((element*)kernel.argument1)[flatten<Kernel>(at)] = value;
}
)cuda"
