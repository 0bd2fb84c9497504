#pragma once

#include <sinter/schedules/strip_kernels.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// Some rows of a convolution that reads a row-major image of few channels, all output channels at a time. `window.y`
/// is that of these rows: its input begins with the first row of the image that they read, and what lies outside of the
/// image is padding. Distances are in bytes.
///
///     for group of output blocks, row, tile of columns: contraction tile
struct strip_image {
  std::string name{};
  window2d window{};
  std::int64_t in_channels = 1, out_blocks = 1;
  std::int64_t x_channel = 0, y_block = 0;
  std::int64_t interleave = 2;  ///< output blocks that are packed side by side
  bool half_tail = false;       ///< as in contraction_tile
  bool bias = false;
  epilogue_code epilogue{};

  std::int64_t in_row() const { return window.x.in * 4; }
  std::int64_t reduction() const { return in_channels * window.y.kernel * window.x.kernel; }
  std::int64_t x_bytes() const { return (in_channels - 1) * x_channel + window.y.in * in_row(); }
  std::int64_t y_bytes() const { return (out_blocks - 1) * y_block + window.y.out * window.x.out * channel_block * 4; }
};

namespace detail {

class strip_image_builder {
 public:
  strip_image_builder(strip_image const& s, target const& machine)
      : s_(s), b_(s.name, machine.lanes()), wide_(machine.registers() == 32 ? 2 : 1) {
    using vector::access;
    o_.x = b_.argument("x", access::in, s.x_bytes());
    o_.w = b_.argument("w", access::constant,
                       ceil_div(s.out_blocks, s.interleave) * packed_group_bytes(s.reduction(), s.interleave));
    if (s.bias) o_.bias = b_.argument("b", access::constant, s.out_blocks * pixel);
    o_.extras = s.epilogue.declare(b_, s.y_bytes(), s.out_blocks * pixel);
    o_.y = b_.argument("y", access::out, s.y_bytes());
  }

  vector::program build() {
    for (std::int64_t first = 0; first < s_.out_blocks;) {
      auto const within = first % s_.interleave;
      auto const blocks = std::min({wide_, s_.interleave - within, s_.out_blocks - first});
      for (std::int64_t row = 0; row < s_.window.y.out; ++row)
        for (auto const& columns : tile_axis(s_.window.x, wide_ == 1 ? 6 : blocks == 2 ? 14 : 24))
          tiles(first, blocks, row, columns);
      first += blocks;
    }
    return std::move(b_).take();
  }

 private:
  static constexpr std::int64_t pixel = channel_block * 4;

  /// `blocks` output blocks from `first` on, of some columns of a row.
  void tiles(std::int64_t first, std::int64_t blocks, std::int64_t row, tile_run const& columns) {
    auto const &y = s_.window.y, &x = s_.window.x;
    contraction_tile t{.cols = columns.length};
    t.x_origin = y.position(row, 0) * s_.in_row() + x.position(columns.first, 0) * 4;
    t.x_col = x.stride * 4;
    t.x_tap_row = y.dilation * s_.in_row();
    t.x_tap_col = x.dilation * 4;
    t.x_channel = s_.x_channel;
    t.taps_y = group_taps(y, {.first = row});
    t.taps_x = group_taps(x, columns);
    t.kernel_rows = y.kernel;
    t.kernel_cols = x.kernel;
    if (!t.taps_y.empty() && !t.taps_x.empty()) t.sections = {{.channels = s_.in_channels}};
    t.w_channel = s_.interleave * pixel;
    for (std::int64_t i = 0; i < blocks; ++i) t.w_blocks.push_back(i * pixel);
    t.half_tail = s_.half_tail && first + blocks == s_.out_blocks;
    t.y_col = pixel;
    t.y_block = s_.y_block;
    t.bias = s_.bias;
    t.epilogue = s_.epilogue;

    auto const at = (row * x.out + columns.first) * pixel;
    auto const group = first / s_.interleave * packed_group_bytes(s_.reduction(), s_.interleave);
    contraction_operands o{.x = o_.x, .w = o_.w + (group + first % s_.interleave * pixel)};
    if (s_.bias) o.bias = o_.bias + first * pixel;
    o.y = o_.y + (first * s_.y_block + at);
    for (std::size_t i = 0; i < o_.extras.size(); ++i)
      o.extras.push_back(o_.extras[i] + (s_.epilogue.extras[i] == extra_kind::scalar ? 0 : first * pixel));
    b_.loop(columns.count, {{o_.x, columns.length * t.x_col}, {o_.y, columns.length * pixel}},
            [&] { emit_contraction(t, b_, o); });
  }

  strip_image const& s_;
  vector::builder b_;
  std::int64_t wide_;
  contraction_operands o_{};
};

}  // namespace detail

/// Arguments: the image from its first row that is read on, w, the bias if there is one, the epilogue's extras, none of
/// which has a value for each element, y.
inline vector::recipe strip_image_recipe(strip_image s, target const& machine) {
  auto const& [name, window, in_channels, out_blocks, x_channel, y_block, interleave, half_tail, bias, epilogue] = s;
  vector::recipe_key key("strip_image", machine);
  for (auto const& axis : {window.y, window.x}) {
    auto const& [in, out, kernel, stride, dilation, pad_begin] = axis;
    key.add(in).add(out).add(kernel).add(stride).add(dilation).add(pad_begin);
  }
  key.add(in_channels).add(out_blocks).add(x_channel).add(y_block).add(interleave).add(half_tail).add(bias);
  epilogue.add_to(key);
  return {key.take(), [s = std::move(s), machine] { return detail::strip_image_builder(s, machine).build(); }};
}

}  // namespace sinter
