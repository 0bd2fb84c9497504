#pragma once

#include <sinter/program/device_copy.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/cuda/attention.hpp>
#include <sinter/schedules/cuda/moves.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// The operator Attention in one launch of the form `attention`, behind copies that join keys and values with those of
/// the past.
namespace sinter::detail::cuda {

/// None: the form does not compute it.
inline std::optional<attention_plan> plan_attention(scheduled_node const& n) {
  return with_form(describe_attention(n));
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
  auto const own = strides_of_heads(part, part.size), joined = strides_of_heads(all, all.size);
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
