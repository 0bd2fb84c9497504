R"cuda(
// normalize: x0 of each element of a row of rows.cuh = (x - mean) / sqrt(variance + epsilon), mean and variance of the
// row; or, not centred, x / sqrt(mean of squares + epsilon). The variance is the mean of squares around the mean.
//
// constants    those of rows.cuh; centred: 0 or 1; epsilon: its bits
// arguments    x; operands (scale, bias) and result with strides
// coordinates  all of rank
template <class Kernel>
DEVICE void normalize(Kernel const& kernel) {
  constexpr bool held = lane_elements<Kernel>::held;
  constexpr float length = (float)row_length<Kernel>();
  SHARED_MEMORY(float, shared);
  team<Kernel> const threads{shared};
  row_of<Kernel> row;
  lane_elements<Kernel> elements(kernel, row);
  auto const add = [](float a, float b) { return a + b; };

  float mean = 0;
  if constexpr (Kernel::centred != 0) {
    elements.for_each([&](float& x) { mean += x; });
    mean = divide(threads.combine(mean, add), length);
  }
  float squares = 0;
  elements.for_each([&](float& x) {
    float const distance = x - mean;
    squares = fma(distance, distance, squares);
    if (held) x = distance;
  });
  float const variance = divide(threads.combine(squares, add), length);
  float const scale = divide(1.0f, square_root(variance + float_of((u32)Kernel::epsilon)));
  elements.store([&](float x) { return (held ? x : x - mean) * scale; });
}
)cuda"
