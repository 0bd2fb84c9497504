#pragma once

#include <sinter/passes/affine.hpp>
#include <sinter/passes/edit.hpp>

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
  auto const s = scale->as<float>(), b = shift->as<float>(), m = mean->as<float>(), v = variance->as<float>();
  affine f;
  if (b.size() != s.size() || m.size() != s.size() || v.size() != s.size()) return std::nullopt;
  f.scale.reserve(s.size());
  f.shift.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    f.scale.push_back(s[i] / std::sqrt(v[i] + epsilon));
    f.shift.push_back(b[i] - m[i] * f.scale[i]);
  }
  return f;
}

/// `normalization` of `n`, if `n` is a float32 BatchNormalization of as many channels.
inline std::optional<affine> read_batch_normalization(graph const& g, node const& n) {
  if (!is(n, "BatchNormalization")) return std::nullopt;
  auto const& type = g.at(n.inputs[0]).type;
  if (type.element != dtype::float32 || !type.shape || type.shape->rank() < 2) return std::nullopt;
  auto f = normalization(g, n);
  if (f && static_cast<std::int64_t>(f->scale.size()) != (*type.shape)[1]) return std::nullopt;
  return f;
}

}  // namespace detail

/// Moves BatchNormalization with constant statistics into the weights and bias of the sinter.Conv or sinter.Gemm before
/// it, whose result nobody else reads.
inline void fold_batch_normalization(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "BatchNormalization")) return;
    auto const in = n.inputs[0], out = n.outputs[0];
    auto const before = g.at(in).producer;
    if (!before || !used_once(g, in) || !accepts_affine(g, g.at(before), true)) return;
    auto const channels = output_channels(g, g.at(before));
    if (!channels || channels->axis != 1) return;
    auto const f = detail::normalization(g, n);
    if (!f || static_cast<std::int64_t>(f->scale.size()) != channels->count) return;
    apply_affine(r, before, *f);
    g.erase(id);
    take_output(g, before, 0, out);
    r.rewrote();
  });
}

}  // namespace sinter::passes
