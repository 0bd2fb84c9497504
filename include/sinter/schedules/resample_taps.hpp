#pragma once

#include <sinter/ops/resize.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

/// What Resize reads along one axis: which elements, with which weights.
namespace sinter::detail {

/// The elements that one output reads, by their distance from the first of them.
using tap_pattern = std::vector<std::int64_t>;

struct resampled_element {
  std::int64_t first = 0;
  tap_pattern taps{};
  std::vector<float> weights{};
};

/// Outputs first, first + step, …: each reads the pattern `input_step` elements after the one before it.
struct resampled_run {
  std::int64_t first = 0, step = 1, count = 1, input_step = 0;
};

struct resampled_axis {
  std::int64_t in = 1, out = 1;
  std::int64_t most_taps = 1;
  std::vector<resampled_element> elements{};
  std::string key{};

  bool identity() const {
    if (in != out || !copies()) return false;
    for (std::int64_t o = 0; o < out; ++o)
      if (elements[static_cast<std::size_t>(o)].first != o) return false;
    return true;
  }
  /// Whether each output is an element of the input.
  bool copies() const {
    return std::ranges::all_of(elements, [](auto const& e) { return e.weights.size() == 1 && e.weights[0] == 1; });
  }
  resampled_element const& at(std::int64_t o) const { return elements[static_cast<std::size_t>(o)]; }
};

/// The taps of an axis without those of weight 0, elements beyond the ends being those at the ends; none where some
/// outputs read nothing.
inline std::optional<resampled_axis> resampled_axis_of(kernels::resize_rule const& rule,
                                                       kernels::resize_axis const& axis) {
  resampled_axis result{.in = axis.in, .out = axis.out};
  result.key =
      fmt::format("resample:{}:{}:{}:{:a}:{}:{}:{}:{}:{:a}:{:a}:{:a}", static_cast<int>(rule.mode),
                  static_cast<int>(rule.nearest), static_cast<int>(rule.coordinates), rule.cubic_a,
                  rule.exclude_outside, rule.antialias, axis.in, axis.out, axis.scale, axis.roi_begin, axis.roi_end);
  std::vector<double> weights(kernels::tap_count(rule, axis));
  for (std::int64_t o = 0; o < axis.out; ++o) {
    auto const taps = kernels::taps_of(rule, axis, o, weights);
    if (taps.outside) return std::nullopt;
    resampled_element e;
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] == 0) continue;
      auto const at = std::clamp<std::int64_t>(taps.first + static_cast<std::int64_t>(i), 0, axis.in - 1);
      if (e.taps.empty()) e.first = at;
      auto const distance = at - e.first;
      if (!e.taps.empty() && e.taps.back() == distance) {
        e.weights.back() += static_cast<float>(weights[i]);
      } else {
        e.taps.push_back(distance);
        e.weights.push_back(static_cast<float>(weights[i]));
      }
    }
    if (e.taps.empty()) return std::nullopt;
    result.most_taps = std::max(result.most_taps, static_cast<std::int64_t>(e.taps.size()));
    result.elements.push_back(std::move(e));
  }
  return result;
}

/// The weights as [output][most_taps].
inline packing pack_taps(resampled_axis const& axis) {
  return {.key = axis.key, .bytes = axis.out * axis.most_taps * 4, .fill = [axis](std::byte* to) {
            std::memset(to, 0, static_cast<std::size_t>(axis.out * axis.most_taps * 4));
            for (auto const& e : axis.elements) {
              std::memcpy(to, e.weights.data(), e.weights.size() * 4);
              to += axis.most_taps * 4;
            }
          }};
}

/// The outputs of an axis in runs. Where the ratio of the extents is that of two small numbers, outputs that lie as
/// many positions apart read alike.
inline std::vector<resampled_run> resampled_runs(resampled_axis const& axis) {
  auto const period = [&](std::int64_t in, std::int64_t out) {
    auto const common = std::gcd(in, out);
    return common == 0 ? axis.out : out / common;
  };
  auto step = std::min(period(axis.in, axis.out), period(axis.in - 1, axis.out - 1));
  if (step < 1 || step > axis.out / 2) step = 1;
  std::vector<resampled_run> runs;
  for (std::int64_t residue = 0; residue < step; ++residue)
    for (auto o = residue; o < axis.out; o += step) {
      if (o != residue) {
        auto& run = runs.back();
        auto const distance = axis.at(o).first - axis.at(o - step).first;
        bool const follows = axis.at(o).taps == axis.at(o - step).taps;
        if (follows && (run.count == 1 || distance == run.input_step)) {
          run.input_step = distance;
          ++run.count;
          continue;
        }
      }
      runs.push_back({.first = o, .step = step});
    }
  return runs;
}

/// Adds a list of taps to a key.
inline void add_taps(vector::recipe_key& key, tap_pattern const& taps) { key.add_all(taps); }

/// The sum of `load(tap)` times `weight(tap)` over `taps` taps, in order.
template <typename Load, typename Weight>
vector::reg sum_of_taps(std::size_t taps, vector::builder& b, Load&& load, Weight&& weight) {
  auto const sum = b.binary(vector::opcode::mul, load(0), weight(0));
  for (std::size_t k = 1; k < taps; ++k) b.fma_to(sum, load(k), weight(k));
  return sum;
}

}  // namespace sinter::detail
