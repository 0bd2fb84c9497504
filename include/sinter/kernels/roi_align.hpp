#pragma once

#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace sinter::kernels {

/// How regions of interest are pooled.
struct roi_rule {
  std::int64_t height = 1, width = 1;
  std::int64_t samples = 0;  ///< in each direction of a bin; 0: as many as the bin has elements
  double scale = 1;
  bool max = false;
  bool half_pixel = true;
};

template <typename T>
struct roi_plane {
  T const* data;
  std::int64_t height, width;
};

/// The four weighted neighbours of a position; all zero further than one element outside.
template <typename T>
std::array<T, 4> roi_neighbours(roi_plane<T> const& p, double y, double x) {
  auto const h = static_cast<double>(p.height), w = static_cast<double>(p.width);
  if (!(y >= -1 && y <= h && x >= -1 && x <= w) || p.height == 0 || p.width == 0) return {};
  y = std::clamp(y, 0.0, h - 1);
  x = std::clamp(x, 0.0, w - 1);
  auto const y0 = static_cast<std::int64_t>(y), x0 = static_cast<std::int64_t>(x);
  auto const y1 = std::min(y0 + 1, p.height - 1), x1 = std::min(x0 + 1, p.width - 1);
  auto const fy = y - static_cast<double>(y0), fx = x - static_cast<double>(x0);
  auto const at = [&](std::int64_t i, std::int64_t j, double weight) {
    return static_cast<T>(weight) * p.data[i * p.width + j];
  };
  return {at(y0, x0, (1 - fy) * (1 - fx)), at(y0, x1, (1 - fy) * fx), at(y1, x0, fy * (1 - fx)), at(y1, x1, fy * fx)};
}

/// All bins of one region in one plane. `max` takes the greatest weighted neighbour, as the specification's reference
/// does. A region that spans a million elements a bin is a failure.
template <typename T>
status pool_region(roi_rule const& a, float const* roi, roi_plane<T> const& p, T* to) {
  double const shift = a.half_pixel ? 0.5 : 0;
  auto const left = roi[0] * a.scale - shift, top = roi[1] * a.scale - shift;
  auto width = roi[2] * a.scale - shift - left, height = roi[3] * a.scale - shift - top;
  if (!a.half_pixel) {
    width = std::max(width, 1.0);
    height = std::max(height, 1.0);
  }
  auto const bin_h = height / static_cast<double>(a.height), bin_w = width / static_cast<double>(a.width);
  constexpr double most = 1e6;
  for (auto const bin : {bin_h, bin_w})
    if (a.samples == 0 && !(bin < most))
      return status::outside(truncate_to_int64(bin), 0, static_cast<std::int64_t>(most));
  auto const count = [&](double bin) {
    return a.samples > 0 ? a.samples : std::max<std::int64_t>(0, static_cast<std::int64_t>(std::ceil(bin)));
  };
  auto const ny = count(bin_h), nx = count(bin_w);
  auto const position = [](double begin, double bin, std::int64_t i, std::int64_t k, std::int64_t n) {
    return begin + bin * (static_cast<double>(i) + (static_cast<double>(k) + 0.5) / static_cast<double>(n));
  };
  for (std::int64_t i = 0; i < a.height; ++i)
    for (std::int64_t j = 0; j < a.width; ++j) {
      double sum = 0;
      T greatest{};
      for (std::int64_t ky = 0; ky < ny; ++ky)
        for (std::int64_t kx = 0; kx < nx; ++kx) {
          auto const v = roi_neighbours(p, position(top, bin_h, i, ky, ny), position(left, bin_w, j, kx, nx));
          sum += static_cast<double>(v[0] + v[1] + v[2] + v[3]);
          auto const most_of_four = std::ranges::max(v);
          greatest = ky == 0 && kx == 0 ? most_of_four : std::max(greatest, most_of_four);
        }
      auto const taken = static_cast<double>(std::max<std::int64_t>(ny * nx, 1));
      *to++ = a.max ? greatest : static_cast<T>(sum / taken);
    }
  return {};
}

/// Regions of interest (in[1]) of the images that in[2] names, pooled. Numbers: the output's height and width, the
/// samples, whether the greatest, whether pixels have their centres at halves; real: the scale.
inline status pool_regions(call const& c) {
  auto const& s = c.in[0].shape;
  auto const* const n = c.integers.data();
  roi_rule const rule{
      .height = n[0], .width = n[1], .samples = n[2], .scale = c.reals[0], .max = n[3] != 0, .half_pixel = n[4] != 0};
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_input<float> rois(c.in[1], c.memory);
    staged_input<std::int64_t> batch(c.in[2], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return {};
    auto* to = y.data();
    auto const regions = static_cast<std::int64_t>(c.in[2].elements());
    for (std::int64_t r = 0; r < regions; ++r) {
      if (batch[r] < 0 || batch[r] >= s[0]) return status::outside(batch[r], 0, s[0] - 1);
      for (std::int64_t channel = 0; channel < s[1]; ++channel, to += rule.height * rule.width) {
        roi_plane<T> const plane{x + (batch[r] * s[1] + channel) * s[2] * s[3], s[2], s[3]};
        if (auto const result = pool_region(rule, rois + 4 * r, plane, to); !result.ok) return result;
      }
    }
    return {};
  });
}

}  // namespace sinter::kernels
