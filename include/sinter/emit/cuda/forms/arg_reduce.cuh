R"cuda(
// arg_reduce: y of each row of rows.cuh = which of its elements is the greatest or least. A NaN at the beginning is it,
// others are none.
//
// constants  those of rows.cuh; greatest: 1 for the greatest; last: 1 for the last of equal ones
// arguments  x, y (s64), dense in the order of rows
template <class Kernel>
DEVICE void arg_reduce(Kernel const& kernel) {
  constexpr int length = row_length<Kernel>();
  SHARED_MEMORY(float, shared);
  team<Kernel> const threads{shared};
  row_of<Kernel> row;
  auto const element = [&](int i) {
    row.move_to(i);
    return load_element(kernel.argument0 + row.offset());
  };
  auto const better = [](float a, float b) { return (Kernel::greatest ? b > a : b < a) ? b : a; };
  float best = float_of(Kernel::greatest ? 0xff800000u : 0x7f800000u);
  if (row.exists) {
#pragma unroll 4
    for (int i = threads.lane(); i < length; i += Kernel::lanes) best = better(best, element(i));
  }
  best = threads.combine(best, better);
  // Indices go between lanes as the bits of floats; `none` is what any index replaces.
  auto const sooner = [](u32 a, u32 b) { return (Kernel::last ? b + 1 > a + 1 : b < a) ? b : a; };
  constexpr u32 none = 0xffffffffu;
  u32 place = none;
  if (row.exists) {
#pragma unroll 4
    for (int i = threads.lane(); i < length; i += Kernel::lanes)
      if (element(i) == best) place = sooner(place, (u32)i);
  }
  place = bits_of(threads.combine(
      float_of(place), [&](float a, float b) { return float_of(sooner(bits_of(a), bits_of(b))); }));
  if (!row.exists || threads.lane() != 0) return;
  float const begin = element(0);
  if (begin != begin || place == none) place = 0;
  kernel.argument1[(typename Kernel::index)block(0) * threads.rows + threads.row()] = place;
}
)cuda"
