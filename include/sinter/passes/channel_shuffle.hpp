#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

namespace sinter::passes {

namespace detail {

/// Whether a Transpose of a tensor of shape `s` exchanges axes 1 and 2 only.
inline bool exchanges_channels(node const& n, shape const& s) {
  auto const order = attribute_or(n, "perm", std::vector<std::int64_t>{});
  if (order.size() != s.rank() || s.rank() < 3) return false;
  for (std::size_t i = 0; i < order.size(); ++i)
    if (order[i] != (i == 1 ? 2 : i == 2 ? 1 : static_cast<std::int64_t>(i))) return false;
  return true;
}

/// Whether `split` is `whole` with its axis 1 split in two.
inline bool splits_channels(shape const& whole, shape const& split) {
  if (split.rank() != whole.rank() + 1 || whole.rank() < 2) return false;
  return split[0] == whole[0] && split[1] * split[2] == whole[1] &&
         std::ranges::equal(split.span().subspan(3), whole.span().subspan(2));
}

}  // namespace detail

/// Turns Reshape [N,C,…] to [N,g,C/g,…], Transpose of axes 1 and 2, Reshape back into sinter.ChannelShuffle.
inline void channel_shuffle(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& last = g.at(id);
    if (!is(last, "Reshape")) return;
    auto const* swap = producer(g, last, 0);
    if (!swap || !is(*swap, "Transpose")) return;
    auto const* first = producer(g, *swap, 0);
    if (!first || !is(*first, "Reshape") || !used_once(g, last.inputs[0]) || !used_once(g, swap->inputs[0])) return;
    auto const &whole = g.at(first->inputs[0]).type.shape, &split = g.at(swap->inputs[0]).type.shape;
    if (!whole || !split || g.at(last.outputs[0]).type.shape != whole) return;
    if (!detail::splits_channels(*whole, *split) || !detail::exchanges_channels(*swap, *split)) return;
    node shuffle{.domain = "sinter", .op = "ChannelShuffle", .version = 1, .inputs = {first->inputs[0]}};
    shuffle.attributes = {{"groups", (*split)[1]}};
    auto const swap_id = g.at(last.inputs[0]).producer, first_id = g.at(swap->inputs[0]).producer;
    replace_node(g, id, std::move(shuffle));
    g.erase(swap_id);
    g.erase(first_id);
    r.rewrote();
  });
}

}  // namespace sinter::passes
