R"cuda(
// copy: moves elements between tensors with strides of their own.
//
// constants  rank, size0 ...; bytes of an element: 1, 2, 4, 8 or 16; from0 ... and to0 ...: elements for one step of a
//            coordinate in x and y; across: -1, or the axis to transpose with the last one through shared memory
// arguments  x, y: aligned to an element
// launch     across < 0: blocks of threads for all coordinates
//            else: a block for each 32 x 32 of the two axes, times the other sizes; 256 threads
// shared     across < 0: nothing; else 32 * 33 elements
template <class Kernel>
DEVICE typename Kernel::index from_offset(typename Kernel::index const (&at)[Kernel::rank]) {
  typename Kernel::index offset = 0;
#pragma unroll
  for (int axis = 0; axis < Kernel::rank; ++axis) offset += at[axis] * Kernel::from(axis);
  return offset;
}
template <class Kernel>
DEVICE typename Kernel::index to_offset(typename Kernel::index const (&at)[Kernel::rank]) {
  typename Kernel::index offset = 0;
#pragma unroll
  for (int axis = 0; axis < Kernel::rank; ++axis) offset += at[axis] * Kernel::to(axis);
  return offset;
}

template <class Kernel>
DEVICE void copy_elements(Kernel const& kernel) {
  typedef typename word<Kernel::bytes>::type element;
  typename Kernel::index at[Kernel::rank];
  if (!find_coordinates<Kernel>(at)) return;
  element const* const from = (element const*)kernel.argument0 + from_offset<Kernel>(at);
  ((element*)kernel.argument1)[to_offset<Kernel>(at)] = *from;
}

template <class Kernel>
DEVICE void copy_tile(Kernel const& kernel) {
  typedef typename Kernel::index index;
  typedef typename word<Kernel::bytes>::type element;
  constexpr int last = Kernel::rank - 1, across = Kernel::across, side = 32, pitch = side + 1;
  SHARED_MEMORY(element, tile);
  index at[Kernel::rank];
  u32 rest = block(0);
#pragma unroll
  for (int axis = last; axis >= 0; --axis) {
    bool const tiled = axis == last || axis == across;
    u32 const count = (u32)(tiled ? (Kernel::size(axis) + side - 1) / side : Kernel::size(axis));
    at[axis] = (index)(rest % count) * (tiled ? side : 1);
    rest /= count;
  }
  index const first_across = at[across], first_last = at[last];
  int const lane = thread() % side;
  for (int row = thread() / side; row < side; row += Kernel::threads / side) {
    at[across] = first_across + lane;
    at[last] = first_last + row;
    if (at[across] < Kernel::size(across) && at[last] < Kernel::size(last))
      tile[row * pitch + lane] = ((element const*)kernel.argument0)[from_offset<Kernel>(at)];
  }
  barrier();
  for (int row = thread() / side; row < side; row += Kernel::threads / side) {
    at[across] = first_across + row;
    at[last] = first_last + lane;
    if (at[across] < Kernel::size(across) && at[last] < Kernel::size(last))
      ((element*)kernel.argument1)[to_offset<Kernel>(at)] = tile[lane * pitch + row];
  }
}

template <class Kernel>
DEVICE void copy(Kernel const& kernel) {
  if constexpr (Kernel::across < 0)
    copy_elements(kernel);
  else
    copy_tile(kernel);
}
)cuda"
