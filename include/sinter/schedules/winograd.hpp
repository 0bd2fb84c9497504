#pragma once

#include <sinter/schedules/winograd_code.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// 3x3 convolution of stride 1 by F(2x2, 3x3) or F(4x4, 3x3). With many tiles, V of a chunk of them stays in the near
/// caches:
///
///     parallel for item, chunk of tiles:
///       V = input transform                                    (scratch)
///       for group of output blocks:
///         for point: M[point] = U[group][point] V[point]       (scratch)
///         output transform
///
/// With few tiles, where weights are what has to be moved, all of V is made first and each task reads its own weights:
///
///     parallel for item, row of tiles: V = input transform     (arena)
///     parallel for item, group of output blocks:
///       for point: M[point] = U[group][point] V[point]         (scratch)
///       output transform
///
/// There U may be made by the task, of weights as the model has them: winograd_filter.hpp.
namespace sinter {
namespace detail {

/// All products of the points.
inline double winograd_products_cost(winograd_shape const& s) {
  auto const in = static_cast<double>(s.in_blocks() * channel_block),
             out = static_cast<double>(s.out_blocks() * channel_block), unit = static_cast<double>(s.unit());
  return multiply_add_cost(static_cast<double>(s.tiles() * s.points()) * in * out / unit, 0.85);
}

/// Multiply-adds, the transforms' traffic, in which an element of M counts `sum_bytes`, and weights that come from far.
inline double winograd_cost(winograd_shape const& s, double sum_bytes = 8) {
  auto const tiles = static_cast<double>(s.tiles() * s.points());
  auto const in = static_cast<double>(s.in_blocks() * channel_block),
             out = static_cast<double>(s.out_blocks() * channel_block), unit = static_cast<double>(s.unit());
  auto const weights = static_cast<double>(s.points() * weight_lane(s.factors)) * in * out / unit;
  return std::max(winograd_products_cost(s), streaming_cost(weights)) +
         traffic_cost(tiles * (in / unit * 4 + out * sum_bytes));
}

/// A convolution by F(m x m, 3x3); none for groups and for other windows.
inline std::optional<winograd_shape> shape_of_winograd(convolution_shape const& c, std::int64_t m) {
  if (c.groups != 1 || !is_winograd_window(c.window)) return std::nullopt;
  return winograd_shape{.window = c.window, .in_channels = c.in_channels, .out_channels = c.out_channels, .m = m};
}
/// The same of a node of float32; none for others.
inline std::optional<winograd_shape> shape_of_winograd(scheduled_node const& n, std::int64_t m) {
  return is_plain_convolution(n) ? shape_of_winograd(shape_of_convolution(n), m) : std::nullopt;
}

/// Whether filters are transformed when they are used: where few tiles share U, and so much of it that no cache keeps
/// it from run to run and it takes longer from afar than the taps and their transform. The same on every target: U is
/// rounded otherwise.
inline bool transforms_filters(winograd_shape const& s) {
  constexpr double kept_bytes = 4e6, bytes_a_nanosecond = 12, values_a_nanosecond = 16;
  auto const filters = static_cast<double>(s.in_blocks() * s.out_blocks() * channel_block * channel_block);
  auto const products = winograd_products_cost(s), values = filters * static_cast<double>(s.points());
  auto const from_afar = [&](double count) { return std::max(products, count * 4 / bytes_a_nanosecond); };
  return s.tiles() <= 2 * winograd_chunk_tiles && values * 4 > kept_bytes &&
         from_afar(values) > from_afar(9 * filters) + values / values_a_nanosecond;
}

inline candidate winograd_candidate(scheduled_node const& n, winograd_shape const& s, double error, target const& t) {
  auto const stored = s.filters ? 9 : s.points();
  return {.layouts = blocked_convolution_layouts(n, layout::blocked),
          .cost = winograd_cost(s) + far_traffic_cost(n),
          .error = error,
          .weight_growth = static_cast<double>(stored * weight_lane(s.factors)) / static_cast<double>(36 * s.unit()),
          .build = [s, items = n.inputs[0].shape()[0], t](scheduled_node const& at) {
            return winograd_code(s, items, at, t).build();
          }};
}

inline std::vector<candidate> winograd_offer(scheduled_node const& n, target const& t) {
  std::vector<candidate> offered;
  for (std::int64_t const m : {2, 4}) {
    auto s = shape_of_winograd(n, m);
    if (!s) continue;
    s->filters = transforms_filters(*s);
    offered.push_back(winograd_candidate(n, *s, m == 2 ? 0.8 : 2.2, t));
  }
  return in_units_of_model(std::move(offered), n);
}

/// The same with V and U rounded to bfloat16, whose errors are multiples of those of rounding input and weights.
inline std::vector<candidate> bfloat16_winograd_offer(scheduled_node const& n, target const& t) {
  std::vector<candidate> offered;
  for (std::int64_t const m : {2, 4}) {
    auto s = multiplies_pairs(t) ? shape_of_winograd(n, m) : std::nullopt;
    if (!s || s->in_channels % 2 != 0) continue;
    s->factors = tile_factors::pairs;
    offered.push_back(winograd_candidate(n, *s, m == 2 ? 1.5 : 4, t));
    offered.back().precision = precision::bfloat16;
  }
  return in_units_of_model(std::move(offered), n);
}

}  // namespace detail

inline constexpr schedule winograd_schedule{.name = "Winograd convolution", .offer = detail::winograd_offer};
inline constexpr schedule bfloat16_winograd_schedule{.name = "bf16 Winograd convolution",
                                                     .offer = detail::bfloat16_winograd_offer};

}  // namespace sinter
