#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/elementwise_blocked.hpp>
#include <sinter/schedules/elementwise_row_major.hpp>
#include <sinter/schedules/schedule.hpp>

#include <algorithm>
#include <optional>

/// Pointwise functions of float32 tensors: fused chains, and any single operator that has an expression; of bools those
/// of logic, and the choice that Where makes.
///
/// Blocked (see elementwise_blocked.hpp) where the largest operand is and none is a bool, else row-major with numpy's
/// broadcasting (see elementwise_row_major.hpp).
namespace sinter {

namespace detail {

/// Whether a blocked input has the shape of the output, so that the node should stay in that layout.
inline bool prefers_blocked(scheduled_node const& n) {
  return std::ranges::none_of(n.inputs, is_condition) && std::ranges::any_of(n.inputs, [&](operand_info const& in) {
           return in.present() && !in.constant && in.how == layout::blocked && in.shape() == n.outputs[0].shape();
         });
}

inline std::vector<candidate> elementwise_offer(scheduled_node const& n, target const& t) {
  auto function = elementwise_function(n, t);
  if (!function) return {};
  auto blocked = prefers_blocked(n) ? blocked_elementwise_layouts(n) : std::nullopt;
  auto const build = blocked ? build_blocked_elementwise : build_row_major_elementwise;
  auto layouts = blocked ? std::move(blocked) : row_major_elementwise_layouts(n);
  if (!layouts) return {};
  return {{.layouts = std::move(*layouts),
           .cost = traffic_cost(n),
           .build = [function = std::move(*function), build, t](scheduled_node const& at) {
             return build(at, function, t);
           }}};
}

}  // namespace detail

inline constexpr schedule elementwise_schedule{.name = "elementwise", .offer = detail::elementwise_offer};

}  // namespace sinter
