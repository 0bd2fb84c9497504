#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_transposes.hpp>
#include <sinter/passes/merge_reshapes.hpp>

#include <optional>
#include <vector>

namespace sinter::passes {

namespace detail {

/// Which axes of `from` each axis of `to` joins, in order; none where `to` takes an axis apart. Axes of one element go
/// with those before them.
inline std::optional<std::vector<std::vector<std::int64_t>>> joined_axes(shape const& from, shape const& to) {
  std::vector<std::vector<std::int64_t>> joined;
  std::size_t next = 0;
  for (std::size_t axis = 0; axis < to.rank(); ++axis) {
    auto& group = joined.emplace_back();
    std::int64_t extent = 1;
    auto const take = [&] {
      extent *= from[next];
      group.push_back(static_cast<std::int64_t>(next++));
    };
    while (next < from.rank() && (group.empty() || extent < to[axis])) take();
    while (next < from.rank() && from[next] == 1 && (axis + 1 == to.rank() || to[axis + 1] != 1)) take();
    if (extent != to[axis]) return std::nullopt;
  }
  return next == from.rank() ? std::optional(joined) : std::nullopt;
}

/// The order of the axes of `from` that equals a Reshape to `joined`, a Transpose by `order` and a Reshape to `to`.
inline std::optional<std::vector<std::int64_t>> order_between(shape const& from, shape const& joined,
                                                              std::vector<std::int64_t> const& order, shape const& to) {
  auto const groups = joined_axes(from, joined);
  if (!groups || from.rank() != to.rank() || from.elements() == 0) return std::nullopt;
  std::vector<std::int64_t> axes;
  for (auto const axis : order) {
    auto const& group = (*groups)[static_cast<std::size_t>(axis)];
    axes.insert(axes.end(), group.begin(), group.end());
  }
  for (std::size_t i = 0; i < axes.size(); ++i)
    if (from[static_cast<std::size_t>(axes[i])] != to[i]) return std::nullopt;
  return axes;
}

}  // namespace detail

/// Turns a Reshape that joins axes, a Transpose and a Reshape that takes the axes apart again into one Transpose, as
/// PyTorch writes the transposed keys of an attention: [N, heads, rows, n] as [N·heads, rows, n].
inline void transpose_between_reshapes(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (!detail::is_reshape(g, g.at(id)) || !used_once(g, g.at(id).inputs[0])) return;
    auto const* const moved = producer(g, g.at(id), 0);
    auto const* const joining = moved && is(*moved, "Transpose") ? producer(g, *moved, 0) : nullptr;
    if (!joining || !detail::is_reshape(g, *joining)) return;
    auto const source = joining->inputs[0];
    auto const& joined = *g.at(joining->outputs[0]).type.shape;
    auto const order =
        detail::order_between(*g.at(source).type.shape, joined, detail::permutation(*moved, joined.rank()),
                              *g.at(g.at(id).outputs[0]).type.shape);
    if (!order) return;
    node made{.op = "Transpose", .version = 13, .inputs = {source}};
    made.attributes = {{"perm", *order}};
    replace_node(g, id, std::move(made));
    r.rewrote();
  });
}

}  // namespace sinter::passes
