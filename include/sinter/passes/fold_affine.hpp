#pragma once

#include <sinter/passes/affine.hpp>
#include <sinter/passes/edit.hpp>

namespace sinter::passes {

namespace detail {

/// The affine function that a binary node applies to its operand `slot`, the other one being `c` per channel.
inline std::optional<affine> affine_of(node const& n, std::size_t slot, std::vector<float> c) {
  auto const map = [&](auto f) { std::ranges::transform(c, c.begin(), f); };
  if (is(n, "Add")) return affine{.scale = {}, .shift = std::move(c)};
  if (is(n, "Mul")) return affine{.scale = std::move(c), .shift = {}};
  if (is(n, "Sub") && slot == 0) {
    map([](float v) { return -v; });
    return affine{.scale = {}, .shift = std::move(c)};
  }
  if (is(n, "Sub")) return affine{.scale = std::vector<float>(c.size(), -1.0f), .shift = std::move(c)};
  if (is(n, "Div") && slot == 0) {
    map([](float v) { return 1 / v; });
    return affine{.scale = std::move(c), .shift = {}};
  }
  return std::nullopt;
}

}  // namespace detail

/// Moves the addition, subtraction, multiplication or division of a constant per channel (or one number) into the
/// weights and bias of the sinter.Conv or sinter.Gemm whose result only it reads.
inline void fold_affine(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!n.domain.empty() || n.inputs.size() != 2 || n.outputs.size() != 1) return;
    if (n.op != "Add" && n.op != "Mul" && n.op != "Sub" && n.op != "Div") return;
    for (std::size_t slot = 0; slot < 2; ++slot) {
      auto const in = n.inputs[slot], out = n.outputs[0];
      auto const* c = constant_input(g, n, 1 - slot);
      auto const before = g.at(in).producer;
      if (!c || !before || !used_once(g, in)) continue;
      auto const channels = output_channels(g, g.at(before));
      if (!channels || c->shape().rank() > channels->rank || g.at(in).type.shape != g.at(out).type.shape) continue;
      auto values = per_channel(*c, channels->count, channels->rank - 1 - channels->axis);
      if (!values) continue;
      auto const f = detail::affine_of(n, slot, std::move(*values));
      if (!f || !accepts_affine(g, g.at(before), !f->scale.empty())) continue;
      apply_affine(r, before, *f);
      g.erase(id);
      take_output(g, before, 0, out);
      r.rewrote();
      return;
    }
  });
}

}  // namespace sinter::passes
