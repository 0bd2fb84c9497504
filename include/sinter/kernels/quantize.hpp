#pragma once

#include <sinter/kernels/integer_range.hpp>
#include <sinter/kernels/reduction.hpp>
#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <cmath>

/// Kernels between real and quantised numbers.
namespace sinter::kernels {

/// x / scale rounded to even, moved by the zero point, saturated to the range. A NaN gives the zero point.
inline std::int64_t quantized(float scaled, std::int64_t zero_point, integer_range range) {
  auto const rounded = std::isnan(scaled) ? 0.0 : std::nearbyint(static_cast<double>(scaled));
  auto const value = rounded + static_cast<double>(zero_point);
  return static_cast<std::int64_t>(
      std::clamp(value, static_cast<double>(range.least), static_cast<double>(range.greatest)));
}

/// Which scale belongs to which element: one for all, one for each index of an axis, or one for each block of an axis.
struct scale_index {
  enum class kind : std::int64_t { tensor, axis, block };
  kind what = kind::tensor;
  axis_view view{};
  std::int64_t block = 1, blocks = 1;  ///< elements of a block, blocks along the axis

  /// Six numbers of a call.
  static scale_index of(std::span<std::int64_t const> n) {
    return {static_cast<kind>(n[0]), {n[1], n[2], n[3]}, n[4], n[5]};
  }
  std::int64_t operator()(std::int64_t i) const {
    if (what == kind::tensor) return 0;
    auto const along = i / view.inner % view.extent;
    if (what == kind::axis) return along;
    return (i / (view.inner * view.extent) * blocks + along / block) * view.inner + i % view.inner;
  }
};

/// To an 8-bit or 4-bit float; without saturation what is too large becomes infinity or NaN.
inline void store_quantized_float(mutable_tensor_view y, std::size_t i, float value, bool saturate) {
  auto* codes = static_cast<std::uint8_t*>(y.data);
  switch (saturate ? dtype::undefined : y.type) {
    case dtype::float8e4m3fn: codes[i] = encode(float8e4m3fn_format, value, false); return;
    case dtype::float8e4m3fnuz: codes[i] = encode(float8e4m3fnuz_format, value, false); return;
    case dtype::float8e5m2: codes[i] = encode(float8e5m2_format, value, false); return;
    case dtype::float8e5m2fnuz: codes[i] = encode(float8e5m2fnuz_format, value, false); return;
    default: store<float>(y.type, y.data, i, value);
  }
}

/// in[0] / in[1], rounded, plus the zero point in[2] (which may be omitted). Numbers: whether floats saturate, then a
/// scale_index.
inline status quantize(call const& c) {
  auto const index = scale_index::of(c.integers.subspan(1));
  auto const type = c.out[0].type;
  staged_input<float> x(c.in[0], c.memory), scale(c.in[1], c.memory);
  staged_input<std::int64_t> zeros(is_floating(type) ? tensor_view{} : c.input(2), c.memory);
  if (c.memory.measuring()) return {};
  auto const count = static_cast<std::int64_t>(c.in[0].elements());
  if (is_floating(type)) {
    for (std::int64_t i = 0; i < count; ++i)
      store_quantized_float(c.out[0], static_cast<std::size_t>(i), x[i] / scale[index(i)], c.integers[0] != 0);
    return {};
  }
  auto const range = range_of(type);
  for (std::int64_t i = 0; i < count; ++i) {
    auto const s = index(i);
    store<std::int64_t>(type, c.out[0].data, static_cast<std::size_t>(i),
                        quantized(x[i] / scale[s], zeros.data() ? zeros[s] : 0, range));
  }
  return {};
}

/// (in[0] - in[2]) * in[1], where in[2] may be omitted. Numbers: a scale_index.
inline status dequantize(call const& c) {
  auto const index = scale_index::of(c.integers);
  return visit_compute(c.in[0].type, [&]<typename T>() -> status {
    staged_input<float> scale(c.in[1], c.memory);
    staged_output<float> y(c.out[0], c.memory);
    staged_input<T> x(c.in[0], c.memory), zeros(c.input(2), c.memory);
    if (c.memory.measuring()) return {};
    auto const count = static_cast<std::int64_t>(c.in[0].elements());
    for (std::int64_t i = 0; i < count; ++i) {
      auto const s = index(i);
      y[i] = static_cast<float>(zeros.data() ? x[i] - zeros[s] : x[i]) * scale[s];
    }
    return {};
  });
}

/// The sum of two quantised tensors of one shape: each with its scale and zero point, then the output's, all of one
/// element. Numbers: the least and the greatest result.
inline status quantized_sum(call const& c) {
  staged_input<std::int64_t> a(c.in[0], c.memory), b(c.in[3], c.memory);
  staged_input<std::int64_t> a_zero(c.in[2], c.memory), b_zero(c.in[5], c.memory), zero(c.in[7], c.memory);
  staged_input<float> a_scale(c.in[1], c.memory), b_scale(c.in[4], c.memory), scale(c.in[6], c.memory);
  if (c.memory.measuring()) return {};
  integer_range const range{c.integers[0], c.integers[1]};
  auto const real = [](std::int64_t x, std::int64_t zero_point, float step) {
    return static_cast<float>(x - zero_point) * step;
  };
  for (std::size_t i = 0; i < c.out[0].elements(); ++i) {
    auto const at = static_cast<std::int64_t>(i);
    auto const sum = real(a[at], a_zero[0], a_scale[0]) + real(b[at], b_zero[0], b_scale[0]);
    store<std::int64_t>(c.out[0].type, c.out[0].data, i, quantized(sum / scale[0], zero[0], range));
  }
  return {};
}

/// What is added to results that are quantised: in[first] of their shape, its scale and zero point, those of the sum.
/// Without it, results stay what they are.
class quantized_addend {
 public:
  quantized_addend(call const& c, std::size_t first)
      : addend_(c.input(first), c.memory),
        zero_(c.input(first + 2), c.memory),
        sum_zero_(c.input(first + 4), c.memory),
        scale_(c.input(first + 1), c.memory),
        sum_scale_(c.input(first + 3), c.memory) {}

  /// Result `i`, which is `y` with scale and zero point; of sums those in `range`.
  std::int64_t operator()(std::size_t i, std::int64_t y, float scale, std::int64_t zero, integer_range range) const {
    if (!addend_.data()) return y;
    auto const own = static_cast<float>(y - zero) * scale;
    auto const added = static_cast<float>(addend_[static_cast<std::int64_t>(i)] - zero_[0]) * scale_[0];
    return quantized((own + added) / sum_scale_[0], sum_zero_[0], range);
  }

 private:
  staged_input<std::int64_t> addend_, zero_, sum_zero_;
  staged_input<float> scale_, sum_scale_;
};

/// The means of planes, of quantised numbers with scale in[1] and zero point in[2].
inline status quantized_means(call const& c) {
  staged_input<std::int64_t> x(c.in[0], c.memory), zero(c.in[2], c.memory);
  staged_input<float> scale(c.in[1], c.memory);
  if (c.memory.measuring()) return {};
  auto const planes = static_cast<std::int64_t>(c.out[0].elements());
  auto const pixels = planes == 0 ? 0 : static_cast<std::int64_t>(c.in[0].elements()) / planes;
  for (std::int64_t i = 0; i < planes; ++i) {
    std::int64_t sum = 0;
    for (std::int64_t p = 0; p < pixels; ++p) sum += x[i * pixels + p] - zero[0];
    static_cast<float*>(c.out[0].data)[i] = static_cast<float>(sum) * (scale[0] / static_cast<float>(pixels));
  }
  return {};
}

/// To uint8, with scale (output 1) and zero point (output 2) from the input's range, which is made to include 0.
inline status quantize_dynamically(call const& c) {
  staged_input<float> x(c.in[0], c.memory);
  if (c.memory.measuring()) return {};
  auto const count = static_cast<std::int64_t>(c.in[0].elements());
  float least = 0, greatest = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    least = std::min(least, x[i]);
    greatest = std::max(greatest, x[i]);
  }
  auto const scale = (greatest - least) / 255;
  integer_range const range{0, 255};
  auto const zero = scale > 0 ? quantized(-least / scale, 0, range) : 0;
  if (auto* const y = static_cast<std::uint8_t*>(c.out[0].data); c.out[0])
    for (std::int64_t i = 0; i < count; ++i)
      y[i] = static_cast<std::uint8_t>(scale > 0 ? quantized(x[i] / scale, zero, range) : zero);
  if (auto const to = c.output(1)) *static_cast<float*>(to.data) = scale;
  if (auto const to = c.output(2)) *static_cast<std::uint8_t*>(to.data) = static_cast<std::uint8_t>(zero);
  return {};
}

/// Elements less their zero point (which may be omitted): one for all, or one for each index of an axis.
inline std::int64_t const* without_zero_point(tensor_view x, tensor_view zero_point, std::size_t axis,
                                              workspace& memory) {
  auto const count = x.elements();
  compute_kind_of(x.type);
  auto* const values = memory.take<std::int64_t>(count);
  staged_input<std::int64_t> zeros(zero_point, memory);
  if (memory.measuring()) return values;
  load_run<std::int64_t>(x.type, x.data, 0, 1, count, values);
  if (!zeros.data()) return values;
  bool const single = zero_point.elements() == 1;
  auto const view = x.shape.empty() ? axis_view{} : axis_view::of(x.shape, axis);
  for (std::size_t i = 0; i < count; ++i)
    values[i] -= single ? zeros[0] : zeros[static_cast<std::int64_t>(i) / view.inner % view.extent];
  return values;
}

}  // namespace sinter::kernels
