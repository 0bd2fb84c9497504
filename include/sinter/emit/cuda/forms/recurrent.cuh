R"cuda(
// recurrent: one step of an LSTM or GRU; a warp computes a unit for some rows of the batch.
//
// constants  cell: 0 LSTM (gates i, o, f, c), 1 GRU whose reset gate is applied to a product (gates z, r, h); batch;
//            hidden; x_batch: floats from row to row of x; rows of a warp; vector 1, or 4 if hidden is a multiple of 4;
//            peephole: 1 if an LSTM has them
// arguments  x: products of the input and weights, and biases: in a row, units in blocks of 16, within these the gates;
//            r[gates][hidden][hidden]; h and, elsewhere, y[batch][hidden], which becomes h;
//            LSTM: c[batch][hidden], changed; peepholes[i, o, f][hidden] if there are any
//            GRU: bias[hidden] of gate h's product with the state
// launch     hidden / (threads / 32), batch / rows blocks
// order      lane l multiplies elements l * vector, ... of each 32 * vector; then lanes are added as a tree
template <class Kernel>
struct recurrent_unit {
  static constexpr int gates = Kernel::cell == 0 ? 4 : 3, rows = Kernel::rows, vector = Kernel::vector;
  const int unit = (int)block(0) * (Kernel::threads / 32) + thread() / 32, first_row = (int)block(1) * rows;
  float sums[gates][rows] = {};

  // The products of states and weights.
  DEVICE void multiply(const float* r, const float* h) {
    for (int k = thread() % 32 * vector; k < Kernel::hidden; k += 32 * vector) {
      float state[rows][vector] = {};
#pragma unroll
      for (int row = 0; row < rows; ++row)
        if (first_row + row < Kernel::batch) load_elements<1>(state[row], h + (first_row + row) * Kernel::hidden + k);
#pragma unroll
      for (int gate = 0; gate < gates; ++gate) {
        float weights[vector];
        load_elements<1>(weights, r + (gate * Kernel::hidden + unit) * Kernel::hidden + k);
#pragma unroll
        for (int row = 0; row < rows; ++row)
#pragma unroll
          for (int i = 0; i < vector; ++i) sums[gate][row] = fma(weights[i], state[row][i], sums[gate][row]);
      }
    }
#pragma unroll
    for (int gate = 0; gate < gates; ++gate)
#pragma unroll
      for (int row = 0; row < rows; ++row)
#pragma unroll
        for (int mask = 1; mask < 32; mask *= 2) sums[gate][row] += shuffle_xor(sums[gate][row], mask);
  }
  DEVICE float from_input(const float* x, int row, int gate) const {
    return load(x + (first_row + row) * Kernel::x_batch + (unit / 16 * gates + gate) * 16 + unit % 16);
  }
};

template <class Kernel>
DEVICE float lstm_output(const Kernel& kernel, const recurrent_unit<Kernel>& u, int row) {
  float* const cell = kernel.argument4 + (u.first_row + row) * Kernel::hidden + u.unit;
  const float before = *cell;
  const auto sum = [&](int gate) { return u.from_input(kernel.argument0, row, gate) + u.sums[gate][row]; };
  const auto peep = [&](int gate, float state) {
    if constexpr (Kernel::peephole != 0)
      return load(kernel.argument5 + gate * Kernel::hidden + u.unit) * state;
    else
      return 0.0f;
  };
  const float in = sigmoid(sum(0) + peep(0, before)), forget = sigmoid(sum(2) + peep(2, before));
  const float after = fma(forget, before, in * hyperbolic_tangent(sum(3)));
  *cell = after;
  return sigmoid(sum(1) + peep(1, after)) * hyperbolic_tangent(after);
}

template <class Kernel>
DEVICE float gru_output(const Kernel& kernel, const recurrent_unit<Kernel>& u, int row) {
  const auto input = [&](int gate) { return u.from_input(kernel.argument0, row, gate); };
  const float before = load(kernel.argument2 + (u.first_row + row) * Kernel::hidden + u.unit);
  const float update = sigmoid(input(0) + u.sums[0][row]), reset = sigmoid(input(1) + u.sums[1][row]);
  const float state = u.sums[2][row] + load(kernel.argument4 + u.unit);
  const float candidate = hyperbolic_tangent(input(2) + reset * state);
  return fma(1.0f - update, candidate, update * before);
}

template <class Kernel>
DEVICE void recurrent(const Kernel& kernel) {
  recurrent_unit<Kernel> u;
  if (u.unit >= Kernel::hidden) return;
  u.multiply(kernel.argument1, kernel.argument2);
#pragma unroll
  for (int row = 0; row < Kernel::rows; ++row) {
    if (thread() % 32 != row || u.first_row + row >= Kernel::batch) continue;
    float output;
    if constexpr (Kernel::cell == 0)
      output = lstm_output(kernel, u, row);
    else
      output = gru_output(kernel, u, row);
    kernel.argument3[(u.first_row + row) * Kernel::hidden + u.unit] = output;
  }
}
)cuda"
