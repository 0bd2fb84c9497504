#pragma once

#include <sinter/expr/expression.hpp>
#include <sinter/expr/function.hpp>
#include <sinter/expr/math.hpp>
#include <sinter/ops/recurrent.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// The cells of LSTM, GRU and RNN as passes over the hidden units: sums over the state for a few gates, then functions
/// of these sums.
namespace sinter::detail {

/// What a step keeps, for each unit.
enum class state_buffer : std::uint8_t { hidden, next_hidden, cell, update, reset_hidden };
inline constexpr std::size_t state_buffers = 5;

/// An operand of a function, for one unit.
struct cell_operand {
  enum class kind : std::uint8_t {
    sum,         ///< of gate `index` of the pass
    projection,  ///< of the input, for gate `index` of the model
    peephole,    ///< weight `index`
    state,       ///< of buffer `index`
    result       ///< number `index` of the pass
  } what = kind::sum;
  std::size_t index = 0;
};

/// A function of operands; its value may be kept in a buffer.
struct cell_result {
  expr::function function{};
  std::vector<cell_operand> operands{};
  std::optional<state_buffer> kept{};
};

/// A gate that a pass sums up. The sum starts with the projection of the input, or `apart` with the bias beside R.
struct cell_gate {
  std::int64_t gate = 0;
  bool apart = false;
};

/// One pass: for each unit and gate the sum of R times a buffer, then the results in order.
struct cell_pass {
  std::vector<cell_gate> gates{};
  state_buffer multiplied = state_buffer::hidden;
  std::vector<cell_result> results{};
};

/// The value of an activation.
inline expr::value activated(kernels::activation const& f, expr::value const& x) {
  using kind = kernels::activation_kind;
  auto const a = static_cast<float>(f.alpha), b = static_cast<float>(f.beta);
  switch (f.kind) {
    case kind::relu: return select(x > 0.0f, x, 0.0f);
    case kind::sigmoid: return sigmoid(x);
    case kind::affine: return fma(a, x, b);
    case kind::leaky_relu: return select(x < 0.0f, a * x, x);
    case kind::thresholded_relu: return select(x > a, x, 0.0f);
    case kind::scaled_tanh: return a * tanh(b * x);
    case kind::hard_sigmoid: return min(1.0f, max(0.0f, fma(a, x, b)));
    case kind::elu: return select(x < 0.0f, a * (exp(x) - 1.0f), x);
    case kind::softsign: return x / (1.0f + abs(x));
    case kind::softplus: return max(0.0f, x) + log(1.0f + exp(-abs(x)));
    default: return tanh(x);
  }
}

/// Writes down the passes of one direction of a recurrent operator.
class cell_writer {
 public:
  cell_writer(recurrent_kind kind, recurrent_attributes const& a, std::size_t direction, bool peepholes)
      : kind_(kind), a_(a), peepholes_(peepholes) {
    auto const each = a.activations.size() / static_cast<std::size_t>(a.directions);
    f_ = a.activations.data() + direction * each;
  }

  std::vector<cell_pass> passes() const {
    switch (kind_) {
      case recurrent_kind::lstm: return lstm_passes();
      case recurrent_kind::gru: return a_.linear_before_reset ? gru_pass() : gru_passes();
      case recurrent_kind::rnn: break;
    }
    return {{.gates = {{0}}, .results = {result(gate(0, x(0)), {sum(0)}, state_buffer::next_hidden)}}};
  }

 private:
  using operands = std::vector<cell_operand>;

  static cell_operand sum(std::size_t i) { return {cell_operand::kind::sum, i}; }
  static cell_operand earlier(std::size_t i) { return {cell_operand::kind::result, i}; }
  static cell_operand state(state_buffer b) { return {cell_operand::kind::state, static_cast<std::size_t>(b)}; }
  static expr::value x(std::size_t i) { return expr::input(i); }
  static cell_result result(expr::value const& v, operands o, std::optional<state_buffer> kept = {}) {
    return {expr::expand(expr::flatten(v, o.size())), std::move(o), kept};
  }

  /// Activation number `f` of what `clip` lets through.
  expr::value gate(std::size_t f, expr::value const& v) const {
    auto const clip = static_cast<float>(a_.clip);
    return activated(f_[f], clip > 0 ? min(clip, max(-clip, v)) : v);
  }

  /// Gates i, o, f, c: c = f * c + i * g(...), h = o * h(c).
  std::vector<cell_pass> lstm_passes() const {
    cell_pass p{.gates = {{0}, {1}, {2}, {3}}};
    auto const cell = state(state_buffer::cell);
    p.results.push_back(peeped(x(0), sum(0), cell, [&](expr::value const& v) { return gate(0, v); }));
    if (a_.input_forget)
      p.results.push_back(result((1.0f - x(0)) * x(1), {earlier(0), cell}));
    else
      p.results.push_back(peeped(x(0), sum(2), cell, [&](expr::value const& v) { return gate(0, v) * x(1); }));
    p.results.push_back(result(fma(x(0), gate(1, x(1)), x(2)), {earlier(0), sum(3), earlier(1)}, state_buffer::cell));
    p.results.push_back(
        peeped(x(0), sum(1), earlier(2), [&](expr::value const& v) { return gate(0, v) * activated(f_[2], x(1)); }));
    p.results.back().kept = state_buffer::next_hidden;
    return {p};
  }

  /// A function of a gate's sum, to which a peephole adds its weight times the cell state. Operands: 0 the sum, 1 the
  /// cell state, 2 the weight.
  template <typename Function>
  cell_result peeped(expr::value const& v, cell_operand gate_sum, cell_operand cell, Function&& function) const {
    if (!peepholes_) return result(function(v), {gate_sum, cell});
    return result(function(fma(x(2), x(1), v)), {gate_sum, cell, {cell_operand::kind::peephole, gate_sum.index}});
  }

  /// Gates z, r, h with the reset gate behind the product: h = (1 - z) * g(x + r * sum) + z * h.
  std::vector<cell_pass> gru_pass() const {
    cell_pass p{.gates = {{0}, {1}, {2, true}}};
    p.results.push_back(result(gate(0, x(0)), {sum(0)}));
    p.results.push_back(
        result(gate(1, fma(gate(0, x(0)), x(1), x(2))), {sum(1), sum(2), {cell_operand::kind::projection, 2}}));
    p.results.push_back(mixed(earlier(0), earlier(1)));
    return {p};
  }

  /// The same with the reset gate before the product, which needs a pass of its own.
  std::vector<cell_pass> gru_passes() const {
    cell_pass gates{.gates = {{0}, {1}}};
    gates.results.push_back(result(gate(0, x(0)), {sum(0)}, state_buffer::update));
    gates.results.push_back(
        result(gate(0, x(0)) * x(1), {sum(1), state(state_buffer::hidden)}, state_buffer::reset_hidden));
    cell_pass candidate{.gates = {{2}}, .multiplied = state_buffer::reset_hidden};
    candidate.results.push_back(result(gate(1, x(0)), {sum(0)}));
    candidate.results.push_back(mixed(state(state_buffer::update), earlier(0)));
    return {gates, candidate};
  }

  static cell_result mixed(cell_operand update, cell_operand candidate) {
    return result(fma(x(0), x(2) - x(1), x(1)), {update, candidate, state(state_buffer::hidden)},
                  state_buffer::next_hidden);
  }

  recurrent_kind kind_;
  recurrent_attributes const& a_;
  bool peepholes_;
  kernels::activation const* f_ = nullptr;
};

}  // namespace sinter::detail
