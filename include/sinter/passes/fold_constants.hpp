#pragma once

#include <sinter/graph/rewriter.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/passes/infer_types.hpp>
#include <sinter/passes/match.hpp>

#include <array>

namespace sinter::passes {

namespace detail {

/// Operators whose inputs from the second on are weights: constants that a schedule reads or packs.
inline bool reads_weights(node const& n) {
  static constexpr std::array<std::string_view, 12> names{
      "Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "InstanceNormalization",
      "LSTM", "GRU",           "RNN",  "PRelu",  "LayerNormalization", "LRN"};
  return std::ranges::find(names, n.op) != names.end();
}

/// Operators that pass on the elements of their first input, which may be a weight.
inline bool passes_weights_on(node const& n) {
  static constexpr std::array<std::string_view, 7> names{"Reshape",   "Transpose", "Flatten", "Squeeze",
                                                         "Unsqueeze", "Cast",      "Identity"};
  return std::ranges::find(names, n.op) != names.end();
}

/// Whether a constant that is larger than what it is made of is worth its bytes: a weight is, also where a few nodes
/// still bring it into shape.
inline bool is_weight(graph const& g, value_id id, int depth = 4) {
  return std::ranges::any_of(g.at(id).users, [&](node_id user) {
    auto const& n = g.at(user);
    if (n.inputs[0] != id) return reads_weights(n);
    return depth > 0 && passes_weights_on(n) && n.outputs[0] && is_weight(g, n.outputs[0], depth - 1);
  });
}

/// Whether every run of `n`, or of a subgraph of it, may give other results.
inline bool is_random(node const& n) {
  if (n.op.starts_with("Random") || n.op == "Multinomial" || n.op == "Bernoulli") return true;
  if (is(n, "Dropout") && n.inputs.size() > 2 && n.inputs[2]) return true;
  return std::ranges::any_of(n.attributes, [](auto const& entry) {
    auto const* const body = std::get_if<std::shared_ptr<graph const>>(&entry.second);
    if (!body) return false;
    return std::ranges::any_of((*body)->topological_order(), [&](node_id id) { return is_random((*body)->at(id)); });
  });
}

/// Whether folding `n` may be tried: its inputs are known, and its result may be kept.
inline bool may_fold(graph const& g, node const& n) {
  if (n.op == "DequantizeLinear" || is_random(n)) return false;
  if (is(n, "Shape") || is(n, "Size")) return g.at(n.inputs[0]).type.shape.has_value();
  return std::ranges::all_of(n.inputs, [&](value_id in) { return !in || g.at(in).is_constant(); });
}

/// Bytes of the outputs, if they are known and, unless they are weights or those of a Constant, at most 1 MiB more than
/// those of the inputs. An If has a result of unknown size where its branches compute shapes: `inline_branches` opens
/// it up.
inline std::optional<std::size_t> folded_bytes(graph const& g, node const& n) {
  std::size_t in_bytes = 0, out_bytes = 0;
  bool weight = false;
  for (auto const in : n.inputs)
    if (in && g.at(in).is_constant()) in_bytes += g.at(in).constant.bytes();
  for (auto const out : n.outputs) {
    if (!out) continue;
    auto const& type = g.at(out).type;
    if (!type.shape) return std::nullopt;
    out_bytes += dense_bytes(type.element, *type.shape);
    weight = weight || is_weight(g, out);
  }
  bool const held = is(n, "Constant") || weight;
  if (out_bytes > in_bytes + (std::size_t{1} << 20) && !held) return std::nullopt;
  return out_bytes;
}

/// Shape (with start and end) or Size of a tensor of shape `s`.
inline any_tensor shape_value(node const& n, shape const& s) {
  if (n.op == "Size") return any_tensor::scalar(static_cast<std::int64_t>(s.elements()));
  auto const rank = static_cast<std::int64_t>(s.rank());
  auto const clamp = [&](std::int64_t i) { return std::clamp<std::int64_t>(i < 0 ? i + rank : i, 0, rank); };
  auto const first = clamp(attribute_or<std::int64_t>(n, "start", 0));
  auto const last = std::max(first, clamp(attribute_or<std::int64_t>(n, "end", rank)));
  auto const part = s.span().subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  return any_tensor::of<std::int64_t>({last - first}, part);
}

inline std::vector<any_tensor> compute(graph const& g, node const& n) {
  if (is(n, "Shape") || is(n, "Size")) return {shape_value(n, *g.at(n.inputs[0]).type.shape)};
  std::vector<any_tensor> operands;
  for (auto const in : n.inputs) operands.push_back(in ? g.at(in).constant : any_tensor{});
  return evaluate(bind(n), n, operands);
}

}  // namespace detail

/// Infers all types in topological order and, on the way, replaces by constants what does not depend on the graph's
/// inputs: nodes whose inputs are all constants, and Shape and Size of a known shape. Keeps DequantizeLinear, which
/// matching of quantised operators wants to see; random operators; and results that are more than 1 MiB larger than
/// what they are made of, unless they are weights or of a Constant. Charges the rewriter's budget.
inline void fold_constants(rewriter& r) {
  auto& g = r.get();
  for (auto const id : g.topological_order()) {
    infer_types(g, g.at(id));
    if (!r.may_rewrite() || !detail::may_fold(g, g.at(id))) continue;
    auto const bytes = detail::folded_bytes(g, g.at(id));
    if (!bytes) continue;
    r.fold_budget().charge(*bytes);
    auto const results = detail::compute(g, g.at(id));
    auto const outputs = g.at(id).outputs;
    for (std::size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i]) g.make_constant(outputs[i], results[i]);
    g.erase(id);
    r.rewrote();
  }
}

}  // namespace sinter::passes
