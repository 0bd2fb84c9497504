#pragma once

#include <sinter/passes/affine.hpp>

#include <cmath>

namespace sinter::passes {

namespace detail {

/// What a BatchNormalization with constant statistics computes, unless it trains.
inline std::optional<affine> normalization(graph const& g, node const& n) {
  if (attribute_or<std::int64_t>(n, "training_mode", 0) != 0) return std::nullopt;
  for (std::size_t i = 1; i < n.outputs.size(); ++i)
    if (n.outputs[i] && (!g.at(n.outputs[i]).users.empty() || g.is_output(n.outputs[i]))) return std::nullopt;
  auto const *scale = float_input(g, n, 1), *shift = float_input(g, n, 2);
  auto const *mean = float_input(g, n, 3), *variance = float_input(g, n, 4);
  if (!scale || !shift || !mean || !variance) return std::nullopt;
  auto const epsilon = attribute_or(n, "epsilon", 1e-5f);
  affine f;
  for (std::size_t i = 0; i < scale->elements(); ++i) {
    f.scale.push_back(scale->as<float>()[i] / std::sqrt(variance->as<float>()[i] + epsilon));
    f.shift.push_back(shift->as<float>()[i] - mean->as<float>()[i] * f.scale[i]);
  }
  return f;
}

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

/// Removes BatchNormalization with constant statistics: into the weights and bias of the sinter.Conv or sinter.Gemm
/// before it where nobody else reads that result, else as sinter.Elementwise with a scale and a shift per channel.
inline void fold_batch_normalization(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "BatchNormalization")) return;
    auto const& type = g.at(n.inputs[0]).type;
    if (type.element != dtype::float32 || !type.shape || type.shape->rank() < 2) return;
    auto const f = detail::normalization(g, n);
    if (!f || static_cast<std::int64_t>(f->scale.size()) != (*type.shape)[1]) return;
    auto const in = n.inputs[0], out = n.outputs[0];
    auto const before = g.at(in).producer;
    bool const fits = before && used_once(g, in) && accepts_affine(g, g.at(before), true) &&
                      channel_axis(g.at(before), *type.shape) == 1;
    if (fits) {
      apply_affine(r, before, *f);
      g.erase(id);
      take_output(g, before, 0, out);
    } else {
      detail::normalize_elementwise(g, id, *f);
    }
    r.rewrote();
  });
}

}  // namespace sinter::passes
