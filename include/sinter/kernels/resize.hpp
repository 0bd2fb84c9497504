#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <utility>

namespace sinter::kernels {

enum class resize_mode { nearest, linear, cubic };
enum class nearest_mode { round_prefer_floor, round_prefer_ceil, floor, ceil };
enum class coordinate_mode {
  half_pixel,
  half_pixel_symmetric,
  pytorch_half_pixel,
  align_corners,
  asymmetric,
  tf_half_pixel_for_nn,
  tf_crop_and_resize
};

/// How one axis is resampled.
struct resize_axis {
  std::int64_t in = 1, out = 1;
  double scale = 1;
  double roi_begin = 0, roi_end = 1;  ///< for tf_crop_and_resize, in parts of the extent
};

struct resize_rule {
  resize_mode mode = resize_mode::nearest;
  nearest_mode nearest = nearest_mode::round_prefer_floor;
  coordinate_mode coordinates = coordinate_mode::half_pixel;
  double cubic_a = -0.75;
  double extrapolation = 0;
  bool exclude_outside = false;
  bool antialias = false;
};

/// Where in the input, in elements, output `x` of an axis lies.
inline double source_position(resize_axis const& a, coordinate_mode mode, std::int64_t x) {
  auto const at = static_cast<double>(x), in = static_cast<double>(a.in), out = a.scale * in;
  switch (mode) {
    case coordinate_mode::asymmetric: return at / a.scale;
    case coordinate_mode::align_corners: return out == 1 ? 0 : at * (in - 1) / (out - 1);
    case coordinate_mode::tf_half_pixel_for_nn: return (at + 0.5) / a.scale;
    case coordinate_mode::pytorch_half_pixel: return out == 1 ? -0.5 : (at + 0.5) / a.scale - 0.5;
    case coordinate_mode::tf_crop_and_resize: {
      auto const length = a.roi_end - a.roi_begin;
      auto const begin = a.roi_begin * (in - 1);
      return begin + (out == 1 ? length * (in - 1) / 2 : at * length * (in - 1) / (out - 1));
    }
    case coordinate_mode::half_pixel_symmetric:
      return in / 2 * (1 - static_cast<double>(a.out) / out) + (at + 0.5) / a.scale - 0.5;
    default: return (at + 0.5) / a.scale - 0.5;
  }
}

inline double cubic_weight(double distance, double a) {
  auto const x = std::abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/// How many weights one output of an axis has.
inline std::size_t tap_count(resize_rule const& rule, resize_axis const& a) {
  if (rule.mode == resize_mode::nearest) return 2;
  auto const shrink = rule.antialias ? std::min(a.scale, 1.0) : 1.0;
  return 2 * static_cast<std::size_t>(-std::floor((rule.mode == resize_mode::cubic ? -2 : -1) / shrink));
}

/// The weights of the elements around a position that lies `ratio` in (0, 1] after the element at index count/2 - 1.
inline void resize_weights(resize_rule const& rule, double ratio, double scale, std::span<double> weights) {
  if (rule.mode == resize_mode::nearest) {
    bool right = ratio == 1;
    if (rule.nearest == nearest_mode::round_prefer_floor) right = right || ratio > 0.5;
    if (rule.nearest == nearest_mode::round_prefer_ceil) right = right || ratio >= 0.5;
    if (rule.nearest == nearest_mode::ceil) right = true;
    weights[0] = right ? 0.0 : 1.0;
    weights[1] = right ? 1.0 : 0.0;
    return;
  }
  bool const cubic = rule.mode == resize_mode::cubic;
  auto const shrink = rule.antialias ? std::min(scale, 1.0) : 1.0;
  auto const first = 1 - static_cast<std::int64_t>(weights.size() / 2);
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    auto const distance = (static_cast<double>(first + static_cast<std::int64_t>(i)) - ratio) * shrink;
    weights[i] = cubic ? cubic_weight(distance, rule.cubic_a) : std::max(0.0, 1 - std::abs(distance));
    sum += weights[i];
  }
  if (rule.antialias)
    for (auto& w : weights) w /= sum;
}

/// One output of an axis: fills the weights from element `first` on, unless it lies outside.
struct resize_taps {
  std::int64_t first = 0;
  bool outside = false;
};

inline resize_taps taps_of(resize_rule const& rule, resize_axis const& a, std::int64_t x, std::span<double> weights) {
  resize_taps taps;
  auto const position = source_position(a, rule.coordinates, x);
  taps.outside = rule.coordinates == coordinate_mode::tf_crop_and_resize &&
                 !(position >= 0 && position <= static_cast<double>(a.in - 1));
  if (taps.outside) return taps;
  auto const below = std::ceil(position) - 1;
  resize_weights(rule, position - below, a.scale, weights);
  taps.first = static_cast<std::int64_t>(below) - static_cast<std::int64_t>(weights.size() / 2) + 1;
  if (!rule.exclude_outside) return taps;
  double sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    auto const at = taps.first + static_cast<std::int64_t>(i);
    if (at < 0 || at >= a.in) weights[i] = 0;
    sum += weights[i];
  }
  for (auto& w : weights) w /= sum;
  return taps;
}

/// Resamples one axis of x, seen as `view`, into y; elements before the first and after the last repeat these.
template <typename T>
void resize_along(resize_rule const& rule, resize_axis const& a, axis_view const& view, T const* x, T* y,
                  std::span<double> weights) {
  for (std::int64_t o = 0; o < a.out; ++o) {
    auto const taps = taps_of(rule, a, o, weights);
    for (std::int64_t block = 0; block < view.outer; ++block) {
      auto* to = y + (block * a.out + o) * view.inner;
      if (taps.outside) {
        std::fill_n(to, view.inner, static_cast<T>(rule.extrapolation));
        continue;
      }
      std::fill_n(to, view.inner, T{});
      for (std::size_t i = 0; i < weights.size(); ++i) {
        if (weights[i] == 0) continue;
        auto const w = static_cast<T>(weights[i]);
        auto const at = std::clamp<std::int64_t>(taps.first + static_cast<std::int64_t>(i), 0, a.in - 1);
        auto const* from = x + (block * a.in + at) * view.inner;
        for (std::int64_t j = 0; j < view.inner; ++j) to[j] += w * from[j];
      }
    }
  }
}

/// Numbers of a resized axis in a call: its extents; its scale and region are three reals.
inline resize_axis resize_axis_of(call const& c, std::size_t axis) {
  auto const* const n = c.integers.data() + 5 + 2 * axis;
  auto const* const r = c.reals.data() + 2 + 3 * axis;
  return {.in = n[0], .out = n[1], .scale = r[0], .roi_begin = r[1], .roi_end = r[2]};
}

/// Resamples axis by axis; computes in float, or in double for what float does not hold. Numbers: the five of the rule,
/// then two for each axis; reals: the coefficient of cubics, the value outside, then three for each axis.
inline status resample(call const& c) {
  resize_rule const rule{.mode = static_cast<resize_mode>(c.integers[0]),
                         .nearest = static_cast<nearest_mode>(c.integers[1]),
                         .coordinates = static_cast<coordinate_mode>(c.integers[2]),
                         .cubic_a = c.reals[0],
                         .extrapolation = c.reals[1],
                         .exclude_outside = c.integers[3] != 0,
                         .antialias = c.integers[4] != 0};
  auto const& s = c.in[0].shape;
  auto largest = s.elements();
  std::size_t taps = 0;
  auto current = s;
  for (std::size_t i = 0; i < s.rank(); ++i) {
    auto const axis = resize_axis_of(c, i);
    current[i] = axis.out;
    largest = std::max(largest, current.elements());
    taps = std::max(taps, tap_count(rule, axis));
  }
  auto const run = [&]<typename T>(T) -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    auto* from = c.memory.take<T>(largest);
    auto* to = c.memory.take<T>(largest);
    auto* const weights = c.memory.take<double>(taps);
    if (c.memory.measuring() || s.elements() == 0 || c.out[0].elements() == 0) return {};
    std::copy_n(x.data(), s.elements(), from);
    current = s;
    for (std::size_t i = 0; i < s.rank(); ++i) {
      auto const axis = resize_axis_of(c, i);
      if (axis.scale == 1 && axis.out == axis.in && rule.coordinates != coordinate_mode::tf_crop_and_resize) continue;
      auto const view = axis_view::of(current, i);
      current[i] = axis.out;
      resize_along(rule, axis, view, from, to, {weights, tap_count(rule, axis)});
      std::swap(from, to);
    }
    std::copy_n(from, c.out[0].elements(), y.data());
    return {};
  };
  bool const single = is_floating(c.in[0].type) && c.in[0].type != dtype::float64;
  return single ? run(float{}) : run(double{});
}

}  // namespace sinter::kernels
