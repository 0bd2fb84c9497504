#pragma once

#include <sinter/ops/attention.hpp>
#include <sinter/program/device_attention.hpp>
#include <sinter/program/device_copy.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/attention.hpp>
#include <sinter/schedules/cuda/moves.hpp>
#include <sinter/schedules/kernel_call.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

/// The operator Attention in one launch of the form `attention`, behind copies that join keys and values with those of
/// the past.
namespace sinter::detail::cuda {

inline device_attention::strides strides_of(head_layout const& l, std::int64_t size) {
  auto const row = l.interleaved ? l.heads * size : size;
  return {l.heads * l.length * size, l.interleaved ? size : l.length * size, row};
}

/// Keys or values, inputs 1 or 2: the past ones, the new ones and all of them. These are joined in memory where some
/// are past, or somebody reads them as an output.
struct cached_heads {
  head_layout past{}, now{}, all{};
  bool read = false, joined = false;

  static cached_heads of(scheduled_node const& n, kernel_call const& call, std::size_t i) {
    cached_heads h{.now = head_layout::of(std::span(call.integers).subspan(5 * i)),
                   .read = i < n.n->outputs.size() && n.n->outputs[i]};
    auto const past = call.integers[15], total = call.integers[16];
    auto const with_length = [&](std::int64_t length) {
      return head_layout{h.now.batch, h.now.heads, length, h.now.size, false};
    };
    h.joined = h.read || past > 0;
    h.past = with_length(past);
    h.all = h.joined ? with_length(total) : h.now;
    return h;
  }
};

/// Sets which keys queries see: the windows around their positions, which are behind those of the past.
inline void set_visible_keys(device_attention& a, kernel_call const& call) {
  auto const past = call.integers[15], left = call.integers[20], right = call.integers[21];
  if (call.integers[19] != 0) a.highest = past;
  if (right >= 0) a.highest = std::min(a.highest.value_or(a.keys), past + right);
  if (left >= 0) a.lowest = std::max(past - left, -a.queries);
}

/// The operator Attention, of floats. A mask that ends before the keys hides the rest of them.
inline std::optional<attention_plan> plan_attention(scheduled_node const& n) {
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
                            .q = strides_of(q, q.size),
                            .k = strides_of(k, k.size),
                            .v = strides_of(v, v.size),
                            .scale = static_cast<float>(call.reals[0]),
                            .softcap = static_cast<float>(call.reals[1]),
                            .unseen = true}};
  set_visible_keys(p.what, call);
  auto const y = strides_of(q, v.size);
  p.result = {y.batch, y.head, y.row, 1};
  if (has_input(n, 3)) {
    auto const s = broadcast_strides(n.inputs[3], 4);
    p.what.mask = device_attention::strides{s[0], s[1], s[2]};
    p.what.mask_key = s[3];
    p.what.mask_element = n.inputs[3].element();
  }
  return has_attention_form(p.what) ? std::optional(std::move(p)) : std::nullopt;
}

/// Whether keys or values are joined with those of the past.
inline bool has_cache(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  return cached_heads::of(n, call, 1).joined || cached_heads::of(n, call, 2).joined;
}

/// In a precision: of 16 bits where Q, K or V is stored so; those of a cache are as the model has them.
inline attention_plan plan_in_precision(scheduled_node const& n, precision how) {
  auto const element =
      has_cache(n) ? dtype::undefined : factor_element({&n.inputs[0], &n.inputs[1], &n.inputs[2]}, how);
  return in_precision(*plan_attention(n), how, element);
}

/// Copies heads to where all of them are, from row `first` on.
inline void add_heads(fragment& f, head_layout const& part, address from, head_layout const& all, address to,
                      std::int64_t first, std::int64_t alignment) {
  if (part.length == 0) return;
  auto const own = strides_of(part, part.size), joined = strides_of(all, all.size);
  constexpr std::int64_t bytes = sizeof(float);
  to.offset += first * joined.row * bytes;
  f.add(copy_call({.sizes = {part.batch, part.heads, part.length, part.size},
                   .from = {own.batch, own.head, own.row, 1},
                   .to = {joined.batch, joined.head, joined.row, 1},
                   .bytes = bytes,
                   .alignment = std::min(alignment_at(to.offset), alignment)}),
        {from, to});
}

/// Where keys or values are, after copies that join them if need be; launches up to `last` read them.
inline address join_heads(fragment& f, scheduled_node const& n, std::size_t i, std::int32_t last) {
  auto const h = cached_heads::of(n, kernel_call_of(n), i);
  if (!h.joined) return input_of(n, i);
  auto const bytes = h.all.batch * h.all.heads * h.all.length * h.all.size * std::int64_t{sizeof(float)};
  auto const first = static_cast<std::int32_t>(f.launches.size());
  auto const all = h.read ? output_of(i) : f.temporary("keys or values", bytes, first, last);
  add_heads(f, h.past, input_of(n, i + 3), h.all, all, 0, alignment_of(n));
  add_heads(f, h.now, input_of(n, i), h.all, all, h.past.length, alignment_of(n));
  return all;
}

inline fragment build_attention(scheduled_node const& n, precision how) {
  fragment f;
  auto const call = kernel_call_of(n);
  std::int32_t copies = 0;
  for (std::size_t const i : {1, 2})
    if (auto const h = cached_heads::of(n, call, i); h.joined) copies += (h.past.length > 0) + (h.now.length > 0);
  auto const k = join_heads(f, n, 1, copies), v = join_heads(f, n, 2, copies);
  std::vector<address> places{input_of(n, 0), k, v};
  if (has_input(n, 3)) places.push_back(input_of(n, 3));
  add_attention(f, plan_in_precision(n, how), n.outputs[0].element(), std::move(places));
  return f;
}

inline std::vector<candidate> attention_offer(scheduled_node const& n, target const& t) {
  if (!plan_attention(n)) return {};
  auto const layouts = [&](precision how) {
    bool const cached = has_cache(n);
    layout_choice choice{.inputs = rows_as_stored(n.inputs),
                         .outputs = std::vector(n.outputs.size(), layout::row_major),
                         .rounds = !cached};
    if (cached) std::fill(choice.inputs.begin(), choice.inputs.end(), layout::row_major);
    auto const element = plan_in_precision(n, how).what.element;
    for (std::size_t i = 0; i < 3; ++i)
      choice.inputs[i].stored = element == dtype::float32 ? dtype::undefined : element;
    return choice;
  };
  return product_candidates(layouts, traffic_cost(n), t, build_attention);
}

inline constexpr schedule attention_schedule{.name = "cuda attention", .offer = attention_offer};

}  // namespace sinter::detail::cuda
