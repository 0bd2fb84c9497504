#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sinter::kernels {

/// How a window slides over the spatial dimensions of one plane. Always three dimensions; planes of fewer have extent,
/// kernel, stride and dilation 1 and no padding in the leading ones.
struct window {
  using extents = std::array<std::int64_t, 3>;

  extents in{1, 1, 1};
  extents out{1, 1, 1};
  extents kernel{1, 1, 1};
  extents stride{1, 1, 1};
  extents dilation{1, 1, 1};
  extents pad_begin{0, 0, 0};
  extents pad_end{0, 0, 0};

  static std::int64_t volume(extents const& e) { return e[0] * e[1] * e[2]; }
  std::int64_t in_size() const { return volume(in); }
  std::int64_t out_size() const { return volume(out); }
  std::int64_t kernel_size() const { return volume(kernel); }

  /// Where tap `k` of output `o` reads in dimension `d`; outside [0, in[d]) is padding.
  std::int64_t position(std::size_t d, std::int64_t o, std::int64_t k) const {
    return o * stride[d] - pad_begin[d] + k * dilation[d];
  }
};

/// Numbers of a window in a call.
inline constexpr std::size_t window_numbers = 21;

inline window window_of(std::span<std::int64_t const> numbers) {
  static_assert(sizeof(window) == window_numbers * sizeof(std::int64_t));
  window w;
  std::memcpy(static_cast<void*>(&w), numbers.data(), sizeof w);
  return w;
}

/// The outputs o in [first, last) of one dimension for which tap `k` reads inside the plane.
struct output_range {
  std::int64_t first = 0;
  std::int64_t last = 0;
};

inline output_range outputs_inside(window const& w, std::size_t d, std::int64_t k) {
  auto const offset = k * w.dilation[d] - w.pad_begin[d];
  auto const up = [&](std::int64_t v) { return v <= 0 ? 0 : (v + w.stride[d] - 1) / w.stride[d]; };
  auto const first = up(-offset), last = up(w.in[d] - offset);
  return {first, last < w.out[d] ? last : w.out[d]};
}

}  // namespace sinter::kernels
