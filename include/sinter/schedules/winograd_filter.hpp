#pragma once

#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/winograd_product.hpp>
#include <sinter/schedules/winograd_transform.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>

/// The products of a Winograd convolution whose filters are transformed when they are used. Fewer bytes come from
/// beyond the second-level cache, and what is multiplied lies in the first one:
///
///     M = 0
///     for pair of rows of points, block of input channels:
///       U[points of the rows][channel][block] = G g G^T      (scratch)
///       for point: M[point] += U[point] V[point]
///
/// The taps of a filter lie side by side: [group of output blocks][channel][tap][output channel of the group].
namespace sinter {

/// Everything that decides the code of the products of a group of output blocks.
struct winograd_filter_product {
  std::int64_t m = 4, in_channels = 1;
  std::int64_t tiles = 1;
  std::int64_t blocks = 1, interleave = 1;  ///< of the group: those that there are, those that are packed
  winograd_planes v{}, sums{};              ///< of V and M
  winograd_register_tile most{};

  std::int64_t alpha() const { return m + 2; }
  /// Bytes of a channel of one tap, or of one point; of all of its taps; of all filters.
  std::int64_t row_bytes() const { return interleave * channel_block * 4; }
  std::int64_t filter_bytes() const { return 9 * row_bytes(); }
  std::int64_t group_bytes() const { return checked_mul(in_channels, filter_bytes()); }
  /// Bytes between points of U, which do not share the sets of the caches.
  std::int64_t u_point() const { return channel_block * row_bytes() + cache_line; }
  std::int64_t scratch_bytes() const { return 2 * alpha() * u_point(); }
};

/// Output blocks whose filters lie side by side: few, so that U stays in the first-level cache, but enough to keep the
/// multipliers busy, and more where V comes from beyond the second one each time.
inline std::int64_t winograd_filter_group(winograd_shape const& s, std::int64_t tiles, target const& machine) {
  bool const is_near = planes_of_v(s, tiles).bytes(s.points()) <= machine.facts().l2;
  return std::min<std::int64_t>(tiles <= 6 ? 4 : is_near ? 1 : 2, s.out_blocks());
}

/// The packing of float32 weights [out_channels][in_channels][3][3]; `key` names them.
inline packing packed_winograd_filters(std::string const& key, any_tensor weights, winograd_shape const& s,
                                       std::int64_t interleave) {
  auto const taps = checked_mul(s.in_channels, 9);
  return packed(
      fmt::format(FMT_COMPILE("winograd filters:{}:{}"), interleave, key),
      {.tensor = std::move(weights), .outputs = s.out_channels, .output_step = taps, .chunks = {{.channels = taps}}},
      interleave);
}

namespace detail {

class winograd_filter_builder {
 public:
  winograd_filter_builder(winograd_filter_product const& p, target const& machine)
      : p_(p),
        alpha_(p.alpha()),
        b_(fmt::format(FMT_COMPILE("winograd{}_filters_{}x{}"), p.m, p.tiles, p.blocks), machine.lanes()) {
    using vector::access;
    auto const last = alpha_ * alpha_ - 1;
    filters_ = b_.argument("g", access::constant, p.group_bytes());
    v_ = b_.argument("v", access::in, last * p.v.point + ceil_div(p.in_channels, channel_block) * p.v.block);
    m_ = b_.argument("m", access::out, last * p.sums.point + p.blocks * p.sums.block);
    u_ = b_.argument("u", access::scratch, p.scratch_bytes());
    ahead_ = b_.stream("ahead", filters_, p.group_bytes());
  }

  vector::program build() {
    zero_sums();
    for (std::int64_t k = 0; k < pairs(); ++k) multiply_rows(k);
    return std::move(b_).take();
  }

 private:
  using filter_row = std::array<vector::reg, 3>;

  /// What a block of channels reads, and what its first point adds to.
  struct operands {
    vector::pointer filters{}, v{}, m{}, ahead{};
  };

  // Pair k of rows or columns of points: those that `winograd_filter_transform::pair` gives.
  std::int64_t pairs() const { return alpha_ / 2; }
  std::int64_t first_of(std::int64_t k) const { return k == 0 ? 0 : 2 * k - 1; }
  std::int64_t second_of(std::int64_t k) const { return k == 0 ? alpha_ - 1 : 2 * k; }

  void zero_sums() {
    auto const zero = b_.zero();
    b_.loop(alpha_ * alpha_, {{m_, p_.sums.point}}, [&] {
      b_.loop(p_.blocks * p_.sums.block / b_.register_bytes(), {{m_, b_.register_bytes()}},
              [&] { b_.store(m_.at(0), zero); });
    });
  }

  /// The products of two rows of points. Each of a whole block of channels fetches a part of the next group's filters.
  void multiply_rows(std::int64_t k) {
    auto const whole = p_.in_channels / channel_block, rest = p_.in_channels % channel_block;
    auto const points = 2 * alpha_, products = points * std::max<std::int64_t>(1, whole);
    auto const share = p_.group_bytes() / (pairs() * products) / cache_line * cache_line;
    auto const row = first_of(k) * alpha_, block = channel_block * p_.filter_bytes();
    operands at{filters_, v_ + row * p_.v.point, m_ + row * p_.sums.point, ahead_ + k * products * share};
    if (whole > 0)
      b_.loop(whole, {{filters_, block}, {v_, p_.v.block}, {ahead_, points * share}},
              [&] { multiply_channels(k, channel_block, at, share); });
    if (rest == 0) return;
    at.filters = at.filters + whole * block;
    at.v = at.v + whole * p_.v.block;
    multiply_channels(k, rest, at, 0);
  }

  void multiply_channels(std::int64_t k, std::int64_t channels, operands const& at, std::int64_t share) {
    winograd_filter_transform transform(b_, p_.m);
    b_.loop(channels, {{filters_, p_.filter_bytes()}, {u_, p_.row_bytes()}}, [&] {
      b_.loop(p_.row_bytes() / b_.register_bytes(), {{filters_, b_.register_bytes()}, {u_, b_.register_bytes()}},
              [&] { transform_filter(transform, k, at.filters); });
    });
    auto const between = (second_of(k) - first_of(k)) * alpha_;
    auto const along = [&](std::int64_t v_points, std::int64_t u_points) {
      return std::vector<std::pair<vector::pointer, std::int64_t>>{{v_, v_points * p_.v.point},
                                                                   {m_, v_points * p_.sums.point},
                                                                   {u_, u_points * p_.u_point()},
                                                                   {ahead_, u_points * share}};
    };
    auto const each_point = [&](auto&& multiply) {
      b_.loop(2, along(between, alpha_), [&] { b_.loop(alpha_, along(1, 1), multiply); });
    };
    for (std::int64_t block = 0; block < p_.blocks; block += p_.most.blocks)  // each a loop of its own, of few lines
      for (auto const& run : equal_runs(p_.tiles, p_.most.tiles))
        each_point([&] { multiply_tiles(channels, block, run, at, block == 0 && run.first == 0 ? share : 0); });
  }

  /// The products of a point: output blocks from `block` on, some of the tiles.
  void multiply_tiles(std::int64_t channels, std::int64_t block, tile_run const& run, operands const& at,
                      std::int64_t share) {
    winograd_shape const s{.in_channels = channels, .m = p_.m};
    auto const blocks = std::min(p_.most.blocks, p_.blocks - block);
    contraction_rows rows{.tile = winograd_contraction(s, p_.v, p_.sums, p_.tiles, block, blocks, p_.interleave),
                          .runs = {run},
                          .next_weights = share};
    rows.tile.resumes = true;
    contraction_operands o{.x = at.v, .w = u_ + block * channel_block * 4, .y = at.m + block * p_.sums.block};
    o.ahead = at.ahead;
    emit_contraction_rows(rows, b_, std::move(o));
  }

  /// Rows of pair k of a filter's transform.
  void transform_filter(winograd_filter_transform& transform, std::int64_t k, vector::pointer taps) {
    filter_row first, second;
    for (std::int64_t x = 0; x < 3; ++x) {
      auto const column = static_cast<std::size_t>(x);
      std::tie(first[column], second[column]) =
          transform.pair(k, [&](std::int64_t y) { return b_.load(taps.at((3 * y + x) * p_.row_bytes())); });
    }
    store_row(transform, first, 0);
    store_row(transform, second, alpha_);
  }

  void store_row(winograd_filter_transform& transform, filter_row const& values, std::int64_t point) {
    for (std::int64_t k = 0; k < pairs(); ++k) {
      auto const both = transform.pair(k, [&](std::int64_t i) { return values[static_cast<std::size_t>(i)]; });
      b_.store(u_.at((point + first_of(k)) * p_.u_point()), both.first);
      b_.store(u_.at((point + second_of(k)) * p_.u_point()), both.second);
    }
  }

  winograd_filter_product const& p_;
  std::int64_t alpha_;
  vector::builder b_;
  vector::pointer filters_, v_, m_, u_, ahead_;
};

}  // namespace detail

inline std::string key_of(winograd_filter_product const& p, target const& machine) {
  auto const& [m, in_channels, tiles, blocks, interleave, v, sums, most] = p;
  vector::recipe_key key("winograd_filters", machine);
  key.add(m).add(in_channels).add(tiles).add(blocks).add(interleave).add(most.tiles).add(most.blocks);
  v.add_to(key);
  sums.add_to(key);
  return key.take();
}

/// The kernel of the products of a group of output blocks. Arguments: its packed filters; V; its first block in M;
/// `scratch_bytes` of scratch.
inline vector::recipe winograd_filter_recipe(winograd_filter_product const& p, target const& machine) {
  return {key_of(p, machine), [p, machine] { return detail::winograd_filter_builder(p, machine).build(); }};
}

}  // namespace sinter
