#pragma once

#include <sinter/ops/recurrent.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

#include <utility>

namespace sinter::passes {

namespace detail {

inline std::optional<recurrent_kind> recurrence_of(node const& n) {
  if (!n.domain.empty() && n.domain != "sinter") return std::nullopt;
  if (n.op == "LSTM") return recurrent_kind::lstm;
  if (n.op == "GRU") return recurrent_kind::gru;
  if (n.op == "RNN") return recurrent_kind::rnn;
  return std::nullopt;
}

/// The constants of a recurrent node whose products with the input can be computed apart.
struct recurrence_weights {
  std::int64_t gates = 0, directions = 0, hidden = 0, input = 0;
  bool reset_after = false;  ///< the bias of gate 2 of R belongs to a product with the reset gate
  any_tensor w{}, bias{};

  std::int64_t size() const { return kernels::projection_size(gates, hidden); }
  /// Calls visit(row of the model's weights, row of the projection's weights).
  template <typename Visit>
  void for_each_row(std::int64_t direction, Visit&& visit) const {
    for (std::int64_t gate = 0; gate < gates; ++gate)
      for (std::int64_t unit = 0; unit < hidden; ++unit)
        visit(gate * hidden + unit, direction * size() + kernels::projection_index(gates, gate, unit));
  }
  bool stays_with_state(std::int64_t row) const { return reset_after && row >= 2 * hidden; }
};

/// None where W, R and B are no constants of shapes that fit, or sequences end at different steps.
inline std::optional<recurrence_weights> recurrence_weights_of(graph const& g, node const& n, recurrent_kind kind) {
  auto const *w = float_input(g, n, 1), *r = float_input(g, n, 2), *b = float_input(g, n, 3);
  auto const given = [&](std::size_t slot) { return slot < n.inputs.size() && n.inputs[slot]; };
  if (!w || !r || (given(3) && !b) || given(4) || g.at(n.inputs[0]).type.element != dtype::float32) return std::nullopt;
  if (w->shape().rank() != 3 || r->shape().rank() != 3) return std::nullopt;
  recurrence_weights p{
      .gates = gates_of(kind),
      .directions = w->shape()[0],
      .hidden = r->shape()[2],
      .input = w->shape()[2],
      .reset_after = kind == recurrent_kind::gru && attribute_or<std::int64_t>(n, "linear_before_reset", 0) != 0,
      .w = *w};
  if (p.hidden == 0 || p.input == 0) return std::nullopt;
  auto const rows = checked_mul(p.gates, p.hidden);
  if (w->shape() != shape{p.directions, rows, p.input} || r->shape() != shape{p.directions, rows, p.hidden} ||
      (b && b->shape() != shape{p.directions, 2 * rows}))
    return std::nullopt;
  if (b) p.bias = *b;
  return p;
}

/// The weights of the projection, [directions*size, input].
inline any_tensor projection_weights(recurrence_weights const& p) {
  any_tensor result(dtype::float32, {p.directions * p.size(), p.input});
  auto const from = p.w.as<float>();
  auto* const to = static_cast<float*>(result.data());
  std::fill_n(to, result.elements(), 0.0f);
  for (std::int64_t d = 0; d < p.directions; ++d)
    p.for_each_row(d, [&](std::int64_t row, std::int64_t at) {
      std::copy_n(from.data() + (d * p.gates * p.hidden + row) * p.input, p.input, to + at * p.input);
    });
  return result;
}

/// The sums of both biases, [directions*size]; where the one beside R stays there, the other alone.
inline any_tensor projection_bias(recurrence_weights const& p) {
  any_tensor result(dtype::float32, {p.directions * p.size()});
  auto const rows = p.gates * p.hidden;
  auto* const to = static_cast<float*>(result.data());
  std::fill_n(to, result.elements(), 0.0f);
  for (std::int64_t d = 0; d < p.directions; ++d)
    p.for_each_row(d, [&](std::int64_t row, std::int64_t at) {
      auto const* from = p.bias.as<float>().data() + d * 2 * rows + row;
      to[at] = p.stays_with_state(row) ? from[0] : from[0] + from[rows];
    });
  return result;
}

/// The biases that stay beside R, [directions, gates*hidden]; the others are zero.
inline any_tensor state_bias(recurrence_weights const& p) {
  auto const rows = p.gates * p.hidden;
  any_tensor result(dtype::float32, {p.directions, rows});
  auto* to = static_cast<float*>(result.data());
  for (std::int64_t d = 0; d < p.directions; ++d)
    for (std::int64_t row = 0; row < rows; ++row)
      *to++ = p.stays_with_state(row) ? p.bias.as<float>()[static_cast<std::size_t>((2 * d + 1) * rows + row)] : 0.0f;
  return result;
}

/// Omits initial states that are zero.
inline void omit_zero_states(rewriter& r, node_id id) {
  auto& g = r.get();
  for (std::size_t slot = 5; slot < std::min<std::size_t>(g.at(id).inputs.size(), 7) && r.may_rewrite(); ++slot) {
    auto const* state = float_input(g, g.at(id), slot);
    if (!state || !std::ranges::all_of(state->as<float>(), [](float v) { return v == 0; })) continue;
    g.set_input(id, slot, {});
    r.rewrote();
  }
}

/// Omits outputs that nobody uses, if any is used.
inline void omit_unused_outputs(graph& g, std::vector<value_id>& outputs) {
  auto const unused = [&](value_id out) { return !out || (g.at(out).users.empty() && !g.is_output(out)); };
  if (std::ranges::all_of(outputs, unused)) return;
  for (auto& out : outputs)
    if (out && unused(out)) g.at(out).producer = {}, out = {};
}

inline void split_projection(graph& g, node_id id, recurrence_weights const& p) {
  auto n = g.at(id);
  auto const of = [&](std::string_view what) { return n.name + std::string(what); };
  node gemm{.name = of("_projection"), .domain = "sinter", .op = "Gemm", .version = 1};
  gemm.attributes = {{"trans_b", std::int64_t{1}}};
  gemm.inputs = {n.inputs[0], g.add_constant(of("_w"), projection_weights(p)), {}};
  if (p.bias) gemm.inputs[2] = g.add_constant(of("_bias"), projection_bias(p));
  gemm.outputs = {g.add_value(of("_projected"), {dtype::float32, std::nullopt})};
  if (auto const& x = g.at(n.inputs[0]).type.shape) {
    auto extents = *x;
    extents[2] = p.directions * p.size();
    g.at(gemm.outputs[0]).type.shape = extents;
  }
  n.domain = "sinter";
  n.version = 1;
  n.inputs[0] = gemm.outputs[0];
  n.inputs[1] = {};
  if (n.inputs.size() > 3)
    n.inputs[3] = p.bias && p.reset_after ? g.add_constant(of("_state_bias"), state_bias(p)) : value_id{};
  omit_unused_outputs(g, n.outputs);
  g.add_node(std::move(gemm));
  replace_node(g, id, std::move(n));
}

}  // namespace detail

/// Splits LSTM, GRU and RNN with constant weights: X·W with the biases, of all steps and directions at once, is a
/// sinter.Gemm; a recurrent node of the domain sinter reads its rows. Initial states that are zero are omitted, of
/// outputs those that nobody uses. Nodes with sequence lengths stay.
inline void project_recurrence(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const kind = detail::recurrence_of(g.at(id));
    if (!kind) return;
    detail::omit_zero_states(r, id);
    if (!g.at(id).domain.empty() || !r.may_rewrite()) return;
    auto const weights = detail::recurrence_weights_of(g, g.at(id), *kind);
    if (!weights) return;
    r.fold_budget().charge(dense_bytes(dtype::float32, {weights->directions, weights->size(), weights->input}));
    detail::split_projection(g, id, *weights);
    r.rewrote();
  });
}

}  // namespace sinter::passes
