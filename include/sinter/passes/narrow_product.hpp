#pragma once

#include <sinter/passes/edit.hpp>
#include <sinter/passes/match.hpp>

#include <algorithm>

namespace sinter::passes {

namespace detail {

/// Columns that are chosen, and where among them each index finds its own.
struct chosen_columns {
  std::vector<std::int64_t> columns{};
  std::vector<std::int64_t> places{};
};

/// None where an index lies outside of `extent` columns.
inline std::optional<chosen_columns> choose_columns(std::vector<std::int64_t> indices, std::int64_t extent) {
  chosen_columns chosen{.columns = {}, .places = std::move(indices)};
  for (auto& index : chosen.places) {
    if (index < -extent || index >= extent) return std::nullopt;
    if (index < 0) index += extent;
  }
  chosen.columns = chosen.places;
  std::ranges::sort(chosen.columns);
  chosen.columns.erase(std::unique(chosen.columns.begin(), chosen.columns.end()), chosen.columns.end());
  for (auto& index : chosen.places) index = std::ranges::lower_bound(chosen.columns, index) - chosen.columns.begin();
  return chosen;
}

/// These columns of a stack of matrices.
inline any_tensor columns_of(any_tensor const& matrices, std::span<std::int64_t const> columns) {
  auto extents = matrices.shape();
  auto const width = static_cast<std::size_t>(extents.back());
  auto const rows = extents.elements(0, extents.rank() - 1);
  extents[extents.rank() - 1] = static_cast<std::int64_t>(columns.size());
  any_tensor part(dtype::float32, extents);
  auto const from = matrices.as<float>();
  auto* to = static_cast<float*>(part.data());
  for (std::size_t row = 0; row < rows; ++row)
    for (auto const column : columns) *to++ = from[row * width + static_cast<std::size_t>(column)];
  return part;
}

/// The product that computes input 0 of `n` and nothing else, if its second matrices are constant and nothing is added.
inline node_id constant_product(graph const& g, node const& n) {
  auto const* const product = producer(g, n, 0);
  bool const fits = product && used_once(g, n.inputs[0]) && is_fused(*product, "Gemm") &&
                    attribute_or<std::int64_t>(*product, "trans_b", 0) == 0 &&
                    !product->attributes.contains("epilogue") && float_input(g, *product, 1);
  if (!fits) return {};
  bool const adds = std::any_of(product->inputs.begin() + 2, product->inputs.end(),
                                [](value_id in) { return static_cast<bool>(in); });
  return adds ? node_id{} : g.at(n.inputs[0]).producer;
}

}  // namespace detail

/// A product with constant matrices of which GatherElements takes few columns computes no others. So DeBERTa looks up
/// distances between words among all that its embedding has.
inline void narrow_product(rewriter& r) {
  for_each_node(r, [&](graph& g, node_id id) {
    auto const& n = g.at(id);
    if (!is(n, "GatherElements") || !g.at(n.inputs[0]).type.shape) return;
    auto const product = detail::constant_product(g, n);
    auto const indices = integers(g, n, 1);
    auto const wide = g.at(n.inputs[0]).type;
    auto const axis = attribute_or<std::int64_t>(n, "axis", 0);
    if (!product || !indices || (axis != -1 && axis + 1 != static_cast<std::int64_t>(wide.shape->rank()))) return;
    auto const chosen = detail::choose_columns(*indices, wide.shape->back());
    if (!chosen || chosen->columns.empty() ||
        2 * static_cast<std::int64_t>(chosen->columns.size()) > wide.shape->back())
      return;
    auto const matrices = g.at(product).inputs[1], x = n.inputs[0], old = n.inputs[1];
    auto part = detail::columns_of(g.at(matrices).constant, chosen->columns);
    r.fold_budget().charge(part.bytes());
    auto narrow = *wide.shape;
    narrow[narrow.rank() - 1] = static_cast<std::int64_t>(chosen->columns.size());
    g.set_input(product, 1, g.add_constant(g.at(matrices).name + "_chosen", std::move(part)));
    g.at(x).type.shape = narrow;
    auto places = any_tensor::of<std::int64_t>(g.at(old).constant.shape(), chosen->places);
    g.set_input(id, 1, g.add_constant(g.at(old).name + "_places", std::move(places)));
    r.rewrote();
  });
}

}  // namespace sinter::passes
