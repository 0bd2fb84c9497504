#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>
#include <sinter/passes/match.hpp>

#include <algorithm>
#include <optional>

namespace sinter::passes {

/// The shape of the output of `n` where it does not depend on those of the inputs: Reshape to constant extents, Size.
inline std::optional<shape> fixed_shape(graph const& g, node const& n) {
  if (is(n, "Size")) return shape{};
  if (!is(n, "Reshape")) return std::nullopt;
  auto const extents = integers(g, n, 1, "shape");
  if (!extents || !std::ranges::all_of(*extents, [](std::int64_t extent) { return extent > 0; })) return std::nullopt;
  shape result;
  for (auto const extent : *extents) result.push_back(extent);
  return result;
}

/// Sets the types of the outputs of one node from those of its inputs. What a model declares does not count, but for
/// the element types of the graph's outputs, which must be those that the model declares. The node is left bound.
inline void infer_types(graph& g, node& n) {
  keep_bound(n);
  auto const found = infer(g, n);
  for (std::size_t i = 0; i < n.outputs.size(); ++i) {
    if (!n.outputs[i]) continue;
    auto& v = g.at(n.outputs[i]);
    if (v.type.element != found[i].element && g.is_output(n.outputs[i]))
      with_context([&] { return describe(n); }, [&] { expect_declared(v, found[i].element); });
    v.type = found[i];
  }
  if (n.outputs.size() == 1 && n.outputs[0] && !g.at(n.outputs[0]).type.shape)
    g.at(n.outputs[0]).type.shape = fixed_shape(g, n);
}

/// Sets the types of all values, in topological order.
inline void infer_types(graph& g) {
  for (auto const id : g.topological_order()) infer_types(g, g.at(id));
}

}  // namespace sinter::passes
