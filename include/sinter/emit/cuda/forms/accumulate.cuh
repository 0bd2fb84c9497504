R"cuda(
// accumulate: y = running sums or products of x along lines; a thread has a line.
//
// constants  rank 2, size0, size1: lines, of which neighbours are size1; vector 1; length; outer: elements from a line
//            to the one size1 lines on; step: elements from one of a line to the next; product: 1 for products;
//            exclusive: 1 to leave out an element's own value; reverse: 1 from the end on
// arguments  x, y: both float, or both of an integer type
// launch     as pointwise
// order      that of the elements
DEVICE float added(float a, float b) { return a + b; }
DEVICE float multiplied(float a, float b) { return a * b; }
template <class Integer>
DEVICE Integer added(Integer a, Integer b) {
  return (Integer)sum((s64)a, (s64)b);
}
template <class Integer>
DEVICE Integer multiplied(Integer a, Integer b) {
  return (Integer)times((s64)a, (s64)b);
}

template <class Kernel>
DEVICE void accumulate(Kernel const& kernel) {
  typedef typename Kernel::index index;
  typedef pointed_to<decltype(Kernel::argument0)> element;
  index at[2];
  if (!find_coordinates<Kernel>(at)) return;
  index const step = Kernel::reverse ? -Kernel::step : Kernel::step;
  index place = at[0] * Kernel::outer + at[1] + (Kernel::reverse ? (Kernel::length - 1) * (index)Kernel::step : 0);
  element running = (element)(Kernel::product ? 1 : 0);
#pragma unroll 8
  for (int i = 0; i < Kernel::length; ++i, place += step) {
    element const x = load(kernel.argument0 + place);
    element const next = Kernel::product ? multiplied(running, x) : added(running, x);
    kernel.argument1[place] = Kernel::exclusive ? running : next;
    running = next;
  }
}
)cuda"
