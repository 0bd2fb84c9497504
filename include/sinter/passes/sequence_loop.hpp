#pragma once

#include <sinter/passes/bake_captures.hpp>
#include <sinter/passes/recurrence_cell.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

/// Loop and Scan as loops over the steps of one sequence.
namespace sinter::passes::detail {

/// A loop over the steps of one sequence.
struct sequence_loop {
  std::shared_ptr<graph const> body{};
  value_id x{}, sequence{};  ///< what a turn reads; in the graph: of which, batch x steps x n or steps x batch x n
  bool batch_first = false, reverse = false;
  std::size_t rank = 2;  ///< of x in a turn
  struct state {
    turn_state turn{};
    value_id first{}, last{};  ///< in the graph: what it starts from, and what it is at the end, if that is wanted
  };
  struct gathered {
    value_id turn{}, all{};     ///< a result of a turn; in the graph: those of all turns
    bool steps_second = false;  ///< steps are the second axis; else the first
    node_id join{};             ///< of a sequence of results: what joins it
  };
  std::vector<state> states{};
  std::vector<gathered> results{};
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
  auto const out = [&](std::size_t i) { return i < n.outputs.size() ? n.outputs[i] : value_id{}; };
  for (std::size_t i = 0; i < count; ++i)
    l.states.push_back({{body->inputs[i].value, body->outputs[i].value}, n.inputs[i + ahead], out(i)});
  for (auto i = count; i < body->outputs.size(); ++i) {
    auto const to = first_of("scan_output_axes", i - count);
    bool const backwards = first_of("scan_output_directions", i - count) != 0;
    if (!is_used(g, out(i))) continue;
    if (backwards != l.reverse || (to != 0 && to != 1)) return std::nullopt;
    l.results.push_back({body->outputs[i].value, out(i), ahead == 1 || to == 1});
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

/// A carried sequence to which each turn adds a result, and which is joined behind the loop; none: it is another thing.
inline std::optional<sequence_loop::gathered> grown_sequence(graph const& g, value_id out, graph const& body,
                                                             turn_state const& turn) {
  auto const from = body.at(turn.next).producer;
  if (!out || g.is_output(out) || g.at(out).users.size() != 1 || !from || !is(body.at(from), "SequenceInsert"))
    return std::nullopt;
  auto const& insert = body.at(from);
  auto const join = g.at(out).users[0];
  auto const axis = attribute_or<std::int64_t>(g.at(join), "axis", 0);
  if (insert.inputs[0] != turn.now || insert.inputs.size() > 2 || !is(g.at(join), "ConcatFromSequence") ||
      attribute_or<std::int64_t>(g.at(join), "new_axis", 0) != 1 || (axis != 0 && axis != 1))
    return std::nullopt;
  return sequence_loop::gathered{insert.inputs[1], g.at(join).outputs[0], axis == 1, join};
}

/// The carried values and results of a Loop.
inline std::optional<sequence_loop> with_carried(graph const& g, node const& n, sequence_loop l) {
  auto const& body = *l.body;
  auto const out = [&](std::size_t i) { return i < n.outputs.size() ? n.outputs[i] : value_id{}; };
  auto const carried = n.inputs.size() - 3;
  for (std::size_t i = 0; i < carried; ++i) {
    turn_state const turn{body.inputs[i + 2].value, body.outputs[i + 1].value};
    auto const begins = g.at(n.inputs[i + 2]).producer;
    if (!begins || !is(g.at(begins), "SequenceEmpty")) {
      l.states.push_back({turn, n.inputs[i + 2], out(i)});
    } else if (auto const found = grown_sequence(g, out(i), body, turn)) {
      l.results.push_back(*found);
    } else {
      return std::nullopt;
    }
  }
  for (auto i = carried; i + 1 < body.outputs.size(); ++i)
    if (is_used(g, out(i))) l.results.push_back({body.outputs[i + 1].value, out(i)});
  return l;
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
  return with_carried(g, n, std::move(l));
}

}  // namespace sinter::passes::detail
