#pragma once

#include <sinter/kernels/matmul.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

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
  std::vector<T> next(static_cast<std::size_t>(p.hidden));
  for (std::int64_t i = 0; i < p.hidden; ++i)
    next[static_cast<std::size_t>(i)] = static_cast<T>(p.f(p.bounded(p.from_input(i, x) + p.from_state(i, h))));
  std::ranges::copy(next, h);
}

/// Gates z, r, h: h = (1 - z) * g(...) + z * h.
template <typename T>
void gru_cell(recurrence<T> const& p, T const* x, T* h, T*) {
  auto const n = p.hidden;
  std::vector<T> reset(static_cast<std::size_t>(n)), next(static_cast<std::size_t>(n));
  std::vector<double> resets(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    auto const r = p.f(p.bounded(p.from_input(n + i, x) + p.from_state(n + i, h)));
    resets[static_cast<std::size_t>(i)] = r;
    reset[static_cast<std::size_t>(i)] = static_cast<T>(r * static_cast<double>(h[i]));
  }
  for (std::int64_t i = 0; i < n; ++i) {
    auto const z = p.f(p.bounded(p.from_input(i, x) + p.from_state(i, h)));
    auto const row = 2 * n + i;
    auto const state = p.linear_before_reset ? resets[static_cast<std::size_t>(i)] * p.from_state(row, h)
                                             : p.from_state(row, reset.data());
    auto const candidate = p.g(p.bounded(p.from_input(row, x) + state));
    next[static_cast<std::size_t>(i)] = static_cast<T>((1 - z) * candidate + z * static_cast<double>(h[i]));
  }
  std::ranges::copy(next, h);
}

/// Gates i, o, f, c: c = f * c + i * g(...), h = o * h(c).
template <typename T>
void lstm_cell(recurrence<T> const& p, T const* x, T* h, T* c) {
  auto const n = p.hidden;
  std::vector<T> next(static_cast<std::size_t>(n));
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
    next[static_cast<std::size_t>(i)] = static_cast<T>(out * p.h(cell));
  }
  std::ranges::copy(next, h);
}

}  // namespace sinter::kernels
