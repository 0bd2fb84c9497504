#pragma once

#include <sinter/core/widened_halves.hpp>
#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

#include <algorithm>
#include <array>
#include <variant>

namespace sinter::passes {

namespace detail {

using sinter::is_half;
inline bool is_half(graph const& g, value_id id) { return id && is_half(g.at(id).type.element); }

inline bool touches_half(graph const& g, node const& n) {
  auto const half = [&](value_id id) { return is_half(g, id); };
  return std::ranges::any_of(n.inputs, half) || std::ranges::any_of(n.outputs, half);
}

inline bool has_subgraph(node const& n) {
  return std::ranges::any_of(
      n.attributes, [](auto const& a) { return std::holds_alternative<std::shared_ptr<graph const>>(a.second); });
}

inline tensor_type widened(tensor_type type) {
  if (is_half(type.element)) type.element = dtype::float32;
  return type;
}

/// Whether a node takes rows of a constant table of a half type, like an embedding: only those are widened.
inline bool looks_up(graph const& g, node const& n) {
  return is(n, "Gather") && is_half(g, n.inputs[0]) && g.at(n.inputs[0]).is_constant();
}

/// Whether `n` computes the same on float32 operands as on half ones, but for the rounding of its results: the operator
/// makes float32 of float32 where it makes half of half. What converts or reads bits does not, nor what a subgraph
/// says.
inline bool widens(graph const& g, node const& n) {
  static constexpr std::array<std::string_view, 3> by_bits{"BitCast", "Cast", "CastLike"};
  if (!n.domain.empty() || std::ranges::find(by_bits, n.op) != by_bits.end()) return false;
  if (!touches_half(g, n) || has_subgraph(n) || looks_up(g, n)) return false;
  std::vector<operand> operands;
  for (auto const in : n.inputs) {
    if (!in) {
      operands.emplace_back();
      continue;
    }
    auto const& v = g.at(in);
    if (!v.type.shape) return false;
    operands.push_back({widened(v.type), v.is_constant() && !is_half(g, in) ? &v.constant : nullptr});
  }
  auto const found = with_context([&] { return describe(n); }, [&] { return bind(n).infer(inputs(operands)); });
  for (std::size_t i = 0; i < n.outputs.size(); ++i)
    if (n.outputs[i] && (i >= found.size() || found[i] != widened(g.at(n.outputs[i]).type))) return false;
  return true;
}

/// One run of the pass: which nodes widen, and the float32 form of each half value that has one.
class half_widener {
 public:
  explicit half_widener(rewriter& r) : r_(r), g_(r.get()), wide_(g_.value_count()) {
    for (auto const id : g_.topological_order())
      if (widens(g_, g_.at(id))) nodes_.push_back(id);
    std::ranges::sort(sorted_ = nodes_);
  }

  void run() {
    if (nodes_.empty()) return;
    for (auto const id : nodes_) widen(id);
    for (std::size_t i = 0; i < wide_.size(); ++i) lead_casts({static_cast<std::int32_t>(i)});
    r_.rewrote();
  }

 private:
  static bool converts(node const& n) { return is(n, "Cast") || is(n, "CastLike"); }
  bool is_widened(node_id id) const { return std::ranges::binary_search(sorted_, id); }
  value_id& wide(value_id id) { return wide_[static_cast<std::size_t>(id.index)]; }

  /// Whether the half form of a value is needed when all who can take the float32 form do.
  bool stays(value_id id) const {
    if (g_.is_input(id) || g_.is_output(id)) return true;
    return !std::ranges::all_of(g_.at(id).users, [&](node_id user) {
      auto const& n = g_.at(user);
      return is_widened(user) || (converts(n) && std::ranges::count(n.inputs, id) == 1 && n.inputs[0] == id);
    });
  }

  value_id new_value(value_id like) { return g_.add_value(g_.at(like).name + "_wide", widened(g_.at(like).type)); }

  void add_cast(value_id from, value_id to) {
    node n{.op = "Cast", .version = 13};
    n.attributes = {{"to", static_cast<std::int64_t>(g_.at(to).type.element)}};
    n.inputs = {from};
    n.outputs = {to};
    g_.add_node(std::move(n));
  }

  void widen(node_id id) {
    for (std::size_t slot = 0; slot < g_.at(id).inputs.size(); ++slot)
      if (auto const in = g_.at(id).inputs[slot]; is_half(g_, in)) g_.set_input(id, slot, widened_input(in));
    for (std::size_t slot = 0; slot < g_.at(id).outputs.size(); ++slot)
      if (auto const out = g_.at(id).outputs[slot]; is_half(g_, out)) widen_output(id, slot, out);
  }

  void widen_output(node_id id, std::size_t slot, value_id out) {
    auto const raw = stays(out) ? new_value(out) : out;
    if (raw == out) {
      g_.at(out).type.element = dtype::float32;
    } else {
      take_output(g_, id, slot, raw);
      add_cast(raw, out);
    }
    wide(out) = raw;
  }

  /// The float32 form of a value that a widened node reads.
  value_id widened_input(value_id id) {
    if (wide(id)) return wide(id);
    auto const& v = g_.at(id);
    if (v.is_constant()) return wide(id) = widened_constant(id);
    if (auto const source = rounded_source(v.producer)) return wide(id) = add_rounding(id, source);
    auto const result = new_value(id);
    add_cast(id, result);
    return wide(id) = result;
  }

  value_id widened_constant(value_id id) {
    r_.fold_budget().charge(2 * g_.at(id).constant.bytes());
    auto constant = sinter::widened(g_.at(id).constant);
    if (stays(id)) return g_.add_constant(g_.at(id).name + "_wide", std::move(constant));
    g_.make_constant(id, std::move(constant));
    return id;
  }

  /// The float32 value that a Cast of the model rounds to a half type; none for other nodes.
  value_id rounded_source(node_id id) {
    if (!id || !converts(g_.at(id))) return {};
    auto const source = g_.at(id).inputs[0];
    if (is_half(g_, source)) return wide(source);
    return g_.at(source).type.element == dtype::float32 ? source : value_id{};
  }

  /// In place of the Cast to a half type, or beside it: what it computes, as float32.
  value_id add_rounding(value_id id, value_id source) {
    node n{.domain = "sinter", .op = "Elementwise", .version = 1};
    auto const function = g_.at(id).type.element == dtype::float16 ? "round_half x0" : "round_bfloat16 x0";
    n.attributes = {{"function", std::string(function)}};
    n.inputs = {source};
    if (!stays(id)) {
      g_.at(id).type.element = dtype::float32;
      replace_node(g_, g_.at(id).producer, std::move(n));
      return id;
    }
    auto const result = new_value(id);
    n.outputs = {result};
    g_.add_node(std::move(n));
    return result;
  }

  /// Casts of the model that read a value whose float32 form another node computes read that form.
  void lead_casts(value_id id) {
    auto const to = wide(id);
    if (!to || to == id || !g_.at(to).producer || g_.at(g_.at(to).producer).inputs[0] == id) return;
    for (auto const user : std::vector(g_.at(id).users))
      if (converts(g_.at(user)) && g_.at(user).inputs[0] == id) g_.set_input(user, 0, to);
  }

  rewriter& r_;
  graph& g_;
  std::vector<node_id> nodes_{};   // that widen, in topological order
  std::vector<node_id> sorted_{};  // the same by id
  std::vector<value_id> wide_;     // by half value
};

}  // namespace detail

/// Computes in float32 what a model computes in float16 or bfloat16. Constants are converted, those in a file when they
/// are read, tables that rows are gathered of not at all; where a widened node
/// meets one that is not (graph inputs and outputs, conversions, operators that read bits, subgraphs) stands a Cast.
/// Between widened nodes values keep the precision of float32, as in ONNX Runtime on CPUs, except where the model
/// itself casts.
inline void widen_half(rewriter& r) {
  if (r.may_rewrite()) detail::half_widener(r).run();
}

}  // namespace sinter::passes
