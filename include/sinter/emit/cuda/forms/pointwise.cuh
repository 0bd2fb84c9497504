R"cuda(
// pointwise: a function of operands.
//
// constants    rank, size0 ...; vector: coordinates of a thread along the last axis, 1 or 4
// arguments    operands, result: with strides. With vector 4 their last stride is 0 or 1, the others are multiples
//              of 4, and the pointers are aligned to 4 elements
// coordinates  as many as rank
// launch       blocks of threads for all coordinates, the last size divided by vector
template <class Kernel>
DEVICE void pointwise(Kernel const& kernel) {
  constexpr int last = Kernel::rank - 1;
  typename Kernel::index at[Kernel::rank];
  if (!find_coordinates<Kernel>(at)) return;
  constexpr bool whole = Kernel::size(last) % Kernel::vector == 0;
  if (whole || at[last] + Kernel::vector <= Kernel::size(last)) return kernel.template store<Kernel::vector>(at);
  if constexpr (!whole)
    for (; at[last] < Kernel::size(last); ++at[last]) kernel.template store<1>(at);
}
)cuda"
