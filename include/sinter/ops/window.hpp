#pragma once

#include <sinter/kernels/window.hpp>
#include <sinter/ops/operator.hpp>

#include <cstring>
#include <string>
#include <vector>

namespace sinter {

/// How a window operator pads: by its `pads`, so that output extent is ceil(input / stride), or not at all.
enum class auto_pad { notset, same_upper, same_lower, valid };

/// The attributes that convolutions and pools share. Lists are empty where the node leaves them out.
struct window_attributes {
  auto_pad padding = auto_pad::notset;
  std::vector<std::int64_t> kernel{};
  std::vector<std::int64_t> strides{};
  std::vector<std::int64_t> dilations{};
  std::vector<std::int64_t> pads{};  ///< all begins, then all ends
  bool ceil_mode = false;
};

inline constexpr std::int64_t max_window_value = std::int64_t{1} << 31;

/// Checks that every value of an integer attribute lies in [least, 2^31].
inline void check_range(std::string_view attribute, std::vector<std::int64_t> const& values, std::int64_t least) {
  for (auto const v : values)
    if (v < least || v > max_window_value)
      fail(error_code::malformed_model, "the attribute '{}' holds {}, expected {} to {}", attribute, v, least,
           max_window_value);
}

inline auto_pad parse_auto_pad(attribute_reader const& r) {
  auto const text = r.get<std::string>("auto_pad", "NOTSET");
  if (text == "NOTSET" || text.empty()) return auto_pad::notset;
  if (text == "SAME_UPPER") return auto_pad::same_upper;
  if (text == "SAME_LOWER") return auto_pad::same_lower;
  if (text == "VALID") return auto_pad::valid;
  fail(error_code::malformed_model,
       "the attribute 'auto_pad' is '{}', expected NOTSET, SAME_UPPER, SAME_LOWER or VALID", text);
}

/// Reads auto_pad, kernel_shape, strides, dilations, pads and ceil_mode, and checks their ranges.
inline window_attributes parse_window(attribute_reader const& r) {
  using integers = std::vector<std::int64_t>;
  window_attributes a{.padding = parse_auto_pad(r),
                      .kernel = r.get("kernel_shape", integers{}),
                      .strides = r.get("strides", integers{}),
                      .dilations = r.get("dilations", integers{}),
                      .pads = r.get("pads", integers{}),
                      .ceil_mode = r.get("ceil_mode", false)};
  check_range("kernel_shape", a.kernel, 1);
  check_range("strides", a.strides, 1);
  check_range("dilations", a.dilations, 1);
  check_range("pads", a.pads, 0);
  return a;
}

/// The number of spatial dimensions of an NCHW-like shape; a rank outside 3 to 5 is an error.
inline std::size_t spatial_rank(shape const& s) {
  if (s.rank() < 3) fail(error_code::malformed_model, "the input has shape {}, expected NxCxD1 or more dimensions", s);
  if (s.rank() > 5)
    fail(error_code::unsupported_feature, "the input has {} spatial dimensions, at most 3 are supported", s.rank() - 2);
  return s.rank() - 2;
}

namespace detail {

inline void expect_length(std::string_view attribute, std::size_t length, std::size_t expected) {
  if (length != 0 && length != expected)
    fail(error_code::malformed_model, "the attribute '{}' has {} values, expected {}", attribute, length, expected);
}

/// The output extent of one dimension, for known padding. With `ceil_mode`, a last window that starts in the end
/// padding is dropped.
inline std::int64_t window_extent(kernels::window const& w, std::size_t d, bool ceil_mode) {
  auto const padded = w.in[d] + w.pad_begin[d] + w.pad_end[d];
  auto const reach = (w.kernel[d] - 1) * w.dilation[d] + 1;
  if (padded < reach)
    fail(error_code::malformed_model, "a window of {} does not fit in the padded extent {}", reach, padded);
  auto const room = padded - reach;
  if (!ceil_mode) return room / w.stride[d] + 1;
  auto const out = ceil_div(room, w.stride[d]) + 1;
  return (out - 1) * w.stride[d] >= w.in[d] + w.pad_begin[d] ? out - 1 : out;
}

}  // namespace detail

/// Places the window on planes of the given shape (NxCxspatial): padding and output extents. `kernel` are the spatial
/// extents of the kernel. Lists of a wrong length and windows larger than the padded plane are errors.
inline kernels::window place_window(window_attributes const& a, shape const& in, std::span<std::int64_t const> kernel) {
  auto const rank = spatial_rank(in);
  detail::expect_length("kernel_shape", kernel.size(), rank);
  detail::expect_length("strides", a.strides.size(), rank);
  detail::expect_length("dilations", a.dilations.size(), rank);
  detail::expect_length("pads", a.pads.size(), 2 * rank);
  kernels::window w;
  for (std::size_t i = 0; i < rank; ++i) {
    auto const d = i + 3 - rank;
    w.in[d] = in[i + 2];
    w.kernel[d] = kernel[i];
    if (!a.strides.empty()) w.stride[d] = a.strides[i];
    if (!a.dilations.empty()) w.dilation[d] = a.dilations[i];
    auto const reach = checked_add(checked_mul(w.kernel[d] - 1, w.dilation[d]), 1);
    if (a.padding == auto_pad::notset && !a.pads.empty()) {
      w.pad_begin[d] = a.pads[i];
      w.pad_end[d] = a.pads[i + rank];
    } else if (a.padding == auto_pad::same_upper || a.padding == auto_pad::same_lower) {
      w.out[d] = ceil_div(w.in[d], w.stride[d]);
      auto const total = std::max<std::int64_t>((w.out[d] - 1) * w.stride[d] + reach - w.in[d], 0);
      w.pad_begin[d] = a.padding == auto_pad::same_upper ? total / 2 : total - total / 2;
      w.pad_end[d] = total - w.pad_begin[d];
      continue;
    }
    w.out[d] = detail::window_extent(w, d, a.ceil_mode && a.padding == auto_pad::notset);
  }
  return w;
}

/// The numbers of a window and more, as kernels read them.
inline std::vector<std::int64_t> numbers_of(kernels::window const& w, std::initializer_list<std::int64_t> more) {
  std::vector<std::int64_t> numbers(kernels::window_numbers);
  std::memcpy(numbers.data(), &w, sizeof w);
  numbers.insert(numbers.end(), more);
  return numbers;
}

/// The shape NxCx(output extents) for an input of shape `in`.
inline shape window_output(kernels::window const& w, shape const& in, std::int64_t channels) {
  shape out{in[0], channels};
  for (std::size_t i = 2; i < in.rank(); ++i) out.push_back(w.out[i + 3 - in.rank()]);
  return out;
}

}  // namespace sinter
