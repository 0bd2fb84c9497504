#pragma once

#include <sinter/schedules/attention_code.hpp>
#include <sinter/schedules/attention_plan.hpp>
#include <sinter/schedules/cost.hpp>

#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

/// Attention, written out in products and a softmax, of which this is a group, or the operator Attention.
namespace sinter {

namespace detail {

inline double attention_cost(device_attention const& a, scheduled_node const& n) {
  auto const pairs = static_cast<double>(a.batch * a.heads * a.queries) * static_cast<double>(a.keys);
  return multiply_add_cost(pairs * static_cast<double>(a.d + a.e)) + traffic_cost(n);
}

/// Whether tiles compute the products: they fill most of one, and so do the elements of keys and values.
inline bool suits_tiles(device_attention const& a, target const& t) {
  return multiplies_tiles(t) && a.queries > tile_rows / 2 && a.d % channel_block == 0 && a.e % channel_block == 0;
}

/// The ways to compute an attention that asks for `layouts`; `build(n, rounds)` makes the code.
template <typename Build>
std::vector<candidate> attention_candidates(attention_plan const& p, scheduled_node const& last,
                                            layout_choice const& layouts, target const& t, Build const& build) {
  auto const with = [&](bool rounds) { return [=](scheduled_node const& at) { return build(at, rounds); }; };
  std::vector<candidate> all;
  all.push_back({.layouts = layouts, .cost = attention_cost(p.what, last), .build = with(false)});
  if (!suits_tiles(p.what, t)) return all;
  auto rounded = all[0];
  rounded.cost = tile_product_cost(attention_cost(p.what, last), p.what.queries);
  rounded.precision = precision::bfloat16;
  rounded.build = with(true);
  all.push_back(std::move(rounded));
  return all;
}

/// All but the products that lead to Q, K and V.
inline attention_nodes without_projections(attention_nodes a) {
  for (auto* h : {&a.query, &a.key, &a.value})
    if (h->product) h->product = h->reshape = nullptr;
  return a;
}

inline std::vector<node_id> attention_match(graph const& g, node_id last) {
  auto const found = find_attention(g, last, true);
  return found ? nodes_before(g, without_projections(*found), last) : std::vector<node_id>{};
}

inline std::vector<candidate> attention_group_offer(scheduled_node const& n, target const& t) {
  auto const g = attention_group_of(n);
  auto const p = g ? describe_attention(*g) : std::nullopt;
  auto const rows_are_dense = [](device_sizes const& strides) { return strides[3] <= 1; };
  if (!p || !rows_are_dense(p->result)) return {};
  auto const build = [t](scheduled_node const& at, bool rounds) {
    auto const group = *attention_group_of(at);
    fragment code;
    std::vector<address> places;
    for (auto const* h : group.nodes.operands()) {
      places.push_back(attention_operand(group.at(h->reader), h->slot, code));
      if (auto const part = taken_part(group, *h)) places.back().offset += part->first * 4;
    }
    if (auto const* const reader = group.nodes.mask_reader)
      places.push_back(attention_operand(group.at(reader), group.nodes.mask_slot, code));
    return attention_code(*describe_attention(group), rounds, std::move(places), std::move(code), t).build();
  };
  return attention_candidates(
      *p, g->at(g->nodes.mix),
      {.inputs = std::vector(n.first_input + n.inputs.size(), layout::row_major), .outputs = {layout::row_major}}, t,
      build);
}

/// Whether there is code for a plan: all keys at hand, and those that a query sees are all or, as many as there are
/// queries, those up to its own.
inline bool has_attention_code(scheduled_node const& n, attention_plan const& p) {
  auto const& a = p.what;
  bool const seen = !a.lowest && (!a.highest || (*a.highest == 0 && a.queries == a.keys));
  return seen && a.softcap == 0 && a.mask_element == dtype::float32 && !has_cache(n);
}

inline std::vector<candidate> attention_offer(scheduled_node const& n, target const& t) {
  auto const p = describe_attention(n);
  if (!p || !has_attention_code(n, *p)) return {};
  auto const build = [t](scheduled_node const& at, bool rounds) {
    fragment code;
    std::vector<address> places;
    for (std::size_t i = 0; i < at.inputs.size(); ++i)
      if (at.inputs[i].present()) places.push_back(attention_operand(at, i, code));
    return attention_code(*describe_attention(at), rounds, std::move(places), std::move(code), t).build();
  };
  return attention_candidates(*p, n,
                              {.inputs = std::vector(n.inputs.size(), layout::row_major),
                               .outputs = std::vector(n.outputs.size(), layout::row_major)},
                              t, build);
}

}  // namespace detail

inline constexpr schedule attention_schedule{.name = "attention", .offer = detail::attention_offer};

inline constexpr schedule attention_group_schedule{
    .name = "attention", .offer = detail::attention_group_offer, .match = detail::attention_match};

}  // namespace sinter
