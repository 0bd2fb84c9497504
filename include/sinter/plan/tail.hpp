#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter::detail {

/// Nodes whose operands have sizes that depend on data, in topological order, until a planned node reads a result.
class tail {
 public:
  explicit tail(graph const& g) : g_(g) {}

  /// Whether the shape of an operand of `n` is not known before the model runs.
  bool takes(node const& n) const {
    return std::ranges::any_of(n.inputs, [&](value_id in) { return in && !g_.at(in).type.shape; });
  }
  void add(node_id id) {
    nodes_.push_back(id);
    for (auto const out : g_.at(id).outputs)
      if (out) made_.insert(out);
  }
  /// Whether `n` reads what the tail computes.
  bool feeds(node const& n) const {
    return std::ranges::any_of(n.inputs, [&](value_id in) { return in && made_.contains(in); });
  }
  std::vector<node_id> take() {
    made_.clear();
    return std::exchange(nodes_, {});
  }

 private:
  graph const& g_;
  std::vector<node_id> nodes_{};
  std::set<value_id> made_{};
};

/// Whether code for the shapes at hand saves more than making it costs: some node, or one in its subgraphs, does far
/// more work than to touch its elements.
inline bool worth_compiling(graph const& g, std::span<node_id const> nodes) {
  static constexpr std::array<std::string_view, 9> contractions{"Attention", "Conv", "ConvTranspose", "Einsum", "GRU",
                                                                "Gemm",      "LSTM", "MatMul",        "RNN"};
  auto const in_subgraph = [](auto const& attribute) {
    auto const* const body = std::get_if<std::shared_ptr<graph const>>(&attribute.second);
    return body && worth_compiling(**body, (*body)->topological_order());
  };
  return std::ranges::any_of(nodes, [&](node_id id) {
    return std::ranges::find(contractions, g.at(id).op) != contractions.end() ||
           std::ranges::any_of(g.at(id).attributes, in_subgraph);
  });
}

/// Whether the subgraphs of a node are compiled, not evaluated: that pays, and whenever they run, all that they take
/// has one shape.
inline bool compiles_subgraphs(graph const& g, node_id id, bound_operator const& op) {
  if (!op.entry->carried) return false;
  auto const& n = g.at(id);
  auto const is_fixed = [&](value_id v) { return !v || (g.at(v).type.shape && is_plain(g.at(v).type.element)); };
  auto const carried = std::span(n.outputs).first(std::min(op.entry->carried(op.attributes.get()), n.outputs.size()));
  return std::ranges::all_of(n.inputs, is_fixed) && std::ranges::all_of(carried, is_fixed) &&
         worth_compiling(g, std::array{id});
}

}  // namespace sinter::detail
