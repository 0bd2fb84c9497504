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

/// The neighbours of a position in a plane, and what each counts; none further than one element outside.
template <typename T>
struct roi_neighbours {
  bool any = false;
  std::array<std::int64_t, 4> at{};
  std::array<T, 4> weight{};

  roi_neighbours(std::int64_t rows, std::int64_t columns, double y, double x) {
    auto const h = static_cast<double>(rows), w = static_cast<double>(columns);
    if (!(y >= -1 && y <= h && x >= -1 && x <= w) || rows == 0 || columns == 0) return;
    any = true;
    y = std::clamp(y, 0.0, h - 1);
    x = std::clamp(x, 0.0, w - 1);
    auto const y0 = static_cast<std::int64_t>(y), x0 = static_cast<std::int64_t>(x);
    auto const y1 = std::min(y0 + 1, rows - 1), x1 = std::min(x0 + 1, columns - 1);
    auto const fy = y - static_cast<double>(y0), fx = x - static_cast<double>(x0);
    at = {y0 * columns + x0, y0 * columns + x1, y1 * columns + x0, y1 * columns + x1};
    weight = {static_cast<T>((1 - fy) * (1 - fx)), static_cast<T>((1 - fy) * fx), static_cast<T>(fy * (1 - fx)),
              static_cast<T>(fy * fx)};
  }

  std::array<T, 4> of(T const* plane) const {
    if (!any) return {};
    return {weight[0] * plane[at[0]], weight[1] * plane[at[1]], weight[2] * plane[at[2]], weight[3] * plane[at[3]]};
  }
};

/// The planes of an image, one for each channel, and a place for what a bin of each is summed up to.
template <typename T>
struct roi_image {
  T const* data;
  std::int64_t channels, rows, columns;
  double* sums;
  T* greatest;
};

/// Where the samples of a bin lie along one axis: bin `i` of those that `extent` each from `begin` on.
struct roi_samples {
  double begin, extent;
  std::int64_t count;

  double at(std::int64_t i, std::int64_t k) const {
    return begin + extent * (static_cast<double>(i) + (static_cast<double>(k) + 0.5) / static_cast<double>(count));
  }
};

/// One bin of a region in all channels, to every `step`-th element. `max` takes the greatest weighted neighbour, as the
/// specification's reference does.
template <typename T>
void pool_bin(roi_image<T> const& image, bool max, roi_samples const& y, std::int64_t i, roi_samples const& x,
              std::int64_t j, T* to, std::int64_t step) {
  std::fill_n(image.sums, image.channels, 0.0);
  std::fill_n(image.greatest, image.channels, T{});
  for (std::int64_t ky = 0; ky < y.count; ++ky)
    for (std::int64_t kx = 0; kx < x.count; ++kx) {
      roi_neighbours<T> const near(image.rows, image.columns, y.at(i, ky), x.at(j, kx));
      for (std::int64_t c = 0; c < image.channels; ++c) {
        auto const v = near.of(image.data + c * image.rows * image.columns);
        image.sums[c] += static_cast<double>(v[0] + v[1] + v[2] + v[3]);
        if (!max) continue;
        auto const most_of_four = std::ranges::max(v);
        image.greatest[c] = ky == 0 && kx == 0 ? most_of_four : std::max(image.greatest[c], most_of_four);
      }
    }
  auto const taken = static_cast<double>(std::max<std::int64_t>(y.count * x.count, 1));
  for (std::int64_t c = 0; c < image.channels; ++c)
    to[c * step] = max ? image.greatest[c] : static_cast<T>(image.sums[c] / taken);
}

/// All bins of one region in all channels: [channels, height, width]. A region that spans a million elements a bin is a
/// failure.
template <typename T>
status pool_region(roi_rule const& a, float const* roi, roi_image<T> const& image, T* to) {
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
  roi_samples const y{top, bin_h, count(bin_h)}, x{left, bin_w, count(bin_w)};
  for (std::int64_t i = 0; i < a.height; ++i)
    for (std::int64_t j = 0; j < a.width; ++j)
      pool_bin(image, a.max, y, i, x, j, to + i * a.width + j, a.height * a.width);
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
    auto const channels = static_cast<std::size_t>(s[1]);
    auto* const sums = c.memory.take<double>(channels);
    auto* const greatest = c.memory.take<T>(channels);
    if (c.memory.measuring()) return {};
    auto const regions = static_cast<std::int64_t>(c.in[2].elements());
    for (std::int64_t r = 0; r < regions; ++r) {
      if (batch[r] < 0 || batch[r] >= s[0]) return status::outside(batch[r], 0, s[0] - 1);
      roi_image<T> const image{x + batch[r] * s[1] * s[2] * s[3], s[1], s[2], s[3], sums, greatest};
      auto* const to = y.data() + r * s[1] * rule.height * rule.width;
      if (auto const result = pool_region(rule, rois + 4 * r, image, to); !result.ok) return result;
    }
    return {};
  });
}

}  // namespace sinter::kernels
