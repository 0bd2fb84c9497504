#pragma once

#include <sinter/schedules/attention_nodes.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

/// Attention with the products of one tensor that lead to Q, K and V, which a launch before it computes together.
namespace sinter::detail::cuda {

/// Whether a product has constant weights and bias, and the reshape behind it cuts rows of its columns.
inline bool is_projection(graph const& g, head_nodes const& h) {
  if (!h.product) return false;
  auto const constant = [&](std::size_t i) { return g.at(h.product->inputs[i]).is_constant(); };
  if (!constant(1) || (h.product->inputs.size() > 2 && h.product->inputs[2] && !constant(2))) return false;
  if (g.at(h.product->inputs[1]).type.shape->rank() != 2) return false;
  auto const columns = g.at(h.product->outputs[0]).type.shape->back();
  auto const& split = *g.at(h.reshape->outputs[0]).type.shape;
  std::int64_t row = 1;
  for (auto axis = split.rank(); axis-- > 0 && row < columns;) row *= split[axis];
  return row == columns;
}

/// Drops the products that no other one shares its input with.
inline void keep_shared_projections(graph const& g, attention_nodes& a) {
  std::array const operands{&a.query, &a.key, &a.value};
  auto const shared = [&](head_nodes const& h) {
    return is_projection(g, h) && std::ranges::count_if(operands, [&](head_nodes const* other) {
                                    return is_projection(g, *other) &&
                                           other->product->inputs[0] == h.product->inputs[0];
                                  }) > 1;
  };
  std::array<bool, 3> keep{};
  for (std::size_t i = 0; i < 3; ++i) keep[i] = shared(*operands[i]);
  for (std::size_t i = 0; i < 3; ++i)
    if (!keep[i]) operands[i]->product = operands[i]->reshape = nullptr;
}

inline std::vector<node_id> attention_match(graph const& g, node_id last) {
  auto found = find_attention(g, last, false);
  if (!found) return {};
  keep_shared_projections(g, *found);
  return nodes_before(g, *found, last);
}

}  // namespace sinter::detail::cuda
