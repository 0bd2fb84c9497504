#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_transposes.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sinter::passes {

namespace detail {

/// The axis along which `n`, a Slice or a Split, leaves one element in each of its outputs.
inline std::optional<std::int64_t> unstacked_axis(graph const& g, node const& n, std::int64_t rank) {
  std::optional<std::int64_t> axis;
  if (is(n, "Split")) {
    axis = attribute_or<std::int64_t>(n, "axis", 0);
  } else if (is(n, "Slice") && n.inputs.size() > 3) {
    auto const axes = integers(g, n, 3);
    if (axes && axes->size() == 1) axis = axes->front();
  }
  if (!axis) return std::nullopt;
  if (*axis < 0) *axis += rank;
  auto const is_one = [&](value_id out) {
    return !out || (g.at(out).type.shape && (*g.at(out).type.shape)[static_cast<std::size_t>(*axis)] == 1);
  };
  return std::ranges::all_of(n.outputs, is_one) ? axis : std::nullopt;
}

}  // namespace detail

/// Takes a stack apart before a Transpose, if nothing else needs it: parts need none where all other axes keep their
/// order, and elsewhere meet what can read transposed rows. Attention of PyTorch computes queries, keys and values by
/// one product and takes them apart so.
inline void unstack_before_transpose(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const* const moved = producer(g, g.at(id), 0);
    if (!moved || !is(*moved, "Transpose") || !g.at(moved->inputs[0]).type.shape) return;
    auto const stack = moved->outputs[0], source = moved->inputs[0];
    auto const rank = g.at(source).type.shape->rank();
    auto const axis_of = [&](node_id user) {
      return detail::unstacked_axis(g, g.at(user), static_cast<std::int64_t>(rank));
    };
    auto const axis = axis_of(id);
    bool const all = std::ranges::all_of(g.at(stack).users, [&](node_id user) { return axis_of(user) == axis; });
    if (!axis || !all || g.is_output(stack)) return;
    auto const order = detail::permutation(*moved, rank);
    auto const before = order[static_cast<std::size_t>(*axis)];
    g.set_input(id, 0, source);
    if (is(g.at(id), "Split"))
      g.at(id).attributes["axis"] = before;
    else
      g.set_input(id, 3, g.add_constant(g.at(id).name + "_axis", any_tensor::of<std::int64_t>({1}, {before})));
    auto const outputs = g.at(id).outputs;
    for (std::size_t slot = 0; slot < outputs.size(); ++slot) {
      if (!outputs[slot]) continue;
      auto const type = g.at(outputs[slot]).type;
      auto extents = *type.shape;
      for (std::size_t i = 0; i < rank; ++i) extents[static_cast<std::size_t>(order[i])] = (*type.shape)[i];
      auto const part = g.add_value(g.at(outputs[slot]).name + "_part", {type.element, extents});
      take_output(g, id, slot, part);
      node turned{.name = g.at(id).name, .op = "Transpose", .version = 13, .inputs = {part}};
      turned.attributes = {{"perm", order}};
      turned.outputs = {outputs[slot]};
      g.add_node(std::move(turned));
    }
    r.rewrote();
  });
}

}  // namespace sinter::passes
