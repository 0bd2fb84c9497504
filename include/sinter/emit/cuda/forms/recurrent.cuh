R"cuda(
// recurrent: one step of an LSTM or GRU; a warp computes a unit for some rows of the batch.
//
// constants  cell: 0 LSTM (gates i, o, f, c), 1 GRU whose reset gate is applied to a product (gates z, r, h); batch;
//            hidden; x_batch: elements from row to row of x; rows of a warp; vector 1, or 4 if hidden is a multiple of 4;
//            peephole: 1 if an LSTM has them
// arguments  x: products of the input and weights, and biases: in a row, units in blocks of 16, within these the gates;
//            r[gates][hidden][hidden]; x and r may be of 16 bits; h and, elsewhere, y[batch][hidden], which becomes h;
//            LSTM: c[batch][hidden], changed; peepholes[i, o, f][hidden] if there are any
//            GRU: bias[hidden] of gate h's product with the state
// launch     hidden / (threads / 32), batch / rows blocks
// order      lane l multiplies elements l * vector, ... of each 32 * vector; then lanes are added as a tree
template <class Kernel>
struct recurrent_unit {
  static constexpr int gates = Kernel::cell == 0 ? 4 : 3, rows = Kernel::rows, vector = Kernel::vector;
  int const unit = (int)block(0) * (Kernel::threads / 32) + thread() / 32, first_row = (int)block(1) * rows;
  int const row = first_row + thread() % 32;  // of the batch, whose output this lane computes
  float sums[gates];                          // of that row

  // The products of states and weights.
  template <class T>
  DEVICE void multiply(T const* r, float const* h) {
    float products[gates][rows] = {};
    for (int k = thread() % 32 * vector; k < Kernel::hidden; k += 32 * vector) {
      float state[rows][vector] = {};
#pragma unroll
      for (int i = 0; i < rows; ++i)
        if (first_row + i < Kernel::batch) load_elements<1>(state[i], h + (first_row + i) * Kernel::hidden + k);
#pragma unroll
      for (int gate = 0; gate < gates; ++gate) {
        float weights[vector];
        load_elements<1>(weights, r + (gate * Kernel::hidden + unit) * Kernel::hidden + k);
#pragma unroll
        for (int i = 0; i < rows; ++i)
#pragma unroll
          for (int j = 0; j < vector; ++j) products[gate][i] = fma(weights[j], state[i][j], products[gate][i]);
      }
    }
#pragma unroll
    for (int gate = 0; gate < gates; ++gate)
#pragma unroll
      for (int i = 0; i < rows; ++i) {
        float sum = products[gate][i];
#pragma unroll
        for (int mask = 1; mask < 32; mask *= 2) sum += shuffle_xor(sum, mask);
        if (i == 0 || first_row + i == row) sums[gate] = sum;
      }
  }
  template <class T>
  DEVICE float from_input(T const* x, int gate) const {
    return load_element(x + row * Kernel::x_batch + (unit / 16 * gates + gate) * 16 + unit % 16);
  }
  DEVICE int place() const { return row * Kernel::hidden + unit; }
};

template <class Kernel>
DEVICE float lstm_output(Kernel const& kernel, recurrent_unit<Kernel> const& u) {
  float* const cell = kernel.argument4 + u.place();
  float const before = *cell;
  auto const sum = [&](int gate) { return u.from_input(kernel.argument0, gate) + u.sums[gate]; };
  auto const peep = [&](int gate, float state) {
    if constexpr (Kernel::peephole != 0)
      return load(kernel.argument5 + gate * Kernel::hidden + u.unit) * state;
    else
      return 0.0f;
  };
  float const in = sigmoid(sum(0) + peep(0, before)), forget = sigmoid(sum(2) + peep(2, before));
  float const after = fma(forget, before, in * hyperbolic_tangent(sum(3)));
  *cell = after;
  return sigmoid(sum(1) + peep(1, after)) * hyperbolic_tangent(after);
}

template <class Kernel>
DEVICE float gru_output(Kernel const& kernel, recurrent_unit<Kernel> const& u) {
  auto const input = [&](int gate) { return u.from_input(kernel.argument0, gate); };
  float const before = load(kernel.argument2 + u.place());
  float const update = sigmoid(input(0) + u.sums[0]), reset = sigmoid(input(1) + u.sums[1]);
  float const state = u.sums[2] + load(kernel.argument4 + u.unit);
  float const candidate = hyperbolic_tangent(input(2) + reset * state);
  return fma(1.0f - update, candidate, update * before);
}

template <class Kernel>
DEVICE void recurrent(Kernel const& kernel) {
  recurrent_unit<Kernel> u;
  if (u.unit >= Kernel::hidden) return;
  u.multiply(kernel.argument1, kernel.argument2);
  if (thread() % 32 >= Kernel::rows || u.row >= Kernel::batch) return;
  if constexpr (Kernel::cell == 0)
    kernel.argument3[u.place()] = lstm_output(kernel, u);
  else
    kernel.argument3[u.place()] = gru_output(kernel, u);
}
)cuda"
