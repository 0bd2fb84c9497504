#pragma once

#include <sinter/ops/fused_gemm.hpp>
#include <sinter/program/device_attention.hpp>
#include <sinter/schedules/attention_heads.hpp>
#include <sinter/schedules/attention_nodes.hpp>
#include <sinter/schedules/copy.hpp>
#include <sinter/schedules/kernel_call.hpp>
#include <sinter/schedules/strides.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

/// What an attention computes and where its heads lie, whether a model writes it out or has the operator Attention.
namespace sinter::detail {

/// Heads as attention reads or writes them: extents and strides of batch, head, row, element.
struct head_view {
  device_sizes sizes{}, strides{};

  std::int64_t elements() const { return sizes[3]; }
  device_attention::strides outer() const { return {strides[0], strides[1], strides[2]}; }
};

/// A tensor of four axes, of which missing ones come first, as may further ones of one element.
inline std::optional<head_view> head_view_of(device_sizes sizes, device_sizes strides) {
  while (sizes.size() > 4 && sizes[0] == 1) sizes.erase(sizes.begin()), strides.erase(strides.begin());
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

/// What the Slice or Split of an operand takes of its input; none where it has none, or takes steps.
inline std::optional<element_runs> taken_part(attention_group const& g, head_nodes const& h) {
  auto const cut = h.part ? parts_of(g.at(h.part)) : std::nullopt;
  if (!cut) return std::nullopt;
  auto const& whole = g.at(h.part).inputs[0].shape();
  auto runs = runs_of_part(whole, g.at(h.part).outputs[h.part_output].shape());
  auto const inner = static_cast<std::int64_t>(whole.elements(cut->axis + 1, whole.rank()));
  if (runs) runs->first = std::ranges::find(cut->parts, h.part_output, &copied_part::output)->from * inner;
  return runs;
}

/// What the nodes of a group say about one operand. `pitch` is set where it is a part of joined products.
inline std::optional<head_view> operand_view(attention_group const& g, head_nodes const& h, std::int64_t pitch) {
  auto const& s = h.part && h.reshape ? g.at(h.reshape).outputs[0].shape()
                  : h.part            ? g.at(h.part).outputs[h.part_output].shape()
                                      : g.at(h.reader).inputs[h.slot].shape();
  auto strides = strides_of(s, layout::row_major);
  auto sizes = sizes_of(s);
  if (h.product) {
    auto const columns = g.at(h.product).outputs[0].shape().back();
    for (auto& stride : strides)
      if (stride >= columns) stride = stride / columns * pitch;
  }
  if (h.part) {
    auto const taken = taken_part(g, h);
    if (!taken || !taken->spread(sizes, strides)) return std::nullopt;
  }
  for (auto const* const step : h.steps)
    if (step->op == "Transpose") {
      auto const axes = transposed_axes(g.at(step));
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

/// An attention with the strides of its results.
struct attention_plan {
  device_attention what{};
  device_sizes result{};
  bool guarded = false;  ///< a query with a score that is NaN has the result 0, as has one that sees no key
};

/// Whether heads have batches and heads of `y`, or one in place of these.
inline bool broadcasts(head_view const& h, head_view const& y) {
  return (h.sizes[0] == y.sizes[0] || h.sizes[0] == 1) && (h.sizes[1] == y.sizes[1] || h.sizes[1] == 1);
}

/// What the nodes of a group compute; none where their operands do not lie as `device_attention` can say. `pitch` is
/// that of joined products, if there are any.
inline std::optional<attention_plan> describe_attention(attention_group const& g, std::int64_t pitch = 0) {
  auto const& nodes = g.nodes;
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
                   .result = y->strides,
                   .guarded = nodes.guard != nullptr};
  if (nodes.mask_reader) {
    auto const& mask = g.at(nodes.mask_reader).inputs[nodes.mask_slot];
    if (!is_float_tensor(mask)) return std::nullopt;
    auto const rank = std::max<std::size_t>(mask.shape().rank(), 4);
    auto const s = broadcast_strides(mask, rank);
    if (std::ranges::any_of(s.begin(), s.end() - 4, [](std::int64_t stride) { return stride != 0; }))
      return std::nullopt;
    p.what.mask = device_attention::strides{s[rank - 4], s[rank - 3], s[rank - 2]};
    p.what.mask_key = s[rank - 1];
    p.what.mask_element = mask.element();
  }
  return p;
}

/// Sets which keys queries see: the windows around their positions, which are behind those of the past.
inline void set_visible_keys(device_attention& a, kernel_call const& call) {
  auto const past = call.integers[15], left = call.integers[20], right = call.integers[21];
  if (call.integers[19] != 0) a.highest = past;
  if (right >= 0) a.highest = std::min(a.highest.value_or(a.keys), past + right);
  if (left >= 0) a.lowest = std::max(past - left, -a.queries);
}

/// The operator Attention, of floats. A mask that ends before the keys hides the rest of them.
inline std::optional<attention_plan> describe_attention(scheduled_node const& n) {
  if (!is_standard_operator(*n.n, "Attention")) return std::nullopt;
  for (std::size_t i = 0; i < n.inputs.size(); ++i) {
    auto const& in = n.inputs[i];
    bool const readable = is_float_tensor(in) || (i == 3 && in.type.element == dtype::boolean);
    if (in.present() && (i > 5 || !readable)) return std::nullopt;
  }
  if (n.n->outputs.size() > 3 && n.n->outputs[3]) return std::nullopt;
  auto const call = kernel_call_of(n);
  auto const q = head_layout::of(call.integers);
  auto const k = cached_heads::of(n, call, 1).all, v = cached_heads::of(n, call, 2).all;
  attention_plan p{.what = {.batch = q.batch,
                            .heads = q.heads,
                            .queries = q.length,
                            .keys = call.integers[17],
                            .d = q.size,
                            .e = v.size,
                            .share = q.heads / k.heads,
                            .q = strides_of_heads(q, q.size),
                            .k = strides_of_heads(k, k.size),
                            .v = strides_of_heads(v, v.size),
                            .scale = static_cast<float>(call.reals[0]),
                            .softcap = static_cast<float>(call.reals[1]),
                            .unseen = true}};
  set_visible_keys(p.what, call);
  auto const y = strides_of_heads(q, v.size);
  p.result = {y.batch, y.head, y.row, 1};
  if (has_input(n, 3)) {
    auto const s = broadcast_strides(n.inputs[3], 4);
    p.what.mask = device_attention::strides{s[0], s[1], s[2]};
    p.what.mask_key = s[3];
    p.what.mask_element = n.inputs[3].element();
  }
  return p;
}

}  // namespace sinter::detail
