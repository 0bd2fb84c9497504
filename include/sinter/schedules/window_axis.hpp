#pragma once

#include <cstdint>

/// How the windows of convolution and pooling lie on their input.
namespace sinter {

/// One spatial axis of a windowed operator, in elements.
struct window_axis {
  std::int64_t in = 1, out = 1;
  std::int64_t kernel = 1, stride = 1, dilation = 1, pad_begin = 0;

  /// Input position of tap `k` for output position `o`; may lie outside [0, in).
  std::int64_t position(std::int64_t o, std::int64_t k) const { return o * stride + k * dilation - pad_begin; }
  bool inside(std::int64_t o, std::int64_t k) const {
    auto const i = position(o, k);
    return i >= 0 && i < in;
  }
  /// Input positions from the first tap of a position on to the last one of the position `length - 1` behind it.
  std::int64_t inputs(std::int64_t length) const { return (length - 1) * stride + (kernel - 1) * dilation + 1; }
  bool pointwise() const { return kernel == 1 && stride == 1 && pad_begin == 0 && in == out; }
};

struct window2d {
  window_axis y, x;

  /// A pointwise window over a plane is one over a row: tiles need not end with rows.
  window2d flattened() const {
    if (!y.pointwise() || !x.pointwise()) return *this;
    return {.y = {}, .x = {.in = y.in * x.in, .out = y.out * x.out}};
  }
};

}  // namespace sinter
