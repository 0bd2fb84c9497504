#pragma once

#include <sinter/schedules/attention_plan.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/attention_projections.hpp>
#include <sinter/schedules/cuda/joined_products.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

/// Attention written out in products and a softmax: a group of nodes that becomes one launch of the form `attention`.
/// Where Q, K and V are products of one tensor, a launch before it computes these together.
namespace sinter::detail::cuda {

inline joined_products projections_of(attention_group const& g) {
  joined_products p;
  for (auto const* h : g.nodes.operands())
    if (h->product) p.add(g.at(h->product));
  return p;
}

/// None: the form does not compute it.
inline std::optional<attention_plan> with_form(std::optional<attention_plan> p) {
  return p && !p->guarded && has_attention_form(p->what) ? p : std::nullopt;
}
inline std::optional<attention_plan> plan_attention(attention_group const& g) {
  return with_form(describe_attention(g, projections_of(g).columns()));
}

inline void add_attention(fragment& f, attention_plan const& p, dtype result, std::vector<address> places) {
  device_epilogue e;
  e.arguments.push_back({result, true, 0, p.result});
  places.push_back(output_of());
  f.add(attention_call(p.what, std::move(e)), std::move(places));
}

/// The same attention in a precision, as far as its form goes; `heads` says what Q, K and V may be.
inline attention_plan in_precision(attention_plan p, precision how, dtype heads) {
  auto rounded = p.what;
  rounded.precision = how;
  for (auto const element : {heads == dtype::undefined ? dtype::float32 : heads, dtype::float32}) {
    rounded.element = element;
    if (!has_attention_form(rounded)) continue;
    p.what = rounded;
    break;
  }
  return p;
}

/// The attention of a group in a precision: Q, K and V have 16 bits where one of them is stored so, or is a product.
inline attention_plan plan_in_precision(attention_group const& g, attention_plan const& p, precision how) {
  auto heads = dtype::undefined;
  for (auto const* h : g.nodes.operands()) {
    auto const& o = g.at(h->reader).inputs[h->slot];
    if (h->product || o.how.stored == stored_element(how)) heads = stored_element(how);
  }
  return in_precision(p, how, heads);
}

inline fragment build_attention_group(scheduled_node const& n, precision how) {
  auto const g = *attention_group_of(n);
  auto const p = plan_in_precision(g, *plan_attention(g), how);
  auto const products = projections_of(g);
  fragment f;
  auto joined = products.empty() ? address{} : products.build(f, how, p.what.element);
  std::vector<address> places;
  for (auto const* h : g.nodes.operands()) {
    places.push_back(h->product ? joined : input_of(g.at(h->reader), h->slot));
    auto const bytes = static_cast<std::int64_t>(size_of(p.what.element));
    if (h->product) joined.offset += g.at(h->product).outputs[0].shape().back() * bytes;
  }
  if (g.nodes.mask_reader) places.push_back(input_of(g.at(g.nodes.mask_reader), g.nodes.mask_slot));
  add_attention(f, p, n.outputs[0].element(), std::move(places));
  return f;
}

/// Layouts of all operands of a group, in a precision.
inline layout_choice attention_layouts(attention_group const& g, attention_plan const& p, precision how) {
  layout_choice choice{.outputs = {layout::row_major}, .rounds = true};
  for (auto const& each : g.group->before)
    std::ranges::copy(rows_as_stored(each.inputs), std::back_inserter(choice.inputs));
  std::ranges::copy(rows_as_stored(g.group->inputs), std::back_inserter(choice.inputs));
  auto const of = [&](node const* n, std::size_t slot) -> layout& { return choice.inputs[g.at(n).first_input + slot]; };
  auto const element = plan_in_precision(g, p, how).what.element;
  for (auto const* h : g.nodes.operands()) {
    if (h->product)
      of(h->product, 0).stored = factor_element({&g.at(h->product).inputs[0]}, how);
    else
      of(h->reader, h->slot).stored = element == dtype::float32 ? dtype::undefined : element;
  }
  return choice;
}

inline std::vector<candidate> attention_group_offer(scheduled_node const& n, target const& t) {
  auto const g = attention_group_of(n);
  auto const p = g ? plan_attention(*g) : std::nullopt;
  if (!p) return {};
  auto const& a = p->what;
  auto const products = static_cast<double>(a.batch * a.heads * a.queries) * static_cast<double>(a.keys * (a.d + a.e));
  auto const cost =
      multiply_add_cost(products + projections_of(*g).multiply_adds()) + traffic_cost(g->at(g->nodes.mix));
  auto const layouts = [&](precision how) { return attention_layouts(*g, *p, how); };
  return product_candidates(layouts, cost, t, build_attention_group);
}

inline constexpr schedule attention_group_schedule{
    .name = "cuda attention", .offer = attention_group_offer, .match = attention_match};

}  // namespace sinter::detail::cuda
