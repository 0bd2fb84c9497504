#pragma once

#include <sinter/ops/attention.hpp>
#include <sinter/program/device_attention.hpp>
#include <sinter/schedules/kernel_call.hpp>
#include <sinter/schedules/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

/// Where the heads of the operator Attention lie, those of the past among them.
namespace sinter::detail {

inline device_attention::strides strides_of_heads(head_layout const& l, std::int64_t size) {
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

/// Whether keys or values are joined with those of the past.
inline bool has_cache(scheduled_node const& n) {
  auto const call = kernel_call_of(n);
  return cached_heads::of(n, call, 1).joined || cached_heads::of(n, call, 2).joined;
}

}  // namespace sinter::detail
