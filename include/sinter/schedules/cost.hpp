#pragma once

#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <cstdint>

/// What code costs, roughly: enough to choose between ways to compute the same thing. The unit is the nanosecond on one
/// core of 3 GHz.
namespace sinter {

inline constexpr double clock_ghz = 3;

/// Reading and writing `bytes` that lie in a near cache or, in part, farther away.
inline double traffic_cost(double bytes) { return bytes / 24; }

/// Reading `bytes` of weights once, from beyond the second-level cache.
inline double streaming_cost(double bytes) { return bytes / 20; }

/// Reading all operands of a node that are no constants, and writing its results.
inline double traffic_cost(scheduled_node const& n) {
  double bytes = 0;
  for (auto const* operands : {&n.inputs, &n.outputs})
    for (auto const& o : *operands)
      if (o.present() && o.type.shape && !o.constant)
        bytes += static_cast<double>(tensor_bytes(o.shape(), o.type.element, layout::row_major));
  return traffic_cost(bytes);
}

/// `count` multiply-adds of single elements by kernels that keep the multipliers busy for the part `efficiency` of the
/// time, two vectors a cycle.
inline double multiply_add_cost(double count, target const& t, double efficiency = 0.9) {
  return count / (2 * t.lanes()) / clock_ghz / efficiency;
}

}  // namespace sinter
