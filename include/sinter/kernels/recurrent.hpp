#pragma once

#include <sinter/kernels/matmul.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sinter::kernels {

enum class activation_kind {
  relu,
  tanh,
  sigmoid,
  affine,
  leaky_relu,
  thresholded_relu,
  scaled_tanh,
  hard_sigmoid,
  elu,
  softsign,
  softplus
};

/// An activation of a recurrent operator with its parameters.
struct activation {
  activation_kind kind = activation_kind::tanh;
  double alpha = 0, beta = 0;

  double operator()(double x) const {
    switch (kind) {
      case activation_kind::relu: return x > 0 ? x : 0;
      case activation_kind::sigmoid: return 1 / (1 + std::exp(-x));
      case activation_kind::affine: return alpha * x + beta;
      case activation_kind::leaky_relu: return x < 0 ? alpha * x : x;
      case activation_kind::thresholded_relu: return x > alpha ? x : 0;
      case activation_kind::scaled_tanh: return alpha * std::tanh(beta * x);
      case activation_kind::hard_sigmoid: return std::clamp(alpha * x + beta, 0.0, 1.0);
      case activation_kind::elu: return x < 0 ? alpha * std::expm1(x) : x;
      case activation_kind::softsign: return x / (1 + std::abs(x));
      case activation_kind::softplus: return std::log1p(std::exp(x));
      default: return std::tanh(x);
    }
  }
};

/// Where the product of the input and the weights of gate `gate` for unit `unit` lies in a row of such products: units
/// in blocks of 16, within a block the gates one after the other.
constexpr std::int64_t projection_index(std::int64_t gates, std::int64_t gate, std::int64_t unit) {
  return (unit / 16 * gates + gate) * 16 + unit % 16;
}

/// Elements of a row of products for one direction: whole blocks.
constexpr std::int64_t projection_size(std::int64_t gates, std::int64_t hidden) {
  return (hidden / 16 + (hidden % 16 ? 1 : 0)) * gates * 16;
}

/// One direction of a recurrent operator: weights with their gates stacked, and what else the cells need. Absent parts
/// are null; a clip of 0 is none.
template <typename T>
struct recurrence {
  std::int64_t gates = 1, input = 0, hidden = 0;
  std::int64_t projection = 0;  ///< without `w`: where in x the products of this direction start
  T const* w = nullptr;         ///< gates*hidden x input; null where x is the products already
  T const* r = nullptr;         ///< gates*hidden x hidden
  T const* w_bias = nullptr;    ///< gates*hidden
  T const* r_bias = nullptr;    ///< gates*hidden
  T const* peephole = nullptr;  ///< 3*hidden: input, output, forget
  activation f{}, g{}, h{};
  double clip = 0;
  bool input_forget = false;
  bool linear_before_reset = false;
  T* next = nullptr;         ///< room for hidden elements
  T* reset = nullptr;        ///< the same, for GRU
  double* resets = nullptr;  ///< the same, for GRU

  double bounded(double v) const { return clip > 0 ? std::clamp(v, -clip, clip) : v; }
  /// Row `row` of W x + bias.
  double from_input(std::int64_t row, T const* x) const {
    if (!w) return static_cast<double>(x[projection + projection_index(gates, row / hidden, row % hidden)]);
    return static_cast<double>(inner_product(input, w + row * input, x) + (w_bias ? w_bias[row] : T{}));
  }
  /// Row `row` of R h + bias.
  double from_state(std::int64_t row, T const* state) const {
    return static_cast<double>(inner_product(hidden, r + row * hidden, state) + (r_bias ? r_bias[row] : T{}));
  }
};

/// h = f(W x + R h).
template <typename T>
void rnn_cell(recurrence<T> const& p, T const* x, T* h, T*) {
  for (std::int64_t i = 0; i < p.hidden; ++i)
    p.next[i] = static_cast<T>(p.f(p.bounded(p.from_input(i, x) + p.from_state(i, h))));
  std::copy_n(p.next, p.hidden, h);
}

/// Gates z, r, h: h = (1 - z) * g(...) + z * h.
template <typename T>
void gru_cell(recurrence<T> const& p, T const* x, T* h, T*) {
  auto const n = p.hidden;
  for (std::int64_t i = 0; i < n; ++i) {
    auto const r = p.f(p.bounded(p.from_input(n + i, x) + p.from_state(n + i, h)));
    p.resets[i] = r;
    p.reset[i] = static_cast<T>(r * static_cast<double>(h[i]));
  }
  for (std::int64_t i = 0; i < n; ++i) {
    auto const z = p.f(p.bounded(p.from_input(i, x) + p.from_state(i, h)));
    auto const row = 2 * n + i;
    auto const state = p.linear_before_reset ? p.resets[i] * p.from_state(row, h) : p.from_state(row, p.reset);
    auto const candidate = p.g(p.bounded(p.from_input(row, x) + state));
    p.next[i] = static_cast<T>((1 - z) * candidate + z * static_cast<double>(h[i]));
  }
  std::copy_n(p.next, p.hidden, h);
}

/// Gates i, o, f, c: c = f * c + i * g(...), h = o * h(c).
template <typename T>
void lstm_cell(recurrence<T> const& p, T const* x, T* h, T* c) {
  auto const n = p.hidden;
  for (std::int64_t i = 0; i < n; ++i) {
    auto const sum = [&](std::int64_t gate) { return p.from_input(gate * n + i, x) + p.from_state(gate * n + i, h); };
    auto const peep = [&](std::int64_t gate, double cell) {
      return p.peephole ? static_cast<double>(p.peephole[gate * n + i]) * cell : 0;
    };
    auto const before = static_cast<double>(c[i]);
    auto const in = p.f(p.bounded(sum(0) + peep(0, before)));
    auto const forget = p.input_forget ? 1 - in : p.f(p.bounded(sum(2) + peep(2, before)));
    auto const cell = forget * before + in * p.g(p.bounded(sum(3)));
    auto const out = p.f(p.bounded(sum(1) + peep(1, cell)));
    c[i] = static_cast<T>(cell);
    p.next[i] = static_cast<T>(out * p.h(cell));
  }
  std::copy_n(p.next, p.hidden, h);
}

enum class recurrent_kind { rnn, gru, lstm };

constexpr std::int64_t gates_of(recurrent_kind kind) {
  return kind == recurrent_kind::rnn ? 1 : kind == recurrent_kind::gru ? 3 : 4;
}

/// The operands of a recurrent operator; absent ones are null.
template <typename T>
struct recurrent_operands {
  std::int64_t steps = 0, batch = 0, directions = 1;
  bool batch_first = false, reverse = false;
  T const *x = nullptr, *h0 = nullptr, *c0 = nullptr;
  std::int64_t const* lengths = nullptr;
  T *y = nullptr, *last_h = nullptr, *last_c = nullptr;
  T *h = nullptr, *c = nullptr;  ///< room for hidden elements
};

/// All steps of direction `d`; sequences that end early keep their last state, and zeros follow.
template <typename T, typename Cell>
void run_direction(recurrence<T> const& p, recurrent_operands<T> const& m, std::int64_t d, Cell&& cell) {
  auto const n = p.hidden;
  bool const backwards = m.reverse || d == 1;
  for (std::int64_t b = 0; b < m.batch; ++b) {
    auto const state = (m.batch_first ? b * m.directions + d : d * m.batch + b) * n;
    auto const load_state = [&](T const* from, T* to) {
      if (from)
        std::copy_n(from + state, n, to);
      else
        std::fill_n(to, n, T{});
    };
    load_state(m.h0, m.h);
    load_state(m.c0, m.c);
    auto const length = m.lengths ? m.lengths[b] : m.steps;
    for (std::int64_t step = 0; step < m.steps; ++step) {
      bool const inside = step < length;
      auto const t = inside && backwards ? length - 1 - step : step;
      if (inside) cell(p, m.x + (m.batch_first ? b * m.steps + t : t * m.batch + b) * p.input, m.h, m.c);
      if (!m.y) continue;
      auto* to =
          m.y + (m.batch_first ? (b * m.steps + t) * m.directions + d : (t * m.directions + d) * m.batch + b) * n;
      if (inside)
        std::copy_n(m.h, n, to);
      else
        std::fill_n(to, n, T{});
    }
    if (m.last_h) std::copy_n(m.h, n, m.last_h + state);
    if (m.last_c) std::copy_n(m.c, n, m.last_c + state);
  }
}

/// What a recurrent operator has for each direction, one after the other; absent parts are null.
template <typename T>
struct recurrent_weights {
  T const *w = nullptr, *r = nullptr, *bias = nullptr, *peephole = nullptr;
  bool projected = false;  ///< there is no `w`, and `bias` is that of the state alone
};

/// Sets what is that of direction `d`: weights, biases and activations.
template <typename T>
void choose_direction(recurrence<T>& p, recurrent_weights<T> const& all, call const& c, std::int64_t d) {
  auto const rows = p.gates * p.hidden;
  if (!all.projected) p.w = all.w + d * rows * p.input;
  if (all.projected) p.projection = d * projection_size(p.gates, p.hidden);
  p.r = all.r + d * rows * p.hidden;
  if (all.bias && !all.projected) p.w_bias = all.bias + d * 2 * rows;
  if (all.bias) p.r_bias = all.projected ? all.bias + d * rows : p.w_bias + rows;
  if (all.peephole) p.peephole = all.peephole + d * 3 * p.hidden;
  activation* const f[] = {&p.f, &p.g, &p.h};
  auto const count = (c.integers.size() - 5) / static_cast<std::size_t>(c.integers[0]);
  for (std::size_t i = 0; i < count; ++i) {
    auto const at = static_cast<std::size_t>(d) * count + i;
    *f[i] = {static_cast<activation_kind>(c.integers[5 + at]), c.reals[1 + 2 * at], c.reals[2 + 2 * at]};
  }
}

template <recurrent_kind Kind, typename T>
constexpr auto* cell_of() {
  if constexpr (Kind == recurrent_kind::lstm)
    return lstm_cell<T>;
  else if constexpr (Kind == recurrent_kind::gru)
    return gru_cell<T>;
  else
    return rnn_cell<T>;
}

/// RNN, GRU or LSTM, with the operator's inputs and outputs; without input 1, input 0 holds the products with it.
/// Numbers: the directions, whether the only one is backwards, whether the batch is the first dimension, whether input
/// and forget gates are coupled, whether GRU multiplies before it resets, then the kinds of the activations; reals: the
/// clip, then two parameters for each activation.
template <recurrent_kind Kind>
status recurrent(call const& c) {
  auto const& s = c.in[0].shape;
  bool const batch_first = c.integers[2] != 0;
  auto const hidden = c.in[2].shape[2];
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory), w(c.in[1], c.memory), r(c.in[2], c.memory), bias(c.input(3), c.memory),
        h0(c.input(5), c.memory), c0(c.input(6), c.memory), peephole(c.input(7), c.memory);
    staged_input<std::int64_t> lengths(c.input(4), c.memory);
    staged_output<T> y(c.output(0), c.memory), last_h(c.output(1), c.memory), last_c(c.output(2), c.memory);
    auto const room = static_cast<std::size_t>(hidden);
    recurrent_operands<T> const m{.steps = batch_first ? s[1] : s[0],
                                  .batch = batch_first ? s[0] : s[1],
                                  .directions = c.integers[0],
                                  .batch_first = batch_first,
                                  .reverse = c.integers[1] != 0,
                                  .x = x,
                                  .h0 = h0,
                                  .c0 = c0,
                                  .lengths = lengths,
                                  .y = y,
                                  .last_h = last_h,
                                  .last_c = last_c,
                                  .h = c.memory.take<T>(room),
                                  .c = c.memory.take<T>(room)};
    recurrence<T> p{.gates = gates_of(Kind), .input = s[2], .hidden = hidden, .clip = c.reals[0]};
    p.input_forget = c.integers[3] != 0;
    p.linear_before_reset = c.integers[4] != 0;
    p.next = c.memory.take<T>(room);
    p.reset = c.memory.take<T>(room);
    p.resets = c.memory.take<double>(room);
    if (c.memory.measuring()) return {};
    for (std::int64_t b = 0; lengths.data() && b < m.batch; ++b)
      if (lengths[b] < 0 || lengths[b] > m.steps) return status::outside(lengths[b], 0, m.steps);
    recurrent_weights<T> const all{.w = w, .r = r, .bias = bias, .peephole = peephole, .projected = !c.input(1)};
    for (std::int64_t d = 0; d < m.directions; ++d) {
      choose_direction(p, all, c, d);
      run_direction(p, m, d, cell_of<Kind, T>());
    }
    return {};
  });
}

}  // namespace sinter::kernels
