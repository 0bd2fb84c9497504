#pragma once

#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/quantized_convolution.hpp>
#include <sinter/schedules/tile_image.hpp>
#include <sinter/schedules/tile_lines.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Convolution of a blocked input, rounded to bfloat16 or of 8-bit integers, by tiles:
///
///     x, with its padding, 64 bytes of the channels of a pixel side by side = image of input (tile_image.hpp)
///     products (tile_lines.hpp)
///
/// Sums of integers are exact, so their bits are those of other ways.
namespace sinter {
namespace detail {

/// Whether tiles compute a convolution: its windows begin in the padding or the input, and have few taps.
inline bool has_tile_windows(convolution_shape const& s) {
  return s.groups == 1 && s.window.y.pad_begin >= 0 && s.window.x.pad_begin >= 0 && s.taps() <= most_tile_taps;
}

inline tile_image tile_image_of(convolution_shape const& s, std::optional<quantized_tile> const& quantized = {}) {
  return {.in_channels = s.in_channels, .y = {s.window.y}, .x = {s.window.x}, .quantized = quantized};
}

/// Builds the grids of one convolution.
class tile_convolution_code {
 public:
  tile_convolution_code(convolution_shape const& s, scheduled_node const& n, tile_image const& image,
                        target const& machine)
      : n_(n), machine_(machine), s_(s), image_(image) {}

  /// Of weights block by block: chunk, tap.
  fragment build(packing w, product_operands operands, fragment code) {
    code_ = std::move(code);
    if (image_.is_input())
      x_ = {.in = space::input, .index = 0};
    else
      add_image();
    tile_product p;
    p.chunks = image_.chunks();
    p.x_chunk = image_.chunk_bytes();
    p.taps = image_.taps();
    tile_lines_code(n_, s_, lines(), std::move(p), machine_, code_)
        .add(x_, code_.weight(std::move(w)), std::move(operands));
    return std::move(code_);
  }

 private:
  /// Those of the output; one, where no pixels lie between them in the image.
  tile_lines lines() const {
    auto const pixels = image_.x.a.out, count = image_.y.a.out, pitch = image_.x.extent();
    bool const joined = pitch == pixels;
    return {.lines = joined ? 1 : count,
            .pixels = joined ? count * pixels : pixels,
            .x_item = image_.is_input() ? n_.inputs[0].item_stride : image_.item_bytes(),
            .x_line = image_.row_bytes(),
            .pitch = pitch};
  }

  void add_image() {
    x_ = code_.temporary("tiles", checked_mul(s_.items, image_.item_bytes()), 0, 1);
    for (std::int64_t phase = 0; phase < image_.y.phases(); ++phase) {
      auto const inside = image_.y.inside(phase);
      auto const end = inside.first + inside.length;
      if (inside.length > 0) add_rows(phase, inside);
      for (std::int64_t of_x = 0; of_x < image_.x.phases(); ++of_x) {
        pad_rows(image_.phase_at(phase, of_x), inside.first);
        pad_rows(image_.phase_at(phase, of_x) + end * image_.row_bytes(), image_.y.extent() - end);
      }
    }
    code_.barrier();
  }

  void add_rows(std::int64_t phase, tile_run const& inside) {
    auto const out_row = image_.row_bytes(), in_chunk = image_.chunk_blocks() * image_.in_block();
    auto const in_step = image_.y.a.stride * image_.in_row();
    for (auto const& chunks : full_runs(image_.blocks(), image_.chunk_blocks()))
      for (auto const& rows : equal_runs(inside.length, std::max<std::int64_t>(1, task_bytes / out_row))) {
        auto const first = inside.first + rows.first, chunk = chunks.first / image_.chunk_blocks();
        address const x{.in = space::input,
                        .index = 0,
                        .offset = image_.y.input(phase, first) * image_.in_row() + chunk * in_chunk,
                        .stride = {n_.inputs[0].item_stride, in_chunk, rows.length * in_step}};
        code_.add(recipe(rows.length, chunks.length), {s_.items, chunks.count, rows.count},
                  {x, moved(x_, image_.phase_at(phase, 0) + first * out_row + chunk * image_.chunk_bytes(),
                            {image_.item_bytes(), image_.chunk_bytes(), rows.length * out_row})});
      }
  }

  vector::recipe recipe(std::int64_t rows, std::int64_t blocks) const {
    vector::recipe_key key("tile_image", machine_);
    auto const& along = image_.x.a;
    key.add(rows)
        .add(blocks)
        .add(image_.is_rounded)
        .add(image_.in_block())
        .add(image_.phase_bytes())
        .add(image_.y.a.stride);
    key.add(along.in).add(along.out).add(along.kernel).add(along.stride).add(along.dilation).add(along.pad_begin);
    add_quantized(key, image_.quantized);
    return {key.take(),
            [image = image_, rows, blocks, t = machine_] { return tile_image_kernel(image, rows, blocks, t); }};
  }

  /// `count` rows of padding at byte `at` of each chunk.
  void pad_rows(std::int64_t at, std::int64_t count) {
    add_tile_padding(code_, moved(x_, at, {image_.item_bytes(), image_.chunk_bytes()}), {s_.items, image_.chunks()},
                     count * image_.row_bytes(), image_.outside(), machine_);
  }

  scheduled_node const& n_;
  target machine_;
  convolution_shape s_;
  tile_image image_{};
  address x_{};
  fragment code_{};
};

inline packing pack_tile_pairs(scheduled_node const& n, convolution_shape const& s) {
  weight_source source{
      .tensor = *n.inputs[1].constant, .outputs = s.out_channels, .output_step = s.in_channels * s.taps()};
  for (std::int64_t c = 0; c < s.in_channels; c += tile_depth)
    source.chunks.push_back({.first = c * s.taps(), .channels = tile_depth, .taps = s.taps()});
  return paired(packed(fmt::format("tile_convolution:{}", n.inputs[1].constant_key), std::move(source), 1),
                channel_block);
}

inline packing pack_tile_bytes(quantized_product const& product) {
  auto w = product.weights();
  w.multiple = byte_tile_depth;
  return pack_quantized("tile_convolution:" + product.key_of_weights(), std::move(w), 1, byte_tile_depth);
}

inline fragment tile_convolution_build(scheduled_node const& n, convolution_shape const& s, target const& t) {
  fragment code;
  auto operands = convolution_operands(n, code);
  auto image = tile_image_of(s);
  image.is_rounded = n.inputs[0].element() == dtype::bfloat16;
  return tile_convolution_code(s, n, image, t).build(pack_tile_pairs(n, s), std::move(operands), std::move(code));
}

inline fragment quantized_tile_convolution_build(scheduled_node const& n, convolution_shape const& s, target const& t) {
  fragment code;
  auto const product = product_of_quantized(n, s, false);
  product_operands operands{.quantized = product.tile()};
  operands.requantize(n, product.bias(product.zero_of_bytes()), product.scale(), code);
  return tile_convolution_code(s, n, tile_image_of(s, product.tile()), t)
      .build(pack_tile_bytes(product), std::move(operands), std::move(code));
}

/// What `products` cost, with those of pixels between lines.
inline double tile_windows_cost(convolution_shape const& s, double products) {
  tile_image_axis const along{s.window.x};
  auto const between = static_cast<double>(along.extent()) / static_cast<double>(along.a.out);
  return between * tile_product_cost(products, s.out_plane());
}

inline std::vector<candidate> tile_convolution_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_tiles(t) || !is_plain_convolution(n)) return {};
  auto const s = shape_of_convolution(n);
  if (!has_tile_windows(s) || s.in_channels % tile_depth != 0) return {};
  auto layouts = blocked_convolution_layouts(n, layout::blocked);
  layouts.roundable = roundable_convolution(n, s);
  layouts.roundable.inputs = {0};
  return {{.layouts = std::move(layouts),
           .cost = tile_windows_cost(s, direct_convolution_cost(s)) + rounding_cost(n) + far_traffic_cost(n),
           .weight_growth = 0.5,
           .precision = precision::bfloat16,
           .build = [s, t](scheduled_node const& at) { return tile_convolution_build(at, s, t); }}};
}

/// Products of whole rows of tiles, the image, and what lies far away.
inline double quantized_tile_cost(scheduled_node const& n, convolution_shape s) {
  auto const image = tile_image_of(s, quantized_tile{});
  s.in_channels = round_up(s.in_channels, byte_tile_depth);
  return tile_windows_cost(s, direct_convolution_cost(s)) / 2 +
         traffic_cost(static_cast<double>(image.item_bytes())) / 2 + far_traffic_cost(n);
}

inline std::vector<candidate> quantized_tile_convolution_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_tiles(t) || !is_quantized_convolution(n)) return {};
  auto const s = shape_of_quantized(n);
  if (!has_tile_windows(s)) return {};
  return {{.layouts = quantized_convolution_layouts(n),
           .cost = quantized_tile_cost(n, s),
           .build = [s, t](scheduled_node const& at) { return quantized_tile_convolution_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule tile_convolution_schedule{.name = "bf16 tile convolution",
                                                    .offer = detail::tile_convolution_offer};
inline constexpr schedule quantized_tile_convolution_schedule{.name = "quantized tile convolution",
                                                              .offer = detail::quantized_tile_convolution_offer};

}  // namespace sinter
