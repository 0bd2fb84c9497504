#pragma once

#include <sinter/kernels/reduction.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

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

/// The weights of the elements around a position that lies `ratio` in (0, 1] after the element at index size/2 - 1.
inline std::vector<double> resize_weights(resize_rule const& rule, double ratio, double scale) {
  if (rule.mode == resize_mode::nearest) {
    bool right = ratio == 1;
    if (rule.nearest == nearest_mode::round_prefer_floor) right = right || ratio > 0.5;
    if (rule.nearest == nearest_mode::round_prefer_ceil) right = right || ratio >= 0.5;
    if (rule.nearest == nearest_mode::ceil) right = true;
    return {right ? 0.0 : 1.0, right ? 1.0 : 0.0};
  }
  bool const cubic = rule.mode == resize_mode::cubic;
  auto const shrink = rule.antialias ? std::min(scale, 1.0) : 1.0;
  auto const first = static_cast<std::int64_t>(std::floor((cubic ? -2 : -1) / shrink)) + 1;
  std::vector<double> weights;
  double sum = 0;
  for (auto i = first; i < 2 - first; ++i) {
    auto const distance = (static_cast<double>(i) - ratio) * shrink;
    weights.push_back(cubic ? cubic_weight(distance, rule.cubic_a) : std::max(0.0, 1 - std::abs(distance)));
    sum += weights.back();
  }
  if (rule.antialias)
    for (auto& w : weights) w /= sum;
  return weights;
}

/// One output of an axis: the first input element and the weights from there on, or that it lies outside.
struct resize_taps {
  std::int64_t first = 0;
  std::vector<double> weights{};
  bool outside = false;
};

inline resize_taps taps_of(resize_rule const& rule, resize_axis const& a, std::int64_t x) {
  resize_taps taps;
  auto const position = source_position(a, rule.coordinates, x);
  taps.outside = rule.coordinates == coordinate_mode::tf_crop_and_resize &&
                 !(position >= 0 && position <= static_cast<double>(a.in - 1));
  if (taps.outside) return taps;
  auto const below = std::ceil(position) - 1;
  taps.weights = resize_weights(rule, position - below, a.scale);
  taps.first = static_cast<std::int64_t>(below) - static_cast<std::int64_t>(taps.weights.size() / 2) + 1;
  if (!rule.exclude_outside) return taps;
  double sum = 0;
  for (std::size_t i = 0; i < taps.weights.size(); ++i) {
    auto const at = taps.first + static_cast<std::int64_t>(i);
    if (at < 0 || at >= a.in) taps.weights[i] = 0;
    sum += taps.weights[i];
  }
  for (auto& w : taps.weights) w /= sum;
  return taps;
}

/// Resamples one axis of x, seen as `view`, into y; elements before the first and after the last repeat these.
template <typename T>
void resize_along(resize_rule const& rule, resize_axis const& a, axis_view const& view, T const* x, T* y) {
  for (std::int64_t o = 0; o < a.out; ++o) {
    auto const taps = taps_of(rule, a, o);
    for (std::int64_t block = 0; block < view.outer; ++block) {
      auto* to = y + (block * a.out + o) * view.inner;
      if (taps.outside) {
        std::fill_n(to, view.inner, static_cast<T>(rule.extrapolation));
        continue;
      }
      std::fill_n(to, view.inner, T{});
      for (std::size_t i = 0; i < taps.weights.size(); ++i) {
        if (taps.weights[i] == 0) continue;
        auto const w = static_cast<T>(taps.weights[i]);
        auto const at = std::clamp<std::int64_t>(taps.first + static_cast<std::int64_t>(i), 0, a.in - 1);
        auto const* from = x + (block * a.in + at) * view.inner;
        for (std::int64_t j = 0; j < view.inner; ++j) to[j] += w * from[j];
      }
    }
  }
}

}  // namespace sinter::kernels
