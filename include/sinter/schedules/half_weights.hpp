#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/core/widened_halves.hpp>
#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/pack_weights.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

/// Weights stored in 16 bits, which kernels widen as they load them: what they compute is float32 on these weights,
/// with the same bits on every target.
namespace sinter::detail {

/// A way to store weights, and what may be rounded for it.
struct weight_storage {
  tile_factors factors;
  sinter::precision precision;
};

/// The weight in 16 bits. Errors: unsupported_feature for a finite one that float16 cannot hold.
inline std::uint16_t stored_half(float weight, tile_factors as) {
  if (as == tile_factors::bfloat16_weights) return float_to_bfloat16(weight);
  auto const half = float_to_half(weight);
  if ((half & 0x7fffu) == 0x7c00u && std::isfinite(weight))
    fail(error_code::unsupported_feature,
         "a weight is {}, and float16 ends at 65504: expected precision exact or bf16 for this model", weight);
  return half;
}

/// Whether a number of float32 is one of float16, or of bfloat16.
inline bool is_half(float v, tile_factors as) {
  auto const bits = std::bit_cast<std::uint32_t>(v), magnitude = bits & 0x7fffffffu;
  if (as == tile_factors::bfloat16_weights) return (bits & 0xffffu) == 0;
  if (magnitude - 0x38800000u < 0x0f000000u) return (bits & 0x1fffu) == 0;  // normal and finite in float16
  return std::bit_cast<std::uint32_t>(half_to_float(float_to_half(v))) == bits;
}

/// As what a constant of float32 is stored without rounding any of it; none where its numbers need more.
inline std::optional<tile_factors> exact_storage(any_tensor const& weights) {
  using enum tile_factors;
  if (auto const half = widened_from(weights); half != dtype::undefined)
    return half == dtype::float16 ? float16_weights : bfloat16_weights;
  std::vector<tile_factors> left{float16_weights, bfloat16_weights};
  std::array<float, 1024> part;
  for (std::size_t at = 0; at < weights.elements() && !left.empty(); at += part.size()) {
    auto const some = std::span(part).first(std::min(part.size(), weights.elements() - at));
    weights.read(at * 4, std::as_writable_bytes(some));
    std::erase_if(left, [&](tile_factors as) {
      return !std::ranges::all_of(some, [as](float weight) { return is_half(weight, as); });
    });
  }
  return left.empty() ? std::nullopt : std::optional(left.front());
}

/// Whether there is nothing to gain with fewer bits.
inline bool are_few(any_tensor const& weights) { return weights.elements() <= 4096; }

/// How a constant of float32 may be stored in 16 bits: as it is, where it holds such numbers (those of a model in
/// float16), else rounded; not at all where it is small.
inline std::vector<weight_storage> half_storages(any_tensor const& weights) {
  if (are_few(weights)) return {};
  if (auto const as = exact_storage(weights)) return {{*as, precision::exact}};
  return {{tile_factors::float16_weights, precision::float16}, {tile_factors::bfloat16_weights, precision::bfloat16}};
}

/// Candidates whose weights grow in units of float32, in those of a model that has them in 16 bits.
inline std::vector<candidate> in_units_of_model(std::vector<candidate> offered, scheduled_node const& n) {
  if (!offered.empty() && exact_storage(*n.inputs[1].constant))
    for (auto& how : offered) how.weight_growth *= 2;
  return offered;
}

/// The bits of four float32, rounded to 16 bits in the low half of each word: `stored_half` of magnitudes below
/// `end_of_rounding`.
inline four_words rounded_four(four_words bits, tile_factors as) {
  if (as == tile_factors::bfloat16_weights) return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
  auto const magnitude = bits & 0x7fffffff, is_subnormal = four_words(magnitude < 0x38800000);
  auto const normal = (magnitude - 0x38000000 + 0xfff + (magnitude >> 13 & 1)) >> 13;
  auto const subnormal = four_words(four_floats(magnitude) + 0.5f) - 0x3f000000;
  return (bits >> 16 & 0x8000) | (is_subnormal & subnormal) | (~is_subnormal & normal);
}
constexpr std::uint32_t end_of_rounding(tile_factors as) {
  return as == tile_factors::bfloat16_weights ? 0x7f800000 : 0x477ff000;
}

/// Stores each weight in 16 bits; their number is a multiple of eight. Errors: those of `stored_half`.
inline void store_halves(std::span<float const> from, tile_factors as, std::byte* to) {
  four_words outside{};
  for (std::size_t k = 0; k < from.size(); k += 8) {
    auto const a = load_four(from.data() + k), b = load_four(from.data() + k + 4);
    auto const even = four_words(__builtin_shufflevector(a, b, 0, 2, 4, 6));
    auto const odd = four_words(__builtin_shufflevector(a, b, 1, 3, 5, 7));
    outside |= four_words((even & 0x7fffffff) >= end_of_rounding(as));
    outside |= four_words((odd & 0x7fffffff) >= end_of_rounding(as));
    auto const pairs = rounded_four(even, as) | rounded_four(odd, as) << 16;
    std::memcpy(to + 2 * k, &pairs, sizeof pairs);
  }
  if ((outside[0] | outside[1] | outside[2] | outside[3]) == 0) return;
  for (auto const weight : from) {
    auto const half = stored_half(weight, as);
    std::memcpy(to, &half, sizeof half);
    to += sizeof half;
  }
}

/// Packed float32 weights in 16 bits, in the same order.
inline packing halved(packing floats, tile_factors as) {
  return {
      .key = fmt::format("{}:{}", as == tile_factors::float16_weights ? "fp16" : "bf16", floats.key),
      .bytes = floats.bytes / 2,
      .fill = [fill = std::move(floats.fill), count = static_cast<std::size_t>(floats.bytes / 4), as](std::byte* to) {
        auto const all = std::make_unique_for_overwrite<float[]>(count);
        fill(reinterpret_cast<std::byte*>(all.get()));
        store_halves({all.get(), count}, as, to);
      }};
}

/// What kernels cost with such weights, in units of what they cost with those of float32, where these do not come from
/// far: they are chosen for their size, where both round alike.
inline constexpr double half_weights_cost = 0.99;

/// Packed weights as a tile with such factors reads them; pairs are those of `paired` (bfloat16_pairs.hpp).
inline packing stored(packing floats, tile_factors as) {
  return widens_weights(as) ? halved(std::move(floats), as) : floats;
}

}  // namespace sinter::detail
