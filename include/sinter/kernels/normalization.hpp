#pragma once

#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace sinter::kernels {

/// Mean and mean square distance from it.
struct moments {
  double mean = 0;
  double variance = 0;
};

/// The moments of `count` elements; with `centred` false, the mean is taken to be 0.
template <typename T>
moments moments_of(T const* x, std::int64_t count, bool centred = true) {
  moments m;
  if (centred) {
    for (std::int64_t i = 0; i < count; ++i) m.mean += static_cast<double>(x[i]);
    m.mean /= static_cast<double>(count);
  }
  for (std::int64_t i = 0; i < count; ++i) {
    auto const d = static_cast<double>(x[i]) - m.mean;
    m.variance += d * d;
  }
  m.variance /= static_cast<double>(count);
  return m;
}

inline double inverse_deviation(moments const& m, double epsilon) { return 1 / std::sqrt(m.variance + epsilon); }

/// y = x * scale + shift.
template <typename T>
void scale_and_shift(T const* x, T* y, std::int64_t count, T scale, T shift) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] * scale + shift;
}

/// A scale or bias of rows: the same for all where its shape allows, else broadcast to the whole input.
template <typename T>
class row_factors {
 public:
  row_factors(tensor_view v, shape const& all, shape const& row, workspace& memory) {
    for (std::size_t i = 0; v && i + row.rank() < v.shape.rank(); ++i) repeats_ = repeats_ && v.shape[i] == 1;
    while (repeats_ && v.shape.rank() > row.rank()) v.shape.erase(0);
    values_ = broadcast_elements<T>(v, repeats_ ? row : all, memory);
  }
  /// Null where there are none.
  T const* row(std::int64_t r, std::int64_t count) const {
    return values_ && !repeats_ ? values_ + r * count : values_;
  }

 private:
  T const* values_ = nullptr;
  bool repeats_ = true;
};

/// The value as the element type holds it.
template <typename T>
T rounded_to(dtype type, T value) {
  if (type == dtype_of<T>) return value;
  std::uint64_t bits = 0;
  store<T>(type, &bits, 0, value);
  return load<T>(type, &bits, 0);
}

/// Rows are normalised, rounded, scaled by input 1 and shifted by input 2 (which may be omitted). Outputs 1 and 2,
/// where used, are the mean and the inverse deviation of each row. Numbers: the axis where rows begin, whether the mean
/// is taken away; real: epsilon.
inline status normalize_rows(call const& c) {
  auto const& s = c.in[0].shape;
  auto const axis = static_cast<std::size_t>(c.integers[0]);
  auto const rows = static_cast<std::int64_t>(s.elements(0, axis));
  auto const count = static_cast<std::int64_t>(s.elements(axis, s.rank()));
  shape const row(s.span().subspan(axis));
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    row_factors<T> const scale(c.in[1], s, row, c.memory), bias(c.input(2), s, row, c.memory);
    if (c.memory.measuring()) return {};
    for (std::int64_t r = 0; r < rows; ++r) {
      auto const m = moments_of(x + r * count, count, c.integers[1] != 0);
      auto const factor = static_cast<T>(inverse_deviation(m, c.reals[0])), mean = static_cast<T>(m.mean);
      auto const *f = scale.row(r, count), *b = bias.row(r, count);
      for (std::int64_t i = 0; y.data() && i < count; ++i)
        y[r * count + i] = rounded_to<T>(c.out[0].type, (x[r * count + i] - mean) * factor) * f[i] + (b ? b[i] : T{});
      for (std::size_t k = 1; k < 3; ++k)
        if (auto const to = c.output(k))
          store<T>(to.type, to.data, static_cast<std::size_t>(r), k == 1 ? mean : factor);
    }
    return {};
  });
}

/// Each image's channels are normalised by themselves or in groups, then scaled by in[1] and shifted by in[2]. Numbers:
/// the groups, whether scales are those of groups; real: epsilon.
inline status normalize_groups(call const& c) {
  auto const& s = c.in[0].shape;
  auto const plane = static_cast<std::int64_t>(s.elements(2, s.rank())), groups = c.integers[0];
  auto const width = groups == 0 ? 0 : s[1] / groups;
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory), scale(c.in[1], c.memory), bias(c.in[2], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return {};
    for (std::int64_t block = 0; block < s[0] * groups; ++block) {
      auto const m = moments_of(x + block * width * plane, width * plane);
      auto const inverse = inverse_deviation(m, c.reals[0]);
      for (std::int64_t channel = 0; channel < width; ++channel) {
        auto const which = c.integers[1] ? block % groups : block % groups * width + channel;
        auto const factor = inverse * static_cast<double>(scale[which]);
        auto const at = (block * width + channel) * plane;
        scale_and_shift(x + at, y + at, plane, static_cast<T>(factor),
                        static_cast<T>(static_cast<double>(bias[which]) - m.mean * factor));
      }
    }
    return {};
  });
}

/// (x - mean) / sqrt(variance + epsilon) * scale + bias for each channel: the inputs are x, scale, bias, mean,
/// variance. In training the moments are those of the batch, and outputs 1 to 4, where used, are the running moments
/// and those. Numbers: the channels, whether in training; reals: epsilon, momentum.
inline status normalize_batch(call const& c) {
  auto const& s = c.in[0].shape;
  auto const channels = c.integers[0], images = s.rank() > 1 ? s[0] : 1;
  auto const plane = images * channels == 0 ? 0 : static_cast<std::int64_t>(s.elements()) / (images * channels);
  bool const training = c.integers[1] != 0;
  auto const epsilon = c.reals[0], momentum = c.reals[1];
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory), scale(c.in[1], c.memory), bias(c.in[2], c.memory), mean(c.in[3], c.memory),
        variance(c.in[4], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    auto* const values = c.memory.take<T>(training ? static_cast<std::size_t>(images * plane) : 0);
    if (c.memory.measuring()) return {};
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      moments m{static_cast<double>(mean[channel]), static_cast<double>(variance[channel])};
      if (training) {
        for (std::int64_t n = 0; n < images; ++n)
          std::copy_n(x + (n * channels + channel) * plane, plane, values + n * plane);
        auto const batch = moments_of(values, images * plane);
        auto const mix = [&](double before, double now) { return before * momentum + now * (1 - momentum); };
        double const kept[] = {mix(m.mean, batch.mean), mix(m.variance, batch.variance), batch.mean, batch.variance};
        for (std::size_t i = 1; i < 5; ++i)
          if (auto const to = c.output(i))
            store<T>(to.type, to.data, static_cast<std::size_t>(channel), static_cast<T>(kept[i - 1]));
        m = batch;
      }
      auto const factor = static_cast<double>(scale[channel]) * inverse_deviation(m, epsilon);
      auto const shift = static_cast<double>(bias[channel]) - m.mean * factor;
      for (std::int64_t n = 0; n < images; ++n) {
        auto const at = (n * channels + channel) * plane;
        scale_and_shift(x + at, y + at, plane, static_cast<T>(factor), static_cast<T>(shift));
      }
    }
    return {};
  });
}

/// Local response normalisation across channels. Number: how many channels; reals: alpha, beta, bias.
inline status normalize_neighbours(call const& c) {
  auto const& s = c.in[0].shape;
  auto const channels = s[1], plane = static_cast<std::int64_t>(s.elements(2, s.rank())), size = c.integers[0];
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    auto* const squares = c.memory.take<T>(static_cast<std::size_t>(plane));
    if (c.memory.measuring()) return {};
    auto const scale = static_cast<T>(static_cast<float>(c.reals[0]) / static_cast<float>(size));
    auto const beta = static_cast<T>(c.reals[1]), bias = static_cast<T>(c.reals[2]);
    for (std::int64_t n = 0; n < s[0]; ++n)
      for (std::int64_t channel = 0; channel < channels; ++channel) {
        std::fill_n(squares, plane, T{});
        auto const first = std::max<std::int64_t>(0, channel - (size - 1) / 2);
        auto const last = std::min(channels - 1, channel + size / 2);
        for (auto other = first; other <= last; ++other) {
          auto const* from = x + (n * channels + other) * plane;
          for (std::int64_t i = 0; i < plane; ++i) squares[i] += from[i] * from[i];
        }
        auto const at = (n * channels + channel) * plane;
        for (std::int64_t i = 0; i < plane; ++i) y[at + i] = x[at + i] / std::pow(bias + scale * squares[i], beta);
      }
    return {};
  });
}

/// (x - mean) / deviation over axes. Numbers: the axes as bits, the elements of a mean, the means.
inline status normalize_axes(call const& c) {
  auto const groups = static_cast<std::size_t>(c.integers[2]);
  auto const count = static_cast<double>(c.integers[1]);
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    auto* const mean = c.memory.take<double>(groups);
    auto* const deviation = c.memory.take<double>(groups);
    if (c.memory.measuring()) return {};
    std::fill_n(mean, groups, 0.0);
    std::fill_n(deviation, groups, 0.0);
    auto const each = [&](auto&& visit) {
      for_each_reduced(
          c.in[0].shape, [&](std::size_t axis) { return c.integers[0] >> axis & 1; }, visit);
    };
    each([&](std::int64_t i, std::int64_t o) { mean[o] += static_cast<double>(x[i]) / count; });
    each([&](std::int64_t i, std::int64_t o) {
      auto const d = static_cast<double>(x[i]) - mean[o];
      deviation[o] += d * d / count;
    });
    for (std::size_t o = 0; o < groups; ++o) deviation[o] = std::sqrt(deviation[o]) + 1e-9;
    each([&](std::int64_t i, std::int64_t o) {
      y[i] = static_cast<T>((static_cast<double>(x[i]) - mean[o]) / deviation[o]);
    });
    return {};
  });
}

/// Lines along an axis, divided by their norm; a line of zeros stays zero. Numbers: the axis, which norm: 1 or 2.
inline status normalize_lines(call const& c) {
  auto const view = axis_view::of(c.in[0].shape, static_cast<std::size_t>(c.integers[0]));
  auto const p = c.integers[1];
  return visit_floating(c.in[0].type, [&]<typename T>() -> status {
    staged_input<T> x(c.in[0], c.memory);
    staged_output<T> y(c.out[0], c.memory);
    if (c.memory.measuring()) return {};
    view.for_each_line([&](std::int64_t first) {
      double norm = 0;
      for (std::int64_t i = 0; i < view.extent; ++i) {
        auto const v = static_cast<double>(x[first + i * view.inner]);
        norm += p == 1 ? std::abs(v) : v * v;
      }
      if (p == 2) norm = std::sqrt(norm);
      for (std::int64_t i = 0; i < view.extent; ++i) {
        auto const at = first + i * view.inner;
        y[at] = norm == 0 ? T{} : static_cast<T>(static_cast<double>(x[at]) / norm);
      }
    });
    return {};
  });
}

}  // namespace sinter::kernels
