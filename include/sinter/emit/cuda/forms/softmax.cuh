R"cuda(
// softmax: x0 of each element of a row of rows.cuh = e^(x - greatest) / the row's sum of these; or its logarithm.
//
// constants    those of rows.cuh; log: 0, or 1 for the logarithm
// arguments    x; operands and result with strides
// coordinates  all of rank
template <class Kernel>
DEVICE void softmax(Kernel const& kernel) {
  constexpr bool held = lane_elements<Kernel>::held, log = Kernel::log != 0;
  SHARED_MEMORY(float, shared);
  team<Kernel> const threads{shared};
  row_of<Kernel> row;
  lane_elements<Kernel> elements(kernel, row);

  float greatest = float_of(0xff800000u);
  elements.for_each([&](float& x) { greatest = maximum(x, greatest); });
  greatest = threads.combine(greatest, [](float a, float b) { return maximum(a, b); });
  float sum = 0;
  elements.for_each([&](float& x) {
    float const shifted = x - greatest, power = exponential(shifted);
    sum += power;
    if (held) x = log ? shifted : power;
  });
  sum = threads.combine(sum, [](float a, float b) { return a + b; });
  float const log_sum = log ? logarithm(sum) : 0.0f;
  elements.store([&](float x) {
    float const shifted = held ? x : x - greatest;
    return log ? shifted - log_sum : divide(held ? x : exponential(shifted), sum);
  });
}
)cuda"
