#pragma once

#include <sinter/schedules/elementwise_blocked.hpp>
#include <sinter/schedules/elementwise_row_major.hpp>
#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <optional>

/// Pointwise functions of float32 tensors: fused chains, and any single operator that has an expression.
///
/// Blocked (see elementwise_blocked.hpp) where the largest operand is, else row-major with numpy's broadcasting (see
/// elementwise_row_major.hpp).
namespace sinter {

namespace detail {

/// Whether a blocked input has the shape of the output, so that the node should stay in that layout.
inline bool prefers_blocked(scheduled_node const& n) {
  return std::ranges::any_of(n.inputs, [&](operand_info const& in) {
    return in.present() && !in.constant && in.how == layout::blocked && in.shape() == n.outputs[0].shape();
  });
}

inline std::optional<layout_choice> elementwise_applies(scheduled_node const& n, target const& t) {
  auto const function = elementwise_function(n, t);
  if (!function) return std::nullopt;
  if (prefers_blocked(n))
    if (auto choice = blocked_elementwise_layouts(n)) return choice;
  return row_major_elementwise_layouts(n);
}

inline scheduled_code elementwise_build(scheduled_node const& n, target const& t) {
  auto const function = *elementwise_function(n, t);
  return n.outputs[0].how == layout::blocked ? build_blocked_elementwise(n, function, t)
                                             : build_row_major_elementwise(n, function, t);
}

}  // namespace detail

inline constexpr schedule elementwise_schedule{
    .name = "elementwise", .applies = detail::elementwise_applies, .build = detail::elementwise_build};

}  // namespace sinter
