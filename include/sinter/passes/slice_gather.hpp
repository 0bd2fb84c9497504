#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/eliminate_transposes.hpp>

namespace sinter::passes {

namespace detail {

/// The first of the constant indices of a Gather when each is one more than that before it and all lie within the axis;
/// none otherwise.
inline std::optional<std::int64_t> first_of_run(graph const& g, node const& n, std::int64_t extent) {
  auto const indices = integers(g, n, 1);
  if (!indices || indices->empty()) return std::nullopt;
  auto const first = indices->front() + (indices->front() < 0 ? extent : 0);
  if (first < 0 || static_cast<std::int64_t>(indices->size()) > extent - first) return std::nullopt;
  for (std::size_t i = 0; i < indices->size(); ++i) {
    auto const index = (*indices)[i];
    if (index + (index < 0 ? extent : 0) != first + static_cast<std::int64_t>(i)) return std::nullopt;
  }
  return first;
}

}  // namespace detail

/// Turns a float32 Gather of neighbouring constant indices into a Slice; where the indices are no vector, a Reshape
/// follows.
inline void slice_gather(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "Gather") || !g.at(n.inputs[0]).type.shape || g.at(n.inputs[0]).type.element != dtype::float32) return;
    auto sliced = *g.at(n.inputs[0]).type.shape;
    auto const rank = static_cast<std::int64_t>(sliced.rank());
    auto axis = attribute_or<std::int64_t>(n, "axis", 0);
    if (axis < 0) axis += rank;
    if (axis < 0 || axis >= rank) return;
    auto& extent = sliced[static_cast<std::size_t>(axis)];
    auto const first = detail::first_of_run(g, n, extent);
    if (!first) return;
    auto const& indices = g.at(n.inputs[1]).constant;
    extent = static_cast<std::int64_t>(indices.elements());
    auto const constant = [&](std::string_view what, std::int64_t v) {
      return g.add_constant(n.name + std::string(what), any_tensor::of<std::int64_t>({1}, {v}));
    };
    node cut{.name = n.name + "_slice", .op = "Slice", .version = 13};
    cut.inputs = {n.inputs[0], constant("_start", *first), constant("_end", *first + extent), constant("_axis", axis)};
    if (indices.shape().rank() == 1) {
      replace_node(g, id, std::move(cut));
    } else {
      auto const gathered = *g.at(n.outputs[0]).type.shape;
      cut.outputs = {g.add_value(g.at(n.outputs[0]).name + "_sliced", {dtype::float32, sliced})};
      auto const part = cut.outputs[0];
      g.add_node(std::move(cut));
      replace_node(g, id, detail::reshape_node(g, part, gathered));
    }
    r.rewrote();
  });
}

}  // namespace sinter::passes
