#pragma once

#include <sinter/kernels/pointwise.hpp>
#include <sinter/kernels/quantize.hpp>
#include <sinter/kernels/window.hpp>

#include <algorithm>

namespace sinter::kernels {

/// Extents of a convolution besides its window.
struct convolution_extents {
  std::int64_t batch = 1;
  std::int64_t groups = 1;
  std::int64_t in_channels = 1;   ///< of one group
  std::int64_t out_channels = 1;  ///< of one group
};

/// y[0..count) += f * x[0, step, 2*step ...) for `Rows` rows of y that lie `pitch` apart, each with its own factor.
template <int Rows, typename T>
void accumulate_rows(T* y, std::int64_t pitch, T const* x, std::int64_t step, T const* factors, std::int64_t count) {
  T f[Rows];
  for (int r = 0; r < Rows; ++r) f[r] = factors[r];
  if (step == 1) {
    for (std::int64_t i = 0; i < count; ++i)
      for (int r = 0; r < Rows; ++r) y[r * pitch + i] += f[r] * x[i];
  } else {
    for (std::int64_t i = 0; i < count; ++i)
      for (int r = 0; r < Rows; ++r) y[r * pitch + i] += f[r] * x[i * step];
  }
}

/// One input plane's contribution to `Rows` output planes. `weights` points at the kernel of the first output channel;
/// those of the next lie `weight_pitch` apart.
template <int Rows, typename T>
void convolve_plane(window const& w, T const* x, T const* weights, std::int64_t weight_pitch, T* y) {
  auto const pitch = w.out_size();
  for (std::int64_t tap = 0; tap < w.kernel_size(); ++tap) {
    auto const kx = tap % w.kernel[2], ky = tap / w.kernel[2] % w.kernel[1], kz = tap / (w.kernel[2] * w.kernel[1]);
    T factors[Rows];
    for (int r = 0; r < Rows; ++r) factors[r] = weights[r * weight_pitch + tap];
    auto const rz = outputs_inside(w, 0, kz), ry = outputs_inside(w, 1, ky), rx = outputs_inside(w, 2, kx);
    if (rx.first >= rx.last) continue;
    auto const count = rx.last - rx.first;
    for (auto z = rz.first; z < rz.last; ++z)
      for (auto line = ry.first; line < ry.last; ++line) {
        auto const source =
            (w.position(0, z, kz) * w.in[1] + w.position(1, line, ky)) * w.in[2] + w.position(2, rx.first, kx);
        accumulate_rows<Rows>(y + (z * w.out[1] + line) * w.out[2] + rx.first, pitch, x + source, w.stride[2], factors,
                              count);
      }
  }
}

/// True where a window reads every element exactly once in order, so that a plane may be seen as one line.
inline bool is_pointwise(window const& w) {
  window::extents const ones{1, 1, 1}, zeros{0, 0, 0};
  return w.kernel == ones && w.stride == ones && w.pad_begin == zeros && w.pad_end == zeros;
}

/// y = x (*) weights + bias; x is NxCxin, weights MxC/groups x kernel, bias M elements or null, y NxMxout, all dense.
template <typename T>
void convolve(convolution_extents const& e, window w, T const* x, T const* weights, T const* bias, T* y) {
  if (is_pointwise(w)) w.in = w.out = {1, 1, w.in_size()};
  auto const in_plane = w.in_size(), out_plane = w.out_size(), taps = w.kernel_size();
  auto const weight_pitch = e.in_channels * taps;
  for (std::int64_t image = 0; image < e.batch; ++image)
    for (std::int64_t g = 0; g < e.groups; ++g) {
      auto const* source = x + (image * e.groups + g) * e.in_channels * in_plane;
      for (std::int64_t m = 0; m < e.out_channels;) {
        auto const channel = g * e.out_channels + m;
        auto const rows = e.out_channels - m >= 4 ? 4 : 1;
        auto* target = y + (image * e.groups * e.out_channels + channel) * out_plane;
        for (int r = 0; r < rows; ++r) std::fill_n(target + r * out_plane, out_plane, bias ? bias[channel + r] : T{});
        for (std::int64_t c = 0; c < e.in_channels; ++c) {
          auto const* kernel = weights + channel * weight_pitch + c * taps;
          if (rows == 4)
            convolve_plane<4>(w, source + c * in_plane, kernel, weight_pitch, target);
          else
            convolve_plane<1>(w, source + c * in_plane, kernel, weight_pitch, target);
        }
        m += rows;
      }
    }
}

/// The adjoint of `convolve` in x: scatters each element of x (NxCx`w.out`) over y (NxMx`w.in`); weights are
/// C x M/groups x kernel. Here `in_channels` and `out_channels` are those of x and y.
template <typename T>
void convolve_transposed(convolution_extents const& e, window const& w, T const* x, T const* weights, T const* bias,
                         T* y) {
  auto const x_plane = w.out_size(), y_plane = w.in_size(), taps = w.kernel_size();
  auto const scatter = [&](T const* source, T const* kernel, T* target) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      auto const kx = tap % w.kernel[2], ky = tap / w.kernel[2] % w.kernel[1], kz = tap / (w.kernel[2] * w.kernel[1]);
      auto const rz = outputs_inside(w, 0, kz), ry = outputs_inside(w, 1, ky), rx = outputs_inside(w, 2, kx);
      for (auto z = rz.first; z < rz.last; ++z)
        for (auto line = ry.first; line < ry.last; ++line) {
          auto* to = target + (w.position(0, z, kz) * w.in[1] + w.position(1, line, ky)) * w.in[2];
          auto const* from = source + (z * w.out[1] + line) * w.out[2];
          for (auto i = rx.first; i < rx.last; ++i) to[w.position(2, i, kx)] += kernel[tap] * from[i];
        }
    }
  };
  for (std::int64_t image = 0; image < e.batch; ++image)
    for (std::int64_t g = 0; g < e.groups; ++g)
      for (std::int64_t m = 0; m < e.out_channels; ++m) {
        auto const channel = g * e.out_channels + m;
        auto* target = y + (image * e.groups * e.out_channels + channel) * y_plane;
        std::fill_n(target, y_plane, bias ? bias[channel] : T{});
        for (std::int64_t c = 0; c < e.in_channels; ++c) {
          auto const in_channel = g * e.in_channels + c;
          scatter(x + (image * e.groups * e.in_channels + in_channel) * x_plane,
                  weights + (in_channel * e.out_channels + m) * taps, target);
        }
      }
}

/// Extents of a convolution of in[0] with weights, in so many groups.
inline convolution_extents extents_of_convolution(shape const& x, shape const& weights, std::int64_t groups) {
  return {.batch = x[0], .groups = groups, .in_channels = weights[1], .out_channels = weights[0] / groups};
}

/// A convolution of in[0] with in[1], plus in[2] (which may be omitted), and then an expression of that and of in[3]
/// and so on, where there are reals: see `pointwise`. Numbers: the window, the groups, the expression.
inline status convolution(call const& c) {
  visit_floating(c.in[0].type, [&]<typename T>() {
    staged_input<T> x(c.in[0], c.memory), weights(c.in[1], c.memory), bias(c.input(2), c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return;
    convolve<T>(extents_of_convolution(c.in[0].shape, c.in[1].shape, c.integers[window_numbers]), window_of(c.integers),
                x, weights, bias, y);
  });
  return pointwise_after(c, window_numbers + 1);
}

/// The adjoint. Numbers: the window, the groups.
inline status transposed_convolution(call const& c) {
  auto const groups = c.integers[window_numbers];
  convolution_extents const e{.batch = c.in[0].shape[0],
                              .groups = groups,
                              .in_channels = c.in[0].shape[1] / groups,
                              .out_channels = c.in[1].shape[1]};
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory), weights(c.in[1], c.memory), bias(c.input(2), c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (!c.memory.measuring()) convolve_transposed<T>(e, window_of(c.integers), x, weights, bias, y);
    return {};
  });
}

/// A convolution of integers; in[2] and in[3] are zero points, which may be omitted. Numbers: the window, the groups.
inline status integer_convolution(call const& c) {
  auto const* const x = without_zero_point(c.in[0], c.input(2), 0, c.memory);
  auto const* const weights = without_zero_point(c.in[1], c.input(3), 0, c.memory);
  staged_output<std::int64_t> y(c.out[0], c.memory);
  if (!c.memory.measuring())
    convolve<std::int64_t>(extents_of_convolution(c.in[0].shape, c.in[1].shape, c.integers[window_numbers]),
                           window_of(c.integers), x, weights, nullptr, y);
  return {};
}

/// A convolution of quantised numbers: x, its scale and zero point, weights, theirs, the output's, a bias that may be
/// omitted, what is added to the results. Numbers: the window, the groups, the least and the greatest result, and those
/// of sums.
inline status quantized_convolution(call const& c) {
  auto const w = window_of(c.integers);
  auto const* const x = without_zero_point(c.in[0], c.in[2], 0, c.memory);
  auto const* const weights = without_zero_point(c.in[3], c.in[5], 0, c.memory);
  staged_input<std::int64_t> bias(c.input(8), c.memory), zero(c.in[7], c.memory);
  staged_input<float> x_scale(c.in[1], c.memory), w_scale(c.in[4], c.memory), y_scale(c.in[6], c.memory);
  auto const count = c.out[0].elements();
  quantized_addend const added(c, 9);
  auto* const sums = c.memory.take<std::int64_t>(count);
  if (c.memory.measuring()) return {};
  convolve<std::int64_t>(extents_of_convolution(c.in[0].shape, c.in[3].shape, c.integers[window_numbers]), w, x,
                         weights, bias, sums);
  auto const ranges = c.integers.subspan(window_numbers + 1);
  integer_range const range{ranges[0], ranges[1]}, of_sums = c.input(9) ? integer_range{ranges[2], ranges[3]} : range;
  auto const channels = c.in[3].shape[0], plane = w.out_size();
  bool const single = c.in[4].elements() == 1;
  for (std::size_t i = 0; i < count; ++i) {
    auto const channel = static_cast<std::int64_t>(i) / plane % channels;
    auto const scale = x_scale[0] * w_scale[single ? 0 : channel] / y_scale[0];
    auto const y = quantized(static_cast<float>(sums[i]) * scale, zero[0], range);
    store<std::int64_t>(c.out[0].type, c.out[0].data, i, added(i, y, y_scale[0], zero[0], of_sums));
  }
  return {};
}

}  // namespace sinter::kernels
