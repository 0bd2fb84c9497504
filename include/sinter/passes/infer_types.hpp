#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>

namespace sinter::passes {

/// Sets the types of the outputs of one node from those of its inputs. What a model declares does not count.
inline void infer_types(graph& g, node const& n) {
  auto const found = infer(g, n);
  for (std::size_t i = 0; i < n.outputs.size(); ++i) {
    if (!n.outputs[i]) continue;
    auto& type = g.at(n.outputs[i]).type;
    auto const declared = type.element;
    type = i < found.size() ? found[i] : tensor_type{};
    if (type.element == dtype::undefined) type.element = declared;
  }
}

/// Sets the types of all values, in topological order.
inline void infer_types(graph& g) {
  for (auto const id : g.topological_order()) infer_types(g, g.at(id));
}

}  // namespace sinter::passes
