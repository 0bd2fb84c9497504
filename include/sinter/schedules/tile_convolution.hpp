#pragma once

#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/tile_image.hpp>
#include <sinter/schedules/tile_lines.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Convolution of a blocked input, rounded to bfloat16, by tiles:
///
///     x, with zeros around it, 32 channels of a pixel side by side = round input
///     products (tile_lines.hpp)
///
/// Where the window is one pixel, the plane is one row.
namespace sinter {
namespace detail {

/// Builds the grids of one convolution.
class tile_convolution_code {
 public:
  tile_convolution_code(convolution_shape const& s, scheduled_node const& n, target const& machine)
      : n_(n), machine_(machine), s_(s) {
    auto const window = s.window.flattened();
    image_ = {.chunks = s.in_channels / tile_depth, .y = {window.y}, .x = {window.x}};
  }

  fragment build() {
    add_image();
    tile_product p;
    p.chunks = image_.chunks;
    p.x_chunk = image_.chunk_bytes();
    p.taps = image_.taps();
    tile_lines_code(n_, s_, lines(), std::move(p), machine_, code_).add(x_, pack());
    return std::move(code_);
  }

 private:
  /// Those of the output; one, where no pixels lie between them in the image.
  tile_lines lines() const {
    auto const pixels = image_.x.a.out, count = image_.y.a.out, pitch = image_.x.extent();
    bool const joined = pitch == pixels;
    return {.lines = joined ? 1 : count,
            .pixels = joined ? count * pixels : pixels,
            .x_item = image_.item_bytes(),
            .x_line = image_.row_bytes(),
            .pitch = pitch};
  }

  packing pack() const {
    weight_source source{
        .tensor = *n_.inputs[1].constant, .outputs = s_.out_channels, .output_step = s_.in_channels * s_.taps()};
    for (std::int64_t c = 0; c < s_.in_channels; c += tile_depth)
      source.chunks.push_back({.first = c * s_.taps(), .channels = tile_depth, .taps = s_.taps()});
    auto floats = packed(fmt::format("tile_convolution:{}", n_.inputs[1].constant_key), std::move(source), 1);
    return paired(std::move(floats), channel_block);
  }

  void add_image() {
    x_ = code_.temporary("bf16", checked_mul(s_.items, image_.item_bytes()), 0, 1);
    for (std::int64_t phase = 0; phase < image_.y.phases(); ++phase) {
      auto const inside = image_.y.inside(phase);
      auto const end = inside.first + inside.length;
      if (inside.length > 0) round_rows(phase, inside);
      for (std::int64_t of_x = 0; of_x < image_.x.phases(); ++of_x) {
        zero_rows(image_.phase_at(phase, of_x), inside.first);
        zero_rows(image_.phase_at(phase, of_x) + end * image_.row_bytes(), image_.y.extent() - end);
      }
    }
    code_.barrier();
  }

  void round_rows(std::int64_t phase, tile_run const& inside) {
    auto const in_row = image_.x.a.in * 64, in_plane = s_.in_plane() * 64, out_row = image_.row_bytes();
    for (auto const& rows : equal_runs(inside.length, std::max<std::int64_t>(1, task_bytes / out_row))) {
      vector::recipe_key key("round_tiles", machine_);
      auto const& along = image_.x.a;
      key.add(rows.length).add(in_plane).add(image_.phase_bytes()).add(image_.y.a.stride);
      key.add(along.in).add(along.out).add(along.kernel).add(along.stride).add(along.dilation).add(along.pad_begin);
      auto const first = inside.first + rows.first;
      address const x{.in = space::input,
                      .index = 0,
                      .offset = image_.y.input(phase, first) * in_row,
                      .stride = {n_.inputs[0].item_stride, 2 * in_plane, rows.length * image_.y.a.stride * in_row}};
      code_.add({key.take(), [image = image_, rows, in_plane,
                              t = machine_] { return tile_image_kernel(image, rows.length, in_plane, t); }},
                {s_.items, image_.chunks, rows.count},
                {x, moved(x_, image_.phase_at(phase, 0) + first * out_row,
                          {image_.item_bytes(), image_.chunk_bytes(), rows.length * out_row})});
    }
  }

  /// `count` rows of zeros at byte `at` of each chunk.
  void zero_rows(std::int64_t at, std::int64_t count) {
    add_zeros(code_, moved(x_, at, {image_.item_bytes(), image_.chunk_bytes()}), {s_.items, image_.chunks},
              count * image_.row_bytes(), machine_);
  }

  scheduled_node const& n_;
  target machine_;
  convolution_shape s_;
  tile_image image_{};
  address x_{};
  fragment code_{};
};

inline std::vector<candidate> tile_convolution_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_tiles(t) || !is_plain_convolution(n)) return {};
  auto const s = shape_of_convolution(n);
  if (s.groups != 1 || s.in_channels % tile_depth != 0) return {};
  if (s.window.y.pad_begin < 0 || s.window.x.pad_begin < 0 || s.taps() > most_tile_taps) return {};
  tile_image_axis const along{s.window.x};
  auto const between = static_cast<double>(along.extent()) / static_cast<double>(along.a.out);
  return {{.layouts = blocked_convolution_layouts(n, layout::blocked),
           .cost = between * tile_product_cost(direct_convolution_cost(s), s.out_plane()) + rounding_cost(n) +
                   far_traffic_cost(n),
           .weight_growth = 0.5,
           .precision = precision::bfloat16,
           .build = [s, t](scheduled_node const& at) { return tile_convolution_code(s, at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule tile_convolution_schedule{.name = "bf16 tile convolution",
                                                    .offer = detail::tile_convolution_offer};

}  // namespace sinter
