#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/merge_reshapes.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace sinter::passes {

namespace detail {

/// A shape, and the order of its axes that gives another one.
struct ordered_shape {
  shape from{};
  std::vector<std::int64_t> order{};
};

/// The shape with all axes of `x` that have several elements, behind as many of one element as `to` has, whose
/// Transpose is `to`; none where a Transpose of `x` by `order` differs from `to` in more than axes of one element.
inline std::optional<ordered_shape> order_with_unit_axes(shape const& x, std::vector<std::int64_t> const& order,
                                                         shape const& to) {
  auto const units = std::ranges::count(to, 1);
  ordered_shape made;
  for (std::int64_t i = 0; i < units; ++i) made.from.push_back(1);
  std::vector<std::int64_t> places(x.rank());
  for (std::size_t axis = 0; axis < x.rank(); ++axis) {
    if (x[axis] == 1) continue;
    places[axis] = static_cast<std::int64_t>(made.from.rank());
    made.from.push_back(x[axis]);
  }
  std::size_t next = 0;
  std::int64_t unit = 0;
  for (auto const extent : to) {
    while (next < order.size() && x[static_cast<std::size_t>(order[next])] == 1) ++next;
    if (extent == 1) {
      made.order.push_back(unit++);
    } else {
      if (next == order.size() || x[static_cast<std::size_t>(order[next])] != extent) return std::nullopt;
      made.order.push_back(places[static_cast<std::size_t>(order[next++])]);
    }
  }
  return made.from.rank() == to.rank() ? std::optional(made) : std::nullopt;
}

}  // namespace detail

/// Lets a Reshape that only adds or drops axes of one element come before the Transpose that it follows: there it meets
/// other Reshapes, and the Transpose meets what can read transposed rows, as attention does.
inline void reshape_before_transpose(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    if (!detail::is_reshape(g, g.at(id)) || !used_once(g, g.at(id).inputs[0])) return;
    auto const* const moved = producer(g, g.at(id), 0);
    if (!moved || !is(*moved, "Transpose") || !g.at(moved->inputs[0]).type.shape) return;
    auto const source = moved->inputs[0];
    auto const extents = *g.at(source).type.shape;
    auto const to = *g.at(g.at(id).outputs[0]).type.shape;
    if (extents.elements() == 0) return;
    auto const made = detail::order_with_unit_axes(extents, detail::permutation(*moved, extents.rank()), to);
    if (!made) return;
    auto before = detail::reshape_node(g, source, made->from);
    auto const seen = g.add_value(g.at(source).name + "_seen", {g.at(source).type.element, made->from});
    before.outputs = {seen};
    g.add_node(std::move(before));
    node after{.op = "Transpose", .version = 13, .inputs = {seen}};
    after.attributes = {{"perm", made->order}};
    replace_node(g, id, std::move(after));
    r.rewrote();
  });
}

}  // namespace sinter::passes
