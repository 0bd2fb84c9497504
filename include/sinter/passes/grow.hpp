#pragma once

#include <sinter/passes/growth_attention.hpp>
#include <sinter/passes/growth_group_query.hpp>
#include <sinter/passes/growth_parts.hpp>
#include <sinter/passes/growth_rules.hpp>
#include <sinter/passes/prepare.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

namespace passes {

inline constexpr std::array growth_rules{
    growth_rule{"", "Concat", detail::append_growing},
    growth_rule{"", "ConstantOfShape", detail::fill_growing},
    growth_rule{"", "CumSum", detail::accumulate_growing},
    growth_rule{"", "Expand", detail::expand_growing},
    growth_rule{"", "Flatten", detail::reshape_growing},
    growth_rule{"", "Gather", detail::gather_growing},
    growth_rule{"", "GatherND", detail::gather_nd_growing},
    growth_rule{"", "Identity", detail::keep_as_it_is},
    growth_rule{"", "LogSoftmax", detail::normalise_growing},
    growth_rule{"", "MatMul", detail::multiply_growing},
    growth_rule{"", "Range", detail::count_growing},
    growth_rule{"", "ReduceSum", detail::sum_growing},
    growth_rule{"", "Reshape", detail::reshape_growing},
    growth_rule{"", "Slice", detail::slice_growing},
    growth_rule{"", "Softmax", detail::normalise_growing},
    growth_rule{"", "Squeeze", detail::keep_as_it_is},
    growth_rule{"", "Transpose", detail::keep_as_it_is},
    growth_rule{"", "Trilu", detail::keep_elementwise},
    growth_rule{"", "Unsqueeze", detail::keep_as_it_is},
    growth_rule{"", "Attention", detail::attention_growing},
    growth_rule{"com.microsoft", "MultiHeadAttention", detail::multi_head_growing},
    growth_rule{"com.microsoft", "GroupQueryAttention", detail::group_query_growing},
    growth_rule{"sinter", "Gemm", detail::multiply_rows},
};

/// Operators besides those with an expression that compute each element from those at its place.
inline bool is_elementwise(node const& n) {
  static constexpr std::array<std::string_view, 21> names{
      "Add",   "And",   "Cast", "Div",         "Equal", "Greater", "GreaterOrEqual",
      "IsInf", "IsNaN", "Less", "LessOrEqual", "Max",   "Min",     "Mod",
      "Mul",   "Neg",   "Not",  "Or",          "Sub",   "Where",   "Xor"};
  return (n.domain.empty() && std::ranges::find(names, n.op) != names.end()) || bind(n).has_expression();
}

namespace detail {

inline void apply_rule(growth& w, node_id id) {
  auto const& n = w.get().at(id);
  auto const rule =
      std::ranges::find_if(growth_rules, [&](growth_rule const& r) { return r.op == n.op && r.domain == n.domain; });
  for (auto const out : n.outputs) {
    if (out && (!w.facts()[out].low.shape || !w.facts()[out].high.shape))
      growth::refuse(n, "the shape of its result is no sum of the length and a constant");
    for (auto const axis : w.facts().growing_axes(out)) w.check_offset(n, out, axis);
  }
  if (rule != growth_rules.end())
    rule->apply(w, id);
  else if (is_elementwise(n))
    keep_elementwise(w, id);
  else
    growth::refuse(n, "there is no rule for the operator");
}

/// Rewrites a node that reads or makes what grows, or numbers that depend on the length.
inline void rewrite_growing(growth& w, node_id id) {
  auto& g = w.get();
  auto& facts = w.facts();
  auto const inputs = g.at(id).inputs, outputs = g.at(id).outputs;
  auto const grows = [&](value_id v) { return facts.grows(v); };
  auto const depends = [&](value_id v) { return facts.grows(v) || facts.is_number(v); };
  if (std::ranges::none_of(inputs, depends) && std::ranges::none_of(outputs, depends)) return;
  auto const is_settled = [&](value_id v) { return !v || (facts[v].known() && !facts.grows(v)); };
  if (std::ranges::all_of(outputs, is_settled)) return;
  if (std::ranges::any_of(inputs, grows) || std::ranges::any_of(outputs, grows)) apply_rule(w, id);
  for (std::size_t slot = 0; slot < g.at(id).inputs.size(); ++slot)
    if (auto const in = g.at(id).inputs[slot]; facts.is_number(in)) g.set_input(id, slot, w.number(in));
}

/// An output that is state is its input with rows written into it; others do not grow.
inline void check_outputs(growth& w) {
  auto& g = w.get();
  for (std::size_t i = 0; i < g.outputs.size(); ++i) {
    auto const out = g.outputs[i].value;
    auto const from = g.at(out).producer;
    auto const pair = std::ranges::find(w.pairs(), i, &growing_pair::output);
    if (pair != w.pairs().end()) {
      auto const in = g.inputs[pair->input].value;
      if (!from || !is_fused(g.at(from), "Append") || g.at(from).inputs[0] != in)
        fail(error_code::unsupported_feature, "state that grows: the output '{}' is not the input '{}' with rows {}",
             g.at(out).name, g.at(in).name, "behind it, as Concat makes it");
    } else if (w.facts().grows(out)) {
      fail(error_code::unsupported_feature, "the output '{}' grows and is no state; name it in options::state",
           g.at(out).name);
    } else if (from && w.facts().is_number(out)) {
      replace_node(g, from, {.op = "Identity", .version = 13, .inputs = {w.number(out)}});
    }
  }
}

}  // namespace detail

}  // namespace passes

/// A graph for state that grows, with a capacity for it in place of a length: inputs and outputs of `pairs` have the
/// capacity as their extent, and a further input, the last one, an int64 without axes, says how long the state is. The
/// types of the inputs of `g` are known, those that grow with the capacity. An output may have the memory of its
/// input; then only rows are written. `added` is what `rows_added` says. Errors: `unsupported_feature`, for the first
/// node that cannot run so.
inline graph grow(graph g, growing_ports ports, std::int64_t added) {
  auto const order = g.topological_order();
  passes::growth w(std::move(g), std::move(ports), added);
  for (auto const id : order) passes::detail::rewrite_growing(w, id);
  passes::detail::check_outputs(w);
  return std::move(w).take();
}

/// How many rows a run adds to state that grows; `g` as `grow` takes it. Where inputs grow that are no state, it is a
/// number that the extents of all inputs allow, and with which the graph grows: they are tried. Errors:
/// `unsupported_feature`.
inline std::int64_t rows_added(graph const& g, growing_ports const& ports) {
  auto const open = std::ranges::find_if(ports.inputs, &growing_input::with_rows);
  if (open == ports.inputs.end()) return passes::growth(g, ports, 0).added();
  std::set<std::int64_t> candidates{1};
  for (auto const& p : g.inputs)
    if (auto const& s = g.at(p.value).type.shape; s && !g.at(p.value).is_constant())
      candidates.insert(s->begin(), s->end());
  candidates.erase(0);
  std::string why;
  bool fits = false;
  for (auto const rows : candidates) {
    try {
      if (passes::growth(g, ports, rows).added() != rows) continue;
      if (!std::exchange(fits, true)) why.clear();
      grow(g, ports, rows);
      return rows;
    } catch (error const& problem) {
      if (why.empty()) why = problem.message();
    }
  }
  fail(error_code::unsupported_feature,
       "state that grows, and input '{}' with it and the rows of a run: no number of rows fits: {}",
       g.at(g.inputs[open->input].value).name, why);
}

}  // namespace sinter
