#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/infer_types.hpp>
#include <sinter/passes/recurrence_cell.hpp>
#include <sinter/passes/sequence_loop.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// Writes a loop as a recurrent operator.
class recurrence_writer {
 public:
  recurrence_writer(rewriter& r, node_id id, sequence_loop loop)
      : r_(r), g_(r.get()), id_(id), name_(g_.at(id).name), l_(std::move(loop)) {}

  void run() {
    auto const& x = g_.at(l_.sequence).type;
    if (l_.states.empty() || l_.states.size() > 2) return;
    auto const& h = g_.at(l_.states[0].first).type;
    if (!x.shape || x.shape->rank() != 3 || x.element != dtype::float32 || !h.shape || h.shape->rank() != 2) return;
    auto const batch = (*x.shape)[l_.batch_first ? 0 : 1], steps = (*x.shape)[l_.batch_first ? 1 : 0];
    hidden_ = (*h.shape)[1], input_ = (*x.shape)[2];
    if (steps < 1 || hidden_ < 1 || input_ < 1) return;
    for (auto const& s : l_.states)
      if (g_.at(s.first).type.shape != shape{batch, hidden_} || g_.at(s.first).type.element != dtype::float32) return;
    if (!read() || !gathers_hidden()) return;
    write();
    r_.rewrote();
  }

 private:
  bool read() {
    cell_reader reader(*l_.body, l_.x, input_, hidden_, l_.rank);
    bool const two = l_.states.size() == 2;
    for (std::size_t i = 0; i < l_.states.size() && !cell_; ++i) {
      auto const& h = l_.states[i].turn;
      auto const* const c = two ? &l_.states[1 - i].turn : nullptr;
      hidden_state_ = i;
      cell_ = reader.one_step(h, c);
      if (!cell_ && two) cell_ = reader.lstm(h, *c);
      if (!cell_ && !two) cell_ = reader.gru(h);
      if (!cell_ && !two) cell_ = reader.rnn(h);
    }
    return cell_.has_value();
  }
  /// Whether all results that are gathered are the hidden state.
  bool gathers_hidden() const {
    auto const plain = [&](value_id v) {
      while (l_.body->at(v).producer && is(l_.body->at(l_.body->at(v).producer), "Identity"))
        v = l_.body->at(l_.body->at(v).producer).inputs[0];
      return v;
    };
    auto const hidden = plain(l_.states[hidden_state_].turn.next);
    return std::ranges::all_of(l_.results, [&](auto const& each) { return plain(each.turn) == hidden; });
  }

  /// Factors of a source for all gates, one behind the other, as the operator wants them: [1, gates*hidden, width].
  value_id weights(std::size_t source, std::int64_t width) {
    any_tensor t(dtype::float32, {1, static_cast<std::int64_t>(cell_->gates.size()) * hidden_, width});
    auto* to = static_cast<float*>(t.data());
    for (auto const& f : cell_->gates)
      for (std::int64_t unit = 0; unit < hidden_; ++unit)
        for (std::int64_t i = 0; i < width; ++i)
          *to++ = f.uses(source) ? static_cast<float>(f.factors[source][static_cast<std::size_t>(i * hidden_ + unit)])
                                 : 0.0f;
    return g_.add_constant(name(source == 0 ? "_w" : "_r"), std::move(t));
  }
  value_id biases() {
    auto const gates = cell_->gates.size();
    any_tensor t(dtype::float32, {1, static_cast<std::int64_t>(2 * gates) * hidden_});
    auto* to = static_cast<float*>(t.data());
    for (auto const& f : cell_->gates)
      for (auto const b : f.bias) *to++ = static_cast<float>(b);
    std::fill_n(to, gates * static_cast<std::size_t>(hidden_), 0.0f);
    to += (gates - 1) * static_cast<std::size_t>(hidden_);
    for (auto const b : cell_->state_bias) *to++ = static_cast<float>(b);
    return g_.add_constant(name("_b"), std::move(t));
  }
  std::string name(std::string_view what) const { return name_ + std::string(what); }

  value_id add(std::string op, std::vector<value_id> inputs, value_id out, attribute_map attributes = {}) {
    if (!out) out = g_.add_value(name("_" + op));
    infer_types(g_, g_.at(g_.add_node({.name = name("_" + op),
                                       .op = std::move(op),
                                       .version = 13,
                                       .attributes = std::move(attributes),
                                       .inputs = std::move(inputs),
                                       .outputs = {out}})));
    return out;
  }
  value_id axes(std::int64_t axis) {
    return g_.add_constant(name("_axis"), any_tensor::of<std::int64_t>({1}, std::vector{axis}));
  }
  value_id swapped(value_id v, value_id out) {
    return add("Transpose", {v}, out, {{"perm", std::vector<std::int64_t>{1, 0, 2}}});
  }

  /// The operator with its weights, and without the sequence and states.
  node operation() {
    if (cell_->step) {
      node n = *cell_->step;
      n.inputs.assign(4, {});
      for (std::size_t i = 0; i < 3; ++i)
        if (cell_->constants[i]) n.inputs[i + 1] = g_.add_constant(name("_weights"), cell_->constants[i]);
      return n;
    }
    bool const is_lstm = cell_->kind == recurrent_kind::lstm;
    node n{.op = is_lstm ? "LSTM" : cell_->kind == recurrent_kind::gru ? "GRU" : "RNN", .version = 14};
    n.attributes = {{"hidden_size", hidden_}, {"activations", cell_->activations}};
    if (cell_->reset_after) n.attributes["linear_before_reset"] = std::int64_t{1};
    n.inputs = {{}, weights(0, input_), weights(1, hidden_), biases()};
    return n;
  }

  void write() {
    bool const is_lstm = cell_->kind == recurrent_kind::lstm;
    auto n = operation();
    n.name = name_;
    if (l_.reverse) n.attributes["direction"] = std::string("reverse");
    g_.erase(id_);
    for (auto const& each : l_.results)
      if (each.join) g_.erase(each.join);
    n.inputs[0] = l_.batch_first ? swapped(l_.sequence, {}) : l_.sequence;
    n.inputs.resize(5);
    n.inputs.push_back(add("Unsqueeze", {l_.states[hidden_state_].first, axes(0)}, {}));
    if (is_lstm) n.inputs.push_back(add("Unsqueeze", {l_.states[1 - hidden_state_].first, axes(0)}, {}));
    n.outputs.clear();
    for (std::size_t i = 0; i < (is_lstm ? 3 : 2); ++i) n.outputs.push_back(g_.add_value(name("_y")));
    auto const made = n.outputs;
    infer_types(g_, g_.at(g_.add_node(std::move(n))));
    for (std::size_t i = 0; i < l_.states.size(); ++i)
      if (l_.states[i].last) add("Squeeze", {made[i == hidden_state_ ? 1 : 2], axes(0)}, l_.states[i].last);
    for (auto const& each : l_.results) {
      if (each.steps_second)
        swapped(add("Squeeze", {made[0], axes(1)}, {}), each.all);
      else
        add("Squeeze", {made[0], axes(1)}, each.all);
    }
  }

  rewriter& r_;
  graph& g_;
  node_id id_;
  std::string name_;
  sequence_loop l_;
  std::int64_t hidden_ = 0, input_ = 0;
  std::size_t hidden_state_ = 0;
  std::optional<recurrence_cell> cell_{};
};

}  // namespace detail

/// Makes of Loop and Scan whose turns are those of an LSTM, GRU or RNN over one sequence the recurrent operator.
inline void recognise_recurrence(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto loop = detail::scan_of(g, g.at(id));
    if (!loop) loop = detail::loop_of(g, g.at(id));
    if (loop) detail::recurrence_writer(r, id, std::move(*loop)).run();
  });
}

}  // namespace sinter::passes
