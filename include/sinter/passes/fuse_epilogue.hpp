#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/pointwise.hpp>

namespace sinter::passes {

namespace detail {

inline constexpr std::size_t epilogue_lines = 48;
inline constexpr std::size_t epilogue_extras = 4;

inline bool takes_epilogue(node const& n) {
  return is_fused(n, "Conv") || is_fused(n, "Gemm") || is_fused(n, "IntegerGemm");
}

/// What the cluster's nodes read that an anchor produces for them alone; of several, the one that is computed last.
inline value_id find_anchored(graph const& g, pointwise_cluster const& c, std::vector<std::int32_t> const& position) {
  auto const inside = [&](node_id id) { return std::ranges::find(c.nodes, id) != c.nodes.end(); };
  auto const& extents = g.at(g.at(c.nodes[0]).outputs[0]).type.shape;
  value_id best;
  std::int32_t latest = -1;
  for (auto const id : c.nodes)
    for (auto const in : g.at(id).inputs) {
      if (!in || !g.at(in).producer || !takes_epilogue(g.at(g.at(in).producer))) continue;
      auto const& v = g.at(in);
      auto const at = position[static_cast<std::size_t>(v.producer.index)];
      if (at <= latest || v.type.shape != extents || !std::ranges::all_of(v.users, inside) || g.is_output(in)) continue;
      latest = at;
      best = in;
    }
  return best;
}

/// Whether an epilogue of `anchor` can read `extra`: it has the output's shape, or is a constant along the channels;
/// what is quantised when it runs has a scale that is computed, one or one for each column.
inline bool fits_extra(value const& extra, node const& anchor, shape const& out) {
  if (extra.type.shape == out) return true;
  auto const channel_axis = is_fused(anchor, "Conv") ? std::size_t{1} : out.rank() - 1;
  if (extra.type.shape && !is_fused(anchor, "Gemm")) {
    auto const& s = *extra.type.shape;
    if (s.elements() == 1 ? s.rank() <= out.rank() : is_fused(anchor, "IntegerGemm") && s == shape{out.back()})
      return true;
  }
  return extra.is_constant() && per_channel(extra.constant, out[channel_axis], out.rank() - 1 - channel_axis);
}

/// The epilogue of `anchor` followed by the cluster's function. `extras` are those of the anchor and are appended to.
inline expr::function extend_epilogue(node const& anchor, pointwise_cluster const& c, std::size_t slot,
                                      std::vector<value_id>& extras) {
  std::vector<expr::value> own{expr::input(0)};
  for (std::size_t i = 0; i < extras.size(); ++i) own.push_back(expr::input(i + 1));
  auto const text = attribute_or<std::string>(anchor, "epilogue", {});
  auto const before = text.empty() ? own[0] : expr::substitute(expr::parse(text, own.size()), own);
  std::vector<expr::value> operands;
  for (std::size_t i = 0; i < c.inputs.size(); ++i) {
    if (i == slot) {
      operands.push_back(before);
      continue;
    }
    auto const found = std::ranges::find(extras, c.inputs[i]);
    operands.push_back(expr::input(static_cast<std::size_t>(found - extras.begin()) + 1));
    if (found == extras.end()) extras.push_back(c.inputs[i]);
  }
  return expr::flatten(expr::substitute(c.function, operands), extras.size() + 1);
}

/// Moves the cluster into the epilogue of the anchor that produces its input `anchored`; what else it reads are extras.
/// Returns the anchor, or none where the epilogue would get too long.
inline node_id move_into_epilogue(graph& g, pointwise_cluster const& c, value_id anchored) {
  auto const slot = static_cast<std::size_t>(std::ranges::find(c.inputs, anchored) - c.inputs.begin());
  SINTER_ASSERT(slot < c.inputs.size());
  auto const root = g.at(c.nodes[0]).outputs[0];
  auto const id = g.at(anchored).producer;
  auto const& anchor = g.at(id);
  auto inputs = anchor.inputs;
  inputs.resize(std::max<std::size_t>(inputs.size(), 3));
  std::vector<value_id> extras(inputs.begin() + 3, inputs.end());
  auto const epilogue = extend_epilogue(anchor, c, slot, extras);
  if (epilogue.lines.size() > epilogue_lines || extras.size() > epilogue_extras) return {};
  inputs.resize(3);
  inputs.insert(inputs.end(), extras.begin(), extras.end());
  for (auto const node : c.nodes) g.erase(node);
  set_inputs(g, id, std::move(inputs));
  g.at(id).attributes["epilogue"] = expr::print(epilogue);
  take_output(g, id, 0, root);
  return id;
}

/// Moves the cluster into the epilogue of an anchor among its inputs. Returns the anchor, if there was one.
inline node_id fuse_into_anchor(graph& g, pointwise_cluster& c, std::vector<std::int32_t> const& position) {
  auto const anchored = find_anchored(g, c, position);
  if (!anchored) return {};
  express_cluster(g, c);
  auto const& anchor = g.at(g.at(anchored).producer);
  auto const& extents = *g.at(g.at(c.nodes[0]).outputs[0]).type.shape;
  for (auto const in : c.inputs)
    if (in != anchored && !fits_extra(g.at(in), anchor, extents)) return {};
  return move_into_epilogue(g, c, anchored);
}

}  // namespace detail

/// Moves pointwise nodes into the epilogue of the sinter.Conv, sinter.Gemm or sinter.IntegerGemm that they follow:
/// activations, whole diamonds such as x*sigmoid(x), the addition of a residual, constants along the channels. Of two
/// anchors that meet in an addition, the later one takes it, and the other's result becomes an extra.
inline void fuse_epilogue(rewriter& r) {
  auto& g = r.get();
  auto const order = g.topological_order();
  std::vector<std::int32_t> position(g.node_capacity(), -1);
  for (std::size_t i = 0; i < order.size(); ++i)
    position[static_cast<std::size_t>(order[i].index)] = static_cast<std::int32_t>(i);
  for (auto const root : order) {
    if (!r.may_rewrite()) return;
    if (g.at(root).erased || !is_pointwise(g, g.at(root))) continue;
    auto const here = position[static_cast<std::size_t>(root.index)];
    for (std::size_t const most : {std::size_t{16}, std::size_t{1}}) {
      auto cluster = grow_cluster(g, root, most);
      if (most != 1 && cluster.nodes.size() == 1) continue;
      auto const anchor = detail::fuse_into_anchor(g, cluster, position);
      if (!anchor) continue;
      position[static_cast<std::size_t>(anchor.index)] = here;
      r.rewrote();
      break;
    }
  }
}

}  // namespace sinter::passes
