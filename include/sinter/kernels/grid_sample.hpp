#pragma once

#include <sinter/kernels/resize.hpp>

#include <array>
#include <cmath>
#include <cstdint>

namespace sinter::kernels {

enum class grid_padding { zeros, border, reflection };

/// How a grid of normalised positions samples a plane of up to three dimensions; unused leading ones have extent 1.
struct grid_rule {
  resize_mode mode = resize_mode::linear;
  grid_padding padding = grid_padding::zeros;
  bool align_corners = false;
  std::array<std::int64_t, 3> extents{1, 1, 1};
};

/// `x` mirrored at `least` and `greatest` until it lies between them.
inline double reflected(double x, double least, double greatest) {
  auto const range = greatest - least;
  if (x >= least && x <= greatest) return x;
  if (range <= 0 || !std::isfinite(x)) return least;
  auto const beyond = x < least ? least - x : x - greatest;
  auto const turns = std::floor(beyond / range);
  auto const rest = beyond - turns * range;
  bool const even = std::fmod(turns, 2) == 0;
  return (x < least) == even ? least + rest : greatest - rest;
}

/// One dimension of a sample: up to four elements with their weights.
struct grid_taps {
  int count = 0;
  std::array<std::int64_t, 4> index{};  ///< -1 for a zero
  std::array<double, 4> weight{};
};

inline grid_taps grid_taps_of(grid_rule const& rule, std::size_t d, double normalised) {
  auto const extent = rule.extents[d];
  auto const length = static_cast<double>(extent);
  auto const least = rule.align_corners ? 0.0 : -0.5, greatest = rule.align_corners ? length - 1 : length - 0.5;
  auto x = rule.align_corners ? (normalised + 1) / 2 * (length - 1) : ((normalised + 1) * length - 1) / 2;
  if (rule.mode == resize_mode::nearest) x = std::nearbyint(x);
  if (rule.padding == grid_padding::border && !(x >= least && x <= greatest)) x = x > 0 ? length - 1 : 0;
  if (rule.padding == grid_padding::reflection) x = reflected(x, least, greatest);
  auto const element = [&](double at) -> std::int64_t {
    if (at >= 0 && at <= length - 1) return static_cast<std::int64_t>(at);
    if (rule.padding == grid_padding::zeros || std::isnan(at)) return -1;
    if (rule.padding == grid_padding::border) return at > 0 ? extent - 1 : 0;
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(reflected(at, least, greatest)), 0, extent - 1);
  };
  auto const below = std::floor(x);
  grid_taps taps;
  auto const add = [&](double at, double weight) {
    auto const i = static_cast<std::size_t>(taps.count++);
    taps.index[i] = element(at);
    taps.weight[i] = weight;
  };
  if (rule.mode == resize_mode::nearest)
    add(std::nearbyint(x), 1);
  else if (rule.mode == resize_mode::linear)
    for (int i = 0; i < 2; ++i) add(below + i, i == 0 ? 1 - (x - below) : x - below);
  else
    for (int i = -1; i < 3; ++i) add(below + i, cubic_weight(x - below - i, -0.75));
  return taps;
}

/// The elements of a plane that a sample is made of, and their weights.
struct grid_elements {
  std::size_t count = 0;
  std::array<std::int64_t, 64> at{};
  std::array<double, 64> weight{};

  /// Those at the taps of three dimensions.
  void choose(grid_rule const& rule, std::array<grid_taps, 3> const& taps) {
    count = 0;
    for (std::size_t z = 0; z < static_cast<std::size_t>(taps[0].count); ++z)
      for (std::size_t y = 0; y < static_cast<std::size_t>(taps[1].count); ++y)
        for (std::size_t x = 0; x < static_cast<std::size_t>(taps[2].count); ++x) {
          auto const iz = taps[0].index[z], iy = taps[1].index[y], ix = taps[2].index[x];
          if (iz < 0 || iy < 0 || ix < 0) continue;
          at[count] = (iz * rule.extents[1] + iy) * rule.extents[2] + ix;
          weight[count++] = taps[0].weight[z] * taps[1].weight[y] * taps[2].weight[x];
        }
  }

  /// Their weighted sum in one plane.
  template <typename T>
  T sum(T const* plane) const {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) sum += weight[i] * static_cast<double>(plane[at[i]]);
    return static_cast<T>(sum);
  }
};

/// Samples of each image of in[0] at the positions of in[1]. Numbers: the mode, the padding, whether corners align.
inline status sample_grid(call const& c) {
  auto const& s = c.in[0].shape;
  auto const rank = s.rank() - 2;
  grid_rule rule{.mode = static_cast<resize_mode>(c.integers[0]),
                 .padding = static_cast<grid_padding>(c.integers[1]),
                 .align_corners = c.integers[2] != 0};
  for (std::size_t i = 0; i < rank; ++i) rule.extents[i + 3 - rank] = s[i + 2];
  auto const plane = static_cast<std::int64_t>(s.elements(2, s.rank()));
  auto const points = static_cast<std::int64_t>(c.out[0].shape.elements(2, s.rank()));
  return visit_compute(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_input<double> grid(c.in[1], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring() || plane == 0 || points == 0) return {};
    grid_elements elements;
    for (std::int64_t n = 0; n < s[0]; ++n)
      for (std::int64_t p = 0; p < points; ++p) {
        auto const* position = grid + (n * points + p) * static_cast<std::int64_t>(rank);
        std::array<grid_taps, 3> taps;
        for (std::size_t d = 0; d < 3; ++d)
          taps[d] = d + rank < 3 ? grid_taps{1, {0}, {1}} : grid_taps_of(rule, d, position[2 - d]);
        elements.choose(rule, taps);
        for (std::int64_t channel = 0; channel < s[1]; ++channel)
          y[(n * s[1] + channel) * points + p] = elements.sum<T>(x + (n * s[1] + channel) * plane);
      }
    return {};
  });
}

}  // namespace sinter::kernels
