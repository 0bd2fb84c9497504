R"cuda(
// reduce: x0 of each row of rows.cuh = a sum, product or extreme of its elements.
//
// constants    those of rows.cuh; kind: 0 sum, 1 maximum, 2 minimum, 3 product, 4 sum of squares, 5 sum of magnitudes.
//              A NaN is greater and less than all
// arguments    x; operands and result with strides, 0 for what is reduced
// coordinates  all of rank; the function is applied where those within the row are 0
struct sum_of_elements {
  DEVICE static float identity() { return 0; }
  DEVICE static float map(float x) { return x; }
  DEVICE static float combine(float a, float b) { return a + b; }
};
struct maximum_of_elements : sum_of_elements {
  DEVICE static float identity() { return float_of(0xff800000u); }
  DEVICE static float combine(float a, float b) { return b > a || b != b ? b : a; }
};
struct minimum_of_elements : sum_of_elements {
  DEVICE static float identity() { return float_of(0x7f800000u); }
  DEVICE static float combine(float a, float b) { return b < a || b != b ? b : a; }
};
struct product_of_elements : sum_of_elements {
  DEVICE static float identity() { return 1; }
  DEVICE static float combine(float a, float b) { return a * b; }
};
struct sum_of_squares : sum_of_elements {
  DEVICE static float map(float x) { return x * x; }
};
struct sum_of_magnitudes : sum_of_elements {
  DEVICE static float map(float x) { return float_of(bits_of(x) & 0x7fffffffu); }
};

template <class Reduction, class Kernel>
DEVICE void reduce_rows(Kernel const& kernel) {
  constexpr int length = row_length<Kernel>();
  SHARED_MEMORY(float, shared);
  team<Kernel> const threads{shared};
  row_of<Kernel> row;
  float value = Reduction::identity();
  if (row.exists) {
#pragma unroll 8
    for (int i = threads.lane(); i < length; i += Kernel::lanes) {
      row.move_to(i);
      value = Reduction::combine(value, Reduction::map(load_element(kernel.argument0 + row.offset())));
    }
  }
  value = threads.combine(value, [](float a, float b) { return Reduction::combine(a, b); });
  row.move_to(0);
  if (row.exists && threads.lane() == 0) kernel.store({value}, row.at);
}

template <class Kernel>
DEVICE void reduce(Kernel const& kernel) {
  if constexpr (Kernel::kind == 0) reduce_rows<sum_of_elements>(kernel);
  if constexpr (Kernel::kind == 1) reduce_rows<maximum_of_elements>(kernel);
  if constexpr (Kernel::kind == 2) reduce_rows<minimum_of_elements>(kernel);
  if constexpr (Kernel::kind == 3) reduce_rows<product_of_elements>(kernel);
  if constexpr (Kernel::kind == 4) reduce_rows<sum_of_squares>(kernel);
  if constexpr (Kernel::kind == 5) reduce_rows<sum_of_magnitudes>(kernel);
}
)cuda"
