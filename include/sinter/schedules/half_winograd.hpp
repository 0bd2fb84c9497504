#pragma once

#include <sinter/schedules/half_weights.hpp>
#include <sinter/schedules/winograd.hpp>

#include <utility>
#include <vector>

/// Winograd convolution (winograd.hpp) whose U is rounded to 16 bits; V is float32.
namespace sinter {
namespace detail {

inline std::vector<candidate> half_winograd_offer(scheduled_node const& n, target const& t) {
  constexpr weight_storage ways[]{{tile_factors::float16_weights, precision::float16},
                                  {tile_factors::bfloat16_weights, precision::bfloat16}};
  std::vector<candidate> offered;
  if (!is_plain_convolution(n) || are_few(*n.inputs[1].constant)) return offered;
  for (std::int64_t const m : {2, 4})
    for (auto const& [factors, rounds] : ways) {
      auto s = shape_of_winograd(n, m);
      if (!s) return {};
      s->factors = factors;
      auto& how = offered.emplace_back(winograd_candidate(n, *s, m == 2 ? 1.5 : 4, t));
      how.cost *= half_weights_cost;
      how.precision = rounds;
    }
  return in_units_of_model(std::move(offered), n);
}

}  // namespace detail

inline constexpr schedule half_winograd_schedule{.name = "half Winograd convolution",
                                                 .offer = detail::half_winograd_offer};

}  // namespace sinter
