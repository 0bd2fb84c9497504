#pragma once

#include <sinter/graph/graph.hpp>

#include <algorithm>
#include <array>
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

/// Whether code for the shapes at hand saves more than making it costs: some node does far more work than to touch its
/// elements.
inline bool worth_compiling(graph const& g, std::span<node_id const> nodes) {
  static constexpr std::array<std::string_view, 9> contractions{"Attention", "Conv", "ConvTranspose", "Einsum", "GRU",
                                                                "Gemm",      "LSTM", "MatMul",        "RNN"};
  return std::ranges::any_of(
      nodes, [&](node_id id) { return std::ranges::find(contractions, g.at(id).op) != contractions.end(); });
}

}  // namespace sinter::detail
