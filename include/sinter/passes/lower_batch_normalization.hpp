#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/fold_batch_normalization.hpp>

namespace sinter::passes {

namespace detail {

/// A sinter.Elementwise in place of a BatchNormalization.
inline void normalize_elementwise(graph& g, node_id id, affine const& f) {
  auto const& n = g.at(id);
  auto const x = n.inputs[0], y = n.outputs[0];
  shape extents{static_cast<std::int64_t>(f.scale.size())};
  for (std::size_t axis = 2; axis < g.at(x).type.shape->rank(); ++axis) extents.push_back(1);
  auto const name = g.at(n.inputs[1]).name;
  auto const scale = g.add_constant(name + "_scale", any_tensor::of<float>(extents, f.scale));
  auto const shift = g.add_constant(name + "_shift", any_tensor::of<float>(extents, f.shift));
  for (auto const out : g.at(id).outputs)
    if (out && out != y) g.at(out).producer = {};
  node fused{.domain = "sinter", .op = "Elementwise", .version = 1, .inputs = {x, scale, shift}, .outputs = {y}};
  fused.attributes = {{"function", std::string("fma x0 x1 x2")}};
  replace_node(g, id, std::move(fused));
}

}  // namespace detail

/// Turns BatchNormalization with constant statistics into sinter.Elementwise with a scale and a shift per channel.
inline void lower_batch_normalization(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const f = detail::read_batch_normalization(g, g.at(id));
    if (!f) return;
    detail::normalize_elementwise(g, id, *f);
    r.rewrote();
  });
}

}  // namespace sinter::passes
