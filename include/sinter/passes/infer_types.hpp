#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>

namespace sinter::passes {

/// Sets the types of the outputs of one node from those of its inputs. What a model declares does not count, but for
/// the element types of the graph's outputs, which must be those that the model declares.
inline void infer_types(graph& g, node const& n) {
  auto const found = infer(g, n);
  for (std::size_t i = 0; i < n.outputs.size(); ++i) {
    if (!n.outputs[i]) continue;
    auto& v = g.at(n.outputs[i]);
    if (v.type.element != found[i].element && g.is_output(n.outputs[i]))
      with_context([&] { return describe(n); }, [&] { expect_declared(v, found[i].element); });
    v.type = found[i];
  }
}

/// Sets the types of all values, in topological order.
inline void infer_types(graph& g) {
  for (auto const id : g.topological_order()) infer_types(g, g.at(id));
}

}  // namespace sinter::passes
