#pragma once

#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <cstdint>

/// What code costs, roughly: enough to choose between ways to compute the same thing. The unit is the nanosecond on one
/// core of a machine that stands for all: ways that round differently are chosen alike on every target, so that a model
/// gives the same bits everywhere. Costs are those of one item of axis 0, so that batches of all sizes share weights.
namespace sinter {

/// Reading and writing `bytes` that lie in a near cache or, in part, farther away.
inline double traffic_cost(double bytes) { return bytes / 24; }

/// Reading `bytes` of weights once, from beyond the second-level cache.
inline double streaming_cost(double bytes) { return bytes / 20; }

namespace detail {

/// Bytes of the operands of a node that are no constants, and of its results, those below `near` of each left out.
inline double activation_bytes(scheduled_node const& n, std::int64_t near) {
  std::int64_t bytes = 0;
  for (auto const* operands : {&n.inputs, &n.outputs})
    for (auto const& o : *operands)
      if (o.present() && o.type.shape && !o.constant)
        bytes += std::max<std::int64_t>(0, item_bytes(o.shape(), o.type.element, layout::row_major) - near);
  return static_cast<double>(bytes);
}

}  // namespace detail

/// Reading all operands of a node that are no constants, and writing its results.
inline double traffic_cost(scheduled_node const& n) { return traffic_cost(detail::activation_bytes(n, 0)); }

/// The same for what does not stay in the second-level cache between two nodes.
inline double far_traffic_cost(scheduled_node const& n) {
  constexpr std::int64_t kept = 512 << 10;
  return traffic_cost(detail::activation_bytes(n, kept));
}

/// `count` multiply-adds of single elements, two vectors of 16 a cycle at 3 GHz, by kernels that keep the multipliers
/// busy for the part `efficiency` of the time.
inline double multiply_add_cost(double count, double efficiency = 0.9) { return count / (2 * 16 * 3) / efficiency; }

}  // namespace sinter
