#pragma once

#include <sinter/core/float16.hpp>
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

/// Whether all elements of a float32 tensor are such numbers.
inline bool holds_halves(any_tensor const& t, tile_factors as) {
  std::array<float, 1024> part;
  for (std::size_t at = 0; at < t.elements(); at += part.size()) {
    auto const some = std::span(part).first(std::min(part.size(), t.elements() - at));
    t.read(at * 4, std::as_writable_bytes(some));
    if (!std::ranges::all_of(some, [as](float v) { return is_half(v, as); })) return false;
  }
  return true;
}

/// As what a constant of float32 is stored without rounding any of it; none where its numbers need more.
inline std::optional<tile_factors> exact_storage(any_tensor const& weights) {
  for (auto const as : {tile_factors::float16_weights, tile_factors::bfloat16_weights})
    if (holds_halves(weights, as)) return as;
  return std::nullopt;
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

/// Packed float32 weights in 16 bits, in the same order.
inline packing halved(packing floats, tile_factors as) {
  return {.key = fmt::format("{}:{}", as == tile_factors::float16_weights ? "fp16" : "bf16", floats.key),
          .bytes = floats.bytes / 2,
          .fill = [fill = std::move(floats.fill), bytes = floats.bytes, as](std::byte* to) {
            auto const all = std::make_unique_for_overwrite<float[]>(static_cast<std::size_t>(bytes / 4));
            fill(reinterpret_cast<std::byte*>(all.get()));
            for (auto const* from = all.get(); from != all.get() + bytes / 4; ++from, to += 2) {
              auto const half = stored_half(*from, as);
              std::memcpy(to, &half, sizeof half);
            }
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
