#pragma once

#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace sinter::kernels {

/// How regions of interest are pooled.
struct roi_rule {
  std::int64_t height = 1, width = 1;
  std::int64_t samples = 0;  ///< in each direction of a bin; 0: as many as the bin has elements
  double scale = 1;
  bool max = false;
  bool half_pixel = true;
};

/// The neighbours of a position in a plane, and what each counts, `share` in sum; none further than one element
/// outside.
template <typename T>
struct roi_neighbours {
  bool any = false;
  std::array<std::int64_t, 4> at{};
  std::array<T, 4> weight{};

  roi_neighbours() = default;
  roi_neighbours(std::int64_t rows, std::int64_t columns, double y, double x, double share) {
    auto const h = static_cast<double>(rows), w = static_cast<double>(columns);
    if (!(y >= -1 && y <= h && x >= -1 && x <= w) || rows == 0 || columns == 0) return;
    any = true;
    y = std::clamp(y, 0.0, h - 1);
    x = std::clamp(x, 0.0, w - 1);
    auto const y0 = static_cast<std::int64_t>(y), x0 = static_cast<std::int64_t>(x);
    auto const y1 = std::min(y0 + 1, rows - 1), x1 = std::min(x0 + 1, columns - 1);
    auto const fy = y - static_cast<double>(y0), fx = x - static_cast<double>(x0);
    at = {y0 * columns + x0, y0 * columns + x1, y1 * columns + x0, y1 * columns + x1};
    auto const part = [share](double of_y, double of_x) { return static_cast<T>(of_y * of_x * share); };
    weight = {part(1 - fy, 1 - fx), part(1 - fy, fx), part(fy, 1 - fx), part(fy, fx)};
  }
};

/// Channels that compilers compute at once.
inline constexpr std::int64_t roi_lanes = 16;

/// An image by pixels: the channels of each lie together, in `stride` places, a multiple of `roi_lanes`.
template <typename T>
struct roi_image {
  T const* pixels;
  std::int64_t rows, columns, stride;
};

/// Planes of `count` elements to pixels.
template <typename T>
void planes_to_pixels(T const* planes, std::int64_t channels, std::int64_t count, T* pixels, std::int64_t stride) {
  for (std::int64_t c = 0; c < stride; c += roi_lanes)
    for (std::int64_t i = 0; i < count; ++i)
      for (auto k = c; k < c + roi_lanes; ++k) pixels[i * stride + k] = k < channels ? planes[k * count + i] : T{};
}

/// The opposite.
template <typename T>
void pixels_to_planes(T const* pixels, std::int64_t stride, std::int64_t count, T* planes, std::int64_t channels) {
  for (std::int64_t c = 0; c < channels; ++c)
    for (std::int64_t i = 0; i < count; ++i) planes[c * count + i] = pixels[i * stride + c];
}

/// Where the samples of a bin lie along one axis: bin `i` of those that `extent` each from `begin` on.
struct roi_samples {
  double begin, extent;
  std::int64_t count;

  double at(std::int64_t i, std::int64_t k) const {
    return begin + extent * (static_cast<double>(i) + (static_cast<double>(k) + 0.5) / static_cast<double>(count));
  }
};

/// Adds samples to the sums of the channels.
template <typename T>
void add_samples(roi_image<T> const& image, std::span<roi_neighbours<T> const> samples, T* sums) {
  for (std::int64_t first = 0; first < image.stride; first += roi_lanes) {
    std::array<T, roi_lanes> sum{};
    for (auto const& near : samples) {
      auto const [a, b, c, d] = near.weight;
      auto const* const x = image.pixels + first;
      auto const *const p = x + near.at[0] * image.stride, *const q = x + near.at[1] * image.stride,
                        *const r = x + near.at[2] * image.stride, *const s = x + near.at[3] * image.stride;
#pragma GCC unroll 16
      for (std::size_t k = 0; k < roi_lanes; ++k) sum[k] += (a * p[k] + b * q[k]) + (c * r[k] + d * s[k]);
    }
    for (std::size_t k = 0; k < roi_lanes; ++k) sums[first + static_cast<std::int64_t>(k)] += sum[k];
  }
}

/// Raises the greatest of each channel to the greatest weighted neighbour of a sample, which is 0 outside of the image.
template <typename T>
void raise_to_sample(roi_image<T> const& image, roi_neighbours<T> const& near, bool first, T* greatest) {
  for (std::int64_t c = 0; c < image.stride; ++c) {
    auto most = near.any ? near.weight[0] * image.pixels[near.at[0] * image.stride + c] : T{};
    for (std::size_t k = 1; k < 4 && near.any; ++k)
      most = std::max(most, near.weight[k] * image.pixels[near.at[k] * image.stride + c]);
    greatest[c] = first ? most : std::max(greatest[c], most);
  }
}

/// One bin of a region in all channels. `max` takes the greatest weighted neighbour, as the specification's reference
/// does.
template <typename T>
void pool_bin(roi_image<T> const& image, bool max, roi_samples const& y, std::int64_t i, roi_samples const& x,
              std::int64_t j, T* pooled) {
  std::fill_n(pooled, image.stride, T{});
  auto const share = max ? 1.0 : 1.0 / static_cast<double>(std::max<std::int64_t>(y.count * x.count, 1));
  std::array<roi_neighbours<T>, 32> samples;  // to be added
  std::size_t count = 0;
  for (std::int64_t ky = 0; ky < y.count; ++ky)
    for (std::int64_t kx = 0; kx < x.count; ++kx) {
      roi_neighbours<T> const near(image.rows, image.columns, y.at(i, ky), x.at(j, kx), share);
      if (max) raise_to_sample(image, near, ky == 0 && kx == 0, pooled);
      if (max || !near.any) continue;
      samples[count++] = near;
      if (count == samples.size()) add_samples<T>(image, samples, pooled), count = 0;
    }
  add_samples<T>(image, {samples.data(), count}, pooled);
}

/// All bins of one region in all channels, by pixels, to `pooled`. A region that spans a million elements a
/// bin is a failure.
template <typename T>
status pool_region(roi_rule const& a, float const* roi, roi_image<T> const& image, T* pooled) {
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
    for (std::int64_t j = 0; j < a.width; ++j, pooled += image.stride) pool_bin(image, a.max, y, i, x, j, pooled);
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
    auto const channels = s[1], area = s[2] * s[3], bins = rule.height * rule.width;
    auto const stride = round_up(channels, roi_lanes);
    auto const room = [&](std::int64_t pixels) { return static_cast<std::size_t>(checked_mul(pixels, stride)); };
    auto* const pixels = c.memory.take<T>(room(checked_mul(s[0], area)));
    auto* const pooled = c.memory.take<T>(room(bins));
    auto const regions = static_cast<std::int64_t>(c.in[2].elements());
    if (c.memory.measuring() || regions == 0) return {};
    for (std::int64_t i = 0; i < s[0]; ++i)
      planes_to_pixels(x + i * channels * area, channels, area, pixels + i * area * stride, stride);
    for (std::int64_t r = 0; r < regions; ++r) {
      if (batch[r] < 0 || batch[r] >= s[0]) return status::outside(batch[r], 0, s[0] - 1);
      roi_image<T> const image{pixels + batch[r] * area * stride, s[2], s[3], stride};
      if (auto const result = pool_region(rule, rois + 4 * r, image, pooled); !result.ok) return result;
      pixels_to_planes(pooled, stride, bins, y + r * channels * bins, channels);
    }
    return {};
  });
}

}  // namespace sinter::kernels
