#pragma once

#include <sinter/ops/recurrent.hpp>
#include <sinter/passes/affine_form.hpp>
#include <sinter/passes/project_recurrence.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sinter::passes::detail {

/// A state of a loop: what a turn gets, and what it makes of it.
struct turn_state {
  value_id now{}, next{};
};

/// What a recurrent operator does in a turn.
struct recurrence_cell {
  recurrent_kind kind = recurrent_kind::rnn;
  std::vector<affine_form> gates{};  ///< of W, R and B, in the order of the operator
  std::vector<double> state_bias{};  ///< of a GRU whose reset gate is applied behind R: that of its last gate
  bool reset_after = false;
  std::vector<std::string> activations{};
  /// In place of the gates: an operator of one step, and its W, R and B.
  std::optional<node> step{};
  std::vector<any_tensor> constants{};
};

/// Reads a body as one turn of an LSTM, GRU or RNN. `x` is what it reads of the sequence.
class cell_reader {
 public:
  cell_reader(graph const& body, value_id x, std::int64_t input, std::int64_t hidden, std::size_t rank)
      : g_(body), x_(x), input_(input), hidden_(hidden), rank_(rank) {}

  /// `cell` is the second state of an LSTM.
  std::optional<recurrence_cell> lstm(turn_state const& h, turn_state const& cell) {
    auto const whole = factors(h.next, "Mul");
    for (auto const& [o, c] : orders(whole)) {
      auto const out = gate(o, h.now);
      auto const squashed = unary(c);
      if (!out || !squashed || squashed->second != plain(cell.next)) continue;
      for (auto const& [kept, added] : orders(factors(cell.next, "Add")))
        for (auto const& [f, old] : orders(factors(kept, "Mul")))
          for (auto const& [i, g] : orders(factors(added, "Mul"))) {
            auto const forget = gate(f, h.now), in = gate(i, h.now), candidate = gate(g, h.now);
            if (plain(old) != cell.now || !forget || !in || !candidate) continue;
            if (forget->first != in->first || out->first != in->first) continue;
            return recurrence_cell{.kind = recurrent_kind::lstm,
                                   .gates = {in->second, out->second, forget->second, candidate->second},
                                   .activations = {in->first, candidate->first, squashed->first}};
          }
    }
    return std::nullopt;
  }

  /// A recurrent operator that a turn runs for one step, as TorchScript writes the cells of PyTorch. `c` is the second
  /// state of an LSTM; none: there is one.
  std::optional<recurrence_cell> one_step(turn_state const& h, turn_state const* c) {
    auto const* n = inserted_axis(h.next, "Squeeze");
    auto const made = n ? g_.at(n->inputs[0]).producer : node_id{};
    auto const op = made ? recurrence_of(g_.at(made)) : std::nullopt;
    if (!op || (*op == recurrent_kind::lstm) != (c != nullptr) || !is_plain_step(g_.at(made), *op)) return std::nullopt;
    auto const& step = g_.at(made);
    auto const reads = [&](std::size_t slot, value_id expected) {
      auto const* in = slot < step.inputs.size() ? inserted_axis(step.inputs[slot], "Unsqueeze") : nullptr;
      return in && plain(in->inputs[0]) == expected;
    };
    if (n->inputs[0] != step.outputs[1] || !reads(0, x_) || !reads(5, h.now)) return std::nullopt;
    if (c) {
      auto const* last = inserted_axis(c->next, "Squeeze");
      if (!last || step.outputs.size() < 3 || last->inputs[0] != step.outputs[2] || !reads(6, c->now))
        return std::nullopt;
    }
    recurrence_cell cell{.kind = *op, .step = step};
    affine_forms const values(g_, {}, {}, 0);
    for (std::size_t slot = 1; slot < 4; ++slot) {
      auto t = step.inputs[slot] ? values.constant_of(step.inputs[slot]) : any_tensor{};
      if (!t) return std::nullopt;
      cell.constants.push_back(std::move(*t));
    }
    return cell;
  }

  std::optional<recurrence_cell> gru(turn_state const& h) {
    for (auto const& [a, b] : orders(factors(h.next, "Add"))) {
      if (auto found = blended(a, b, h)) return found;
      if (auto found = corrected(a, b, h)) return found;
    }
    return std::nullopt;
  }

  std::optional<recurrence_cell> rnn(turn_state const& h) {
    auto const found = gate(h.next, h.now);
    if (!found || !found->second.uses(1)) return std::nullopt;
    return recurrence_cell{.kind = recurrent_kind::rnn, .gates = {found->second}, .activations = {found->first}};
  }

 private:
  using pair = std::pair<value_id, value_id>;

  /// The Squeeze or Unsqueeze of axis 0 that makes `v`.
  node const* inserted_axis(value_id v, std::string_view op) const {
    auto const* n = made_by(v, op);
    if (!n || n->inputs.size() < 2) return nullptr;
    auto const axes = affine_forms(g_, {}, {}, 0).constant_of(n->inputs[1]);
    return axes && integers_of(axes->view()) == std::vector<std::int64_t>{0} ? n : nullptr;
  }
  /// Whether a step has nothing but what all steps of a sequence may share.
  static bool is_plain_step(node const& n, recurrent_kind kind) {
    if (!n.domain.empty() || n.inputs.size() < 6 || n.inputs[4] || n.outputs.size() < 2) return false;
    if (kind == recurrent_kind::lstm && n.inputs.size() > 7 && n.inputs[7]) return false;
    return attribute_or<std::int64_t>(n, "layout", 0) == 0 &&
           attribute_or(n, "direction", std::string("forward")) == "forward";
  }
  using activated = std::pair<std::string, affine_form>;

  /// `v` behind identities.
  value_id plain(value_id v) const {
    while (v && g_.at(v).producer && is(g_.at(g_.at(v).producer), "Identity")) v = g_.at(g_.at(v).producer).inputs[0];
    return v;
  }
  node const* made_by(value_id v, std::string_view op) const {
    v = plain(v);
    auto const from = v ? g_.at(v).producer : node_id{};
    return from && is(g_.at(from), op) ? &g_.at(from) : nullptr;
  }
  std::optional<pair> factors(value_id v, std::string_view op) const {
    auto const* n = made_by(v, op);
    return n ? std::optional(pair{n->inputs[0], n->inputs[1]}) : std::nullopt;
  }
  static std::vector<pair> orders(std::optional<pair> const& p) {
    if (!p) return {};
    return {*p, {p->second, p->first}};
  }
  /// The function that makes `v`, and of what.
  std::optional<std::pair<std::string, value_id>> unary(value_id v) const {
    for (auto const name : {"Sigmoid", "Tanh", "Relu"})
      if (auto const* n = made_by(v, name)) return std::pair(std::string(name), plain(n->inputs[0]));
    return std::nullopt;
  }
  std::optional<affine_form> form(value_id v, value_id h) const {
    return affine_forms(g_, {x_, h}, {input_, hidden_}, rank_).of(v);
  }
  /// A function of x·W + h·R + b, of as many elements as the state.
  std::optional<activated> gate(value_id v, value_id h) const {
    auto const f = unary(v);
    if (!f) return std::nullopt;
    auto z = form(f->second, h);
    if (!z || z->width != hidden_) return std::nullopt;
    return activated(f->first, std::move(*z));
  }
  bool is_one_less(value_id v, value_id z) const {
    auto const parts = factors(v, "Sub");
    if (!parts || plain(parts->second) != plain(z)) return false;
    auto const one = affine_forms(g_, {}, {}, rank_).constant_of(parts->first);
    if (!one || one->type() != dtype::float32) return false;
    return std::ranges::all_of(one->as<float>(), [](float x) { return x == 1; });
  }

  /// z·h + (1 - z)·n
  std::optional<recurrence_cell> blended(value_id old, value_id fresh, turn_state const& h) {
    for (auto const& [z, state] : orders(factors(old, "Mul")))
      for (auto const& [rest, n] : orders(factors(fresh, "Mul")))
        if (plain(state) == h.now && is_one_less(rest, z)) return with_candidate(z, n, h);
    return std::nullopt;
  }
  /// n + z·(h - n)
  std::optional<recurrence_cell> corrected(value_id n, value_id change, turn_state const& h) {
    for (auto const& [z, distance] : orders(factors(change, "Mul"))) {
      auto const parts = factors(distance, "Sub");
      if (parts && plain(parts->first) == h.now && plain(parts->second) == plain(n)) return with_candidate(z, n, h);
    }
    return std::nullopt;
  }
  std::optional<recurrence_cell> with_candidate(value_id z, value_id n, turn_state const& h) {
    auto const update = gate(z, h.now);
    auto const candidate = unary(n);
    if (!update || !candidate) return std::nullopt;
    recurrence_cell c{.kind = recurrent_kind::gru, .activations = {update->first, candidate->first}};
    c.gates.push_back(update->second);
    if (!reset_behind(c, candidate->second, h) && !reset_before(c, candidate->second, h)) return std::nullopt;
    return c;
  }
  /// x·W + b + r·(h·R + c)
  bool reset_behind(recurrence_cell& c, value_id sum, turn_state const& h) {
    for (auto const& [outer, product] : orders(factors(sum, "Add")))
      for (auto const& [r, inner] : orders(factors(product, "Mul"))) {
        auto const reset = gate(r, h.now);
        auto own = form(outer, h.now), of_state = form(inner, h.now);
        if (!reset || reset->first != c.activations[0] || !own || !of_state || own->uses(1) || of_state->uses(0) ||
            own->width != hidden_ || of_state->width != hidden_)
          continue;
        own->factors[1] = of_state->factors[1];
        c.state_bias = of_state->bias;
        c.reset_after = true;
        c.gates.push_back(reset->second);
        c.gates.push_back(std::move(*own));
        return true;
      }
    return false;
  }
  /// x·W + b + (r·h)·R
  bool reset_before(recurrence_cell& c, value_id sum, turn_state const& h) {
    for (auto const user : g_.at(h.now).users) {
      if (!is(g_.at(user), "Mul")) continue;
      for (auto const& [r, state] : orders(pair{g_.at(user).inputs[0], g_.at(user).inputs[1]})) {
        auto const reset = plain(state) == h.now ? gate(r, h.now) : std::nullopt;
        auto own = reset ? form(sum, g_.at(user).outputs[0]) : std::nullopt;
        if (!own || reset->first != c.activations[0] || own->width != hidden_ || !own->uses(1)) continue;
        c.gates.push_back(reset->second);
        c.gates.push_back(std::move(*own));
        return true;
      }
    }
    return false;
  }

  graph const& g_;
  value_id x_;
  std::int64_t input_, hidden_;
  std::size_t rank_;
};

}  // namespace sinter::passes::detail
