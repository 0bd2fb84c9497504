#pragma once

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

}  // namespace sinter::kernels
