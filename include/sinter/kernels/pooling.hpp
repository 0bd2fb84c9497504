#pragma once

#include <sinter/kernels/staging.hpp>
#include <sinter/kernels/window.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace sinter::kernels {

/// Calls visit(output index, first tap positions o*stride - pad) for every output of a plane, in order.
template <typename Visit>
void for_each_output(window const& w, Visit&& visit) {
  std::int64_t index = 0;
  for (std::int64_t z = 0; z < w.out[0]; ++z)
    for (std::int64_t y = 0; y < w.out[1]; ++y)
      for (std::int64_t x = 0; x < w.out[2]; ++x, ++index)
        visit(index, window::extents{w.position(0, z, 0), w.position(1, y, 0), w.position(2, x, 0)});
}

/// Calls visit(position in the plane) for every tap of the window at `start` that lies inside the plane, in row-major
/// order.
template <typename Visit>
void for_each_tap(window const& w, window::extents const& start, Visit&& visit) {
  auto const inside = [&](std::size_t d, std::int64_t p) { return p >= 0 && p < w.in[d]; };
  for (std::int64_t kz = 0; kz < w.kernel[0]; ++kz) {
    auto const z = start[0] + kz * w.dilation[0];
    if (!inside(0, z)) continue;
    for (std::int64_t ky = 0; ky < w.kernel[1]; ++ky) {
      auto const y = start[1] + ky * w.dilation[1];
      if (!inside(1, y)) continue;
      for (std::int64_t kx = 0; kx < w.kernel[2]; ++kx) {
        auto const x = start[2] + kx * w.dilation[2];
        if (inside(2, x)) visit((z * w.in[1] + y) * w.in[2] + x);
      }
    }
  }
}

/// Number of taps of the window at `start` that lie in the plane or its declared padding.
inline std::int64_t padded_taps(window const& w, window::extents const& start) {
  std::int64_t count = 1;
  for (std::size_t d = 0; d < 3; ++d) {
    std::int64_t taps = 0;
    for (std::int64_t k = 0; k < w.kernel[d]; ++k) taps += start[d] + k * w.dilation[d] < w.in[d] + w.pad_end[d];
    count *= taps;
  }
  return count;
}

/// Maximum of each window, and the index of the first greatest element in the whole input (all planes), in row-major
/// or, in each plane, column-major order; `indices` may be null. A NaN is greater than everything. A window that holds
/// no element gives the lowest value and index -1.
template <typename T>
void max_pool(window const& w, std::int64_t planes, bool column_major, T const* x, T* y, std::int64_t* indices) {
  auto const lowest =
      std::numeric_limits<T>::has_infinity ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::lowest();
  auto const reorder = [&](std::int64_t p) {
    auto const column = p % w.in[2], line = p / w.in[2] % w.in[1], slice = p / (w.in[2] * w.in[1]);
    return slice + w.in[0] * (line + w.in[1] * column);
  };
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    auto const* source = x + plane * w.in_size();
    for_each_output(w, [&](std::int64_t o, window::extents const& start) {
      T best = lowest;
      std::int64_t where = -1;
      for_each_tap(w, start, [&](std::int64_t p) {
        if (where < 0 || source[p] > best || (source[p] != source[p] && best == best)) {
          best = source[p];
          where = p;
        }
      });
      auto const target = plane * w.out_size() + o;
      y[target] = best;
      if (indices) indices[target] = where < 0 ? -1 : plane * w.in_size() + (column_major ? reorder(where) : where);
    });
  }
}

/// Mean of each window, over its elements inside the plane or, with `count_padding`, over those in its padding too.
template <typename T>
void average_pool(window const& w, std::int64_t planes, bool count_padding, T const* x, T* y) {
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    auto const* source = x + plane * w.in_size();
    for_each_output(w, [&](std::int64_t o, window::extents const& start) {
      T sum{};
      std::int64_t count = 0;
      for_each_tap(w, start, [&](std::int64_t p) {
        sum += source[p];
        ++count;
      });
      if (count_padding) count = padded_taps(w, start);
      y[plane * w.out_size() + o] = sum / static_cast<T>(count);
    });
  }
}

/// The p-norm of each window; padding counts as zero.
template <typename T>
void lp_pool(window const& w, std::int64_t planes, T p, T const* x, T* y) {
  for (std::int64_t plane = 0; plane < planes; ++plane) {
    auto const* source = x + plane * w.in_size();
    for_each_output(w, [&](std::int64_t o, window::extents const& start) {
      T sum{};
      for_each_tap(w, start, [&](std::int64_t at) { sum += std::pow(std::abs(source[at]), p); });
      y[plane * w.out_size() + o] = std::pow(sum, T{1} / p);
    });
  }
}

/// The number of planes of a tensor of images.
inline std::int64_t planes_of(shape const& x) { return checked_mul(x[0], x[1]); }

/// The greatest element of each window, and in output 1 where it lies. Numbers: the window, whether the index counts
/// columns first.
inline status greatest_of_windows(call const& c) {
  return visit_compute(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (!c.memory.measuring())
      max_pool<T>(window_of(c.integers), planes_of(c.in[0].shape), c.integers[window_numbers] != 0, x, y,
                  static_cast<std::int64_t*>(c.output(1).data));
    return {};
  });
}

/// The mean of each window. Numbers: the window, whether its padding counts.
inline status means_of_windows(call const& c) {
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (!c.memory.measuring())
      average_pool<T>(window_of(c.integers), planes_of(c.in[0].shape), c.integers[window_numbers] != 0, x, y);
    return {};
  });
}

/// The norm of each window. Numbers: the window; real: which norm.
inline status norms_of_windows(call const& c) {
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (!c.memory.measuring())
      lp_pool<T>(window_of(c.integers), planes_of(c.in[0].shape), static_cast<T>(c.reals[0]), x, y);
    return {};
  });
}

/// Zeros, and each element of in[0] where in[1] says. Numbers: the extents of the tensor that indices are for; it lies
/// at the origin of the output.
inline status put_where_found(call const& c) {
  shape const from(c.integers);
  auto const limit = static_cast<std::int64_t>(from.elements());
  return visit_compute(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return {};
    std::fill_n(y.data(), c.out[0].elements(), T{});
    auto const strides = row_major_strides(c.out[0].shape);
    auto const* const indices = static_cast<std::int64_t const*>(c.in[1].data);
    auto const count = static_cast<std::int64_t>(c.in[1].elements());
    for (std::int64_t i = 0; i < count; ++i) {
      auto rest = indices[i];
      if (rest < 0 || rest >= limit) return status::outside(rest, 0, limit - 1);
      std::int64_t target = 0;
      for (std::size_t d = from.rank(); d-- > 0; rest /= from[d]) target += rest % from[d] * strides[d];
      y[target] = x[i];
    }
    return {};
  });
}

}  // namespace sinter::kernels
