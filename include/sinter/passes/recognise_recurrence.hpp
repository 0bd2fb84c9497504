#pragma once

#include <sinter/passes/bake_captures.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/infer_types.hpp>
#include <sinter/passes/recurrence_cell.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sinter::passes {

namespace detail {

/// A loop over the steps of one sequence.
struct sequence_loop {
  std::shared_ptr<graph const> body{};
  value_id x{}, sequence{};  ///< what a turn reads; in the graph: of which, batch x steps x n or steps x batch x n
  bool batch_first = false, reverse = false;
  std::size_t rank = 2;  ///< of x in a turn
  std::vector<turn_state> states{};
  std::vector<value_id> first{};     ///< in the graph: values that the states start from
  std::vector<value_id> stacked{};   ///< of the body: results that are gathered
  std::vector<bool> steps_second{};  ///< by such a result: its steps are the second axis
};

inline bool is_used(graph const& g, value_id v) { return v && (!g.at(v).users.empty() || g.is_output(v)); }

/// Scan over one input, without values from outside.
inline std::optional<sequence_loop> scan_of(graph const& g, node const& n) {
  if (!is(n, "Scan")) return std::nullopt;
  auto const ahead = n.version < 9 ? std::size_t{1} : std::size_t{0};
  if (ahead == 1 && (n.inputs.empty() || n.inputs[0])) return std::nullopt;
  auto const body = attribute_or(n, "body", std::shared_ptr<graph const>{});
  if (!body || captures(n) != 0 || attribute_or<std::int64_t>(n, "num_scan_inputs", 0) != 1 ||
      n.inputs.size() != body->inputs.size() + ahead || n.inputs.size() < 2 + ahead)
    return std::nullopt;
  auto const first_of = [&](std::string_view name, std::size_t i) {
    auto const list = attribute_or(n, name, std::vector<std::int64_t>{});
    return i < list.size() ? list[i] : 0;
  };
  auto const count = body->inputs.size() - 1;
  sequence_loop l{.body = body, .x = body->inputs.back().value, .sequence = n.inputs.back()};
  auto const axis = ahead == 1 ? 1 : first_of("scan_input_axes", 0);
  if (axis != 0 && axis != 1 && axis != -3 && axis != -2) return std::nullopt;
  l.batch_first = axis == 1 || axis == -2;
  l.reverse = first_of(ahead == 1 ? "directions" : "scan_input_directions", 0) != 0;
  l.rank = ahead == 1 ? 1 : 2;
  for (std::size_t i = 0; i < count; ++i) {
    l.states.push_back({body->inputs[i].value, body->outputs[i].value});
    l.first.push_back(n.inputs[i + ahead]);
  }
  for (auto i = count; i < body->outputs.size(); ++i) {
    auto const out = i < n.outputs.size() ? n.outputs[i] : value_id{};
    auto const to = first_of("scan_output_axes", i - count);
    bool const backwards = first_of("scan_output_directions", i - count) != 0;
    if (is_used(g, out) && (backwards != l.reverse || (to != 0 && to != 1))) return std::nullopt;
    l.stacked.push_back(body->outputs[i].value);
    l.steps_second.push_back(ahead == 1 || to == 1);
  }
  return l;
}

/// The Gather by which a body takes step `turn` of a captured sequence; null: there is not one.
inline node const* step_of(graph const& body, value_id turn) {
  node const* found = nullptr;
  for (auto const user : body.at(turn).users) {
    auto const& n = body.at(user);
    if (found || !is(n, "Gather") || n.inputs[1] != turn || !body.is_input(n.inputs[0])) return nullptr;
    found = &n;
  }
  return found;
}

/// Loop with a known count over the steps of one sequence, which it captures.
inline std::optional<sequence_loop> loop_of(graph const& g, node const& n) {
  if (!is(n, "Loop")) return std::nullopt;
  auto const body = attribute_or(n, "body", std::shared_ptr<graph const>{});
  if (!body || captures(n) != 1 || n.inputs.size() != body->inputs.size() || n.inputs.size() < 4) return std::nullopt;
  auto const* count = constant_input(g, n, 0);
  auto const* begins = constant_input(g, n, 1);
  auto const goes_on = affine_forms(*body, {}, {}, 0).constant_of(body->outputs[0].value);
  auto const yes = [](any_tensor const& t) {
    return t.type() == dtype::boolean && t.elements() == 1 && t.as<bool>()[0];
  };
  auto last = body->outputs[0].value;
  while (body->at(last).producer && is(body->at(body->at(last).producer), "Identity"))
    last = body->at(body->at(last).producer).inputs[0];
  if (!count || count->elements() != 1 || (n.inputs[1] && (!begins || !yes(*begins))) ||
      (goes_on ? !yes(*goes_on) : last != body->inputs[1].value))
    return std::nullopt;
  auto const* step = step_of(*body, body->inputs[0].value);
  auto const& s = g.at(n.inputs.back()).type.shape;
  if (!step || step->inputs[0] != body->inputs.back().value || !s || s->rank() != 3) return std::nullopt;
  auto const axis = attribute_or<std::int64_t>(*step, "axis", 0);
  if ((axis != 0 && axis != 1) || integers_of(count->view())[0] != (*s)[static_cast<std::size_t>(axis)])
    return std::nullopt;
  sequence_loop l{.body = body, .x = step->outputs[0], .sequence = n.inputs.back(), .batch_first = axis == 1};
  auto const carried = n.inputs.size() - 3;
  for (std::size_t i = 0; i < carried; ++i) {
    l.states.push_back({body->inputs[i + 2].value, body->outputs[i + 1].value});
    l.first.push_back(n.inputs[i + 2]);
  }
  for (auto i = carried + 1; i < body->outputs.size(); ++i) {
    l.stacked.push_back(body->outputs[i].value);
    l.steps_second.push_back(false);
  }
  return l;
}

/// Writes a loop as a recurrent operator.
class recurrence_writer {
 public:
  recurrence_writer(rewriter& r, node_id id, sequence_loop loop)
      : r_(r), g_(r.get()), id_(id), name_(g_.at(id).name), l_(std::move(loop)) {}

  void run() {
    auto const& x = g_.at(l_.sequence).type;
    auto const& h = g_.at(l_.first[0]).type;
    if (!x.shape || x.shape->rank() != 3 || x.element != dtype::float32 || !h.shape || h.shape->rank() != 2) return;
    auto const batch = (*x.shape)[l_.batch_first ? 0 : 1], steps = (*x.shape)[l_.batch_first ? 1 : 0];
    hidden_ = (*h.shape)[1], input_ = (*x.shape)[2];
    if (steps < 1 || hidden_ < 1 || input_ < 1 || l_.states.size() > 2) return;
    for (auto const first : l_.first)
      if (g_.at(first).type.shape != shape{batch, hidden_} || g_.at(first).type.element != dtype::float32) return;
    if (!read() || !gathers_hidden()) return;
    write();
    r_.rewrote();
  }

 private:
  bool read() {
    cell_reader reader(*l_.body, l_.x, input_, hidden_, l_.rank);
    for (std::size_t i = 0; i < l_.states.size() && !cell_; ++i) {
      hidden_state_ = i;
      if (l_.states.size() == 2) cell_ = reader.lstm(l_.states[i], l_.states[1 - i]);
      if (l_.states.size() == 1) cell_ = reader.gru(l_.states[i]);
      if (l_.states.size() == 1 && !cell_) cell_ = reader.rnn(l_.states[i]);
    }
    return cell_.has_value();
  }
  /// Whether all results that are gathered and used are the hidden state.
  bool gathers_hidden() const {
    auto const plain = [&](value_id v) {
      while (l_.body->at(v).producer && is(l_.body->at(l_.body->at(v).producer), "Identity"))
        v = l_.body->at(l_.body->at(v).producer).inputs[0];
      return v;
    };
    auto const& outputs = g_.at(id_).outputs;
    for (std::size_t i = 0; i < l_.stacked.size(); ++i) {
      auto const at = l_.states.size() + i;
      if (at < outputs.size() && is_used(g_, outputs[at]) &&
          plain(l_.stacked[i]) != plain(l_.states[hidden_state_].next))
        return false;
    }
    return true;
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

  void write() {
    bool const is_lstm = cell_->kind == recurrent_kind::lstm;
    auto const outputs = g_.at(id_).outputs;
    g_.erase(id_);
    auto const w = weights(0, input_), r = weights(1, hidden_), b = biases();
    std::vector<value_id> inputs{l_.batch_first ? swapped(l_.sequence, {}) : l_.sequence, w, r, b, {}};
    inputs.push_back(add("Unsqueeze", {l_.first[hidden_state_], axes(0)}, {}));
    if (is_lstm) inputs.push_back(add("Unsqueeze", {l_.first[1 - hidden_state_], axes(0)}, {}));
    node n{.name = name_, .op = is_lstm ? "LSTM" : cell_->kind == recurrent_kind::gru ? "GRU" : "RNN", .version = 14};
    n.attributes = {{"hidden_size", hidden_}, {"activations", cell_->activations}};
    if (l_.reverse) n.attributes["direction"] = std::string("reverse");
    if (cell_->reset_after) n.attributes["linear_before_reset"] = std::int64_t{1};
    n.inputs = std::move(inputs);
    for (std::size_t i = 0; i < (is_lstm ? 3 : 2); ++i) n.outputs.push_back(g_.add_value(name("_y")));
    auto const results = n.outputs;
    infer_types(g_, g_.at(g_.add_node(std::move(n))));
    for (std::size_t i = 0; i < l_.states.size() && i < outputs.size(); ++i)
      if (outputs[i]) add("Squeeze", {results[i == hidden_state_ ? 1 : 2], axes(0)}, outputs[i]);
    for (std::size_t i = 0; i < l_.stacked.size() && l_.states.size() + i < outputs.size(); ++i) {
      auto const out = outputs[l_.states.size() + i];
      if (!out) continue;
      if (l_.steps_second[i])
        swapped(add("Squeeze", {results[0], axes(1)}, {}), out);
      else
        add("Squeeze", {results[0], axes(1)}, out);
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
