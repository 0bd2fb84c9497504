#pragma once

#include <sinter/ops/fused_gemm.hpp>
#include <sinter/program/device_attention.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/attention_nodes.hpp>
#include <sinter/schedules/cuda/joined_products.hpp>
#include <sinter/schedules/kernel_call.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

/// Attention written out in products and a softmax: a group of nodes that becomes one launch of the form `attention`.
/// Where Q, K and V are products of one tensor, a launch before it computes these together.
namespace sinter::detail::cuda {

/// Heads as attention reads or writes them: extents and strides of batch, head, row, element.
struct head_view {
  device_sizes sizes{}, strides{};

  std::int64_t elements() const { return sizes[3]; }
  device_attention::strides outer() const { return {strides[0], strides[1], strides[2]}; }
};

/// A tensor of three or four axes, of which missing ones come first; with `order`, axes before it is transposed.
inline std::optional<head_view> head_view_of(device_sizes sizes, device_sizes strides) {
  if (sizes.size() != 3 && sizes.size() != 4) return std::nullopt;
  if (sizes.size() == 3) sizes.insert(sizes.begin(), 1), strides.insert(strides.begin(), 0);
  for (std::size_t axis = 0; axis < 2; ++axis)
    if (sizes[axis] == 1) strides[axis] = 0;
  return head_view{std::move(sizes), std::move(strides)};
}

/// The source axes of a Transpose.
inline std::vector<std::size_t> transposed_axes(scheduled_node const& n) {
  return transpose::order(n.op.attributes_as<transpose::attributes>(), n.inputs[0].shape().rank());
}

/// What the nodes of a group say about one operand. `pitch` is set where it is a part of joined products.
inline std::optional<head_view> operand_view(attention_group const& g, head_nodes const& h, std::int64_t pitch) {
  auto const& s = g.at(h.reader).inputs[h.slot].shape();
  auto strides = strides_of(s, layout::row_major);
  if (h.product) {
    auto const columns = g.at(h.product).outputs[0].shape().back();
    for (auto& stride : strides)
      if (stride >= columns) stride = stride / columns * pitch;
  }
  auto sizes = sizes_of(s);
  if (h.transpose) {
    auto const axes = transposed_axes(g.at(h.transpose));
    sizes = in_order(sizes, axes), strides = in_order(strides, axes);
  }
  return head_view_of(std::move(sizes), std::move(strides));
}

/// Where the results of a group lie.
inline std::optional<head_view> result_view(attention_group const& g) {
  auto const& y = g.at(g.nodes.mix).outputs[0].shape();
  auto strides = strides_of(y, layout::row_major);
  if (g.nodes.merge) {
    auto const& merge = g.at(g.nodes.merge);
    auto const dense = strides_of(merge.outputs[0].shape(), layout::row_major);
    auto const axes = transposed_axes(merge);
    for (std::size_t i = 0; i < axes.size(); ++i) strides[axes[i]] = dense[i];
  }
  return head_view_of(sizes_of(y), std::move(strides));
}

/// An attention with the strides of its results; none: the form does not compute it.
struct attention_plan {
  device_attention what{};
  device_sizes result{};
};

/// Whether heads have batches and heads of `y`, or one in place of these.
inline bool broadcasts(head_view const& h, head_view const& y) {
  return (h.sizes[0] == y.sizes[0] || h.sizes[0] == 1) && (h.sizes[1] == y.sizes[1] || h.sizes[1] == 1);
}

inline joined_products projections_of(attention_group const& g) {
  joined_products p;
  for (auto const* h : g.nodes.operands())
    if (h->product) p.add(g.at(h->product));
  return p;
}

inline std::optional<attention_plan> plan_attention(attention_group const& g) {
  auto const& nodes = g.nodes;
  auto const pitch = projections_of(g).columns();
  auto const q = operand_view(g, nodes.query, pitch), v = operand_view(g, nodes.value, pitch), y = result_view(g);
  auto k = operand_view(g, nodes.key, pitch);
  if (!q || !k || !v || !y) return std::nullopt;
  auto const& scores = g.at(nodes.scores);
  bool const rows_of_keys = scores.op.attributes_as<fused_gemm::attributes>().trans_b;
  if (g.at(nodes.mix).op.attributes_as<fused_gemm::attributes>().trans_b) return std::nullopt;
  if (!rows_of_keys) std::swap(k->sizes[2], k->sizes[3]), std::swap(k->strides[2], k->strides[3]);
  auto const fits = [&](head_view const& h) { return broadcasts(h, *y) && h.strides[3] == 1; };
  if (!fits(*q) || !fits(*k) || !fits(*v)) return std::nullopt;
  auto const lines = kernel_call_of(g.at(nodes.softmax)).integers;
  if (lines[2] != k->sizes[2] || lines[3] != 1) return std::nullopt;
  attention_plan p{.what = {.batch = y->sizes[0],
                            .heads = y->sizes[1],
                            .queries = y->sizes[2],
                            .keys = k->sizes[2],
                            .d = q->elements(),
                            .e = y->elements(),
                            .q = q->outer(),
                            .k = k->outer(),
                            .v = v->outer(),
                            .scale = nodes.scale},
                   .result = y->strides};
  if (nodes.mask_reader) {
    auto const& mask = g.at(nodes.mask_reader).inputs[nodes.mask_slot];
    if (!is_float_tensor(mask) || mask.shape().rank() > 4) return std::nullopt;
    auto const s = broadcast_strides(mask, 4);
    p.what.mask = device_attention::strides{s[0], s[1], s[2]};
    p.what.mask_key = s[3];
    p.what.mask_element = mask.element();
  }
  return has_attention_form(p.what) ? std::optional(std::move(p)) : std::nullopt;
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
