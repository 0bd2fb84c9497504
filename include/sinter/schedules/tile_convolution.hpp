#pragma once

#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/schedules/tile_product.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Convolution of a blocked input, rounded to bfloat16, by tiles:
///
///     x, with zeros around it, 32 channels of a pixel side by side = round input
///     parallel for item, group of 4 output blocks, output row, up to 32 pixels of it: tile product
///
/// Where the window is one pixel, the plane is one row.
namespace sinter {
namespace detail {

/// The rounded input: [item][chunk of 32 channels][height][width][32].
struct tile_image {
  std::int64_t chunks = 0;
  window2d window{};

  /// Zeros behind the pixels of an axis: as many as windows reach.
  static std::int64_t behind(window_axis const& a) {
    return std::max<std::int64_t>(0, a.position(a.out - 1, a.kernel - 1) + 1 - a.in);
  }
  static std::int64_t extent(window_axis const& a) { return a.pad_begin + a.in + behind(a); }
  std::int64_t row_bytes() const { return extent(window.x) * 64; }
  std::int64_t plane_bytes() const { return extent(window.y) * row_bytes(); }
};

/// Rounds `rows` rows of two blocks of channels, `plane` bytes apart, to one chunk.
inline vector::program tile_image_kernel(tile_image const& image, std::int64_t rows, std::int64_t plane,
                                         target const& t) {
  vector::builder b("round_tiles", t.lanes());
  using vector::access;
  auto const before = image.window.x.pad_begin, inside = image.window.x.in;
  auto const behind = tile_image::behind(image.window.x);
  auto const x = b.argument("x", access::in, plane + rows * inside * 64);
  auto const y = b.argument("y", access::out, rows * image.row_bytes(), vector::element::i32);
  auto const zero = b.zero(vector::register_type::i32);
  b.loop(rows, {{x, inside * 64}, {y, image.row_bytes()}}, [&] {
    for (std::int64_t k = 0; k < before; ++k) b.store(y.at(k * 64), zero);
    for (std::int64_t k = 0; k < behind; ++k) b.store(y.at((before + inside + k) * 64), zero);
    b.loop(inside, {{x, 64}, {y, 64}},
           [&] { b.store(y.at(before * 64), b.pack_bf16(b.load(x.at(0)), b.load(x.at(plane)))); });
  });
  return std::move(b).take();
}

inline vector::program zero_rows_kernel(std::int64_t bytes, target const& t) {
  vector::builder b("zero_tiles", t.lanes());
  auto const y = b.argument("y", vector::access::out, bytes, vector::element::i32);
  auto const zero = b.zero(vector::register_type::i32);
  b.loop(bytes / 64, {{y, 64}}, [&] { b.store(y.at(0), zero); });
  return std::move(b).take();
}

/// Builds the grids of one convolution.
class tile_convolution_code {
 public:
  tile_convolution_code(convolution_shape const& s, scheduled_node const& n, target const& machine)
      : n_(n), machine_(machine), s_(s) {
    image_ = {.chunks = s.in_channels / tile_depth, .window = s.window.flattened()};
  }

  fragment build() {
    add_image();
    w_ = code_.weight(pack());
    if (has_input(n_, 2)) bias_ = code_.weight(pack_vector(n_.inputs[2]));
    extras_ = bind_extras(n_, n_.op.attributes_as<fused_convolution::attributes>().epilogue, 3, 1, code_);
    scratch_ = code_.scratch(tile_product_scratch);
    for (auto const& columns : full_runs(s_.out_blocks(), interleave))
      for (auto const& pixels : equal_runs(image_.window.x.out, tile_product_rows)) add_products(columns, pixels);
    return std::move(code_);
  }

 private:
  static constexpr std::int64_t interleave = 4;  ///< blocks of output channels whose weights lie side by side

  packing pack() const {
    weight_source source{
        .tensor = *n_.inputs[1].constant, .outputs = s_.out_channels, .output_step = s_.in_channels * s_.taps()};
    for (std::int64_t c = 0; c < s_.in_channels; c += tile_depth)
      source.chunks.push_back({.first = c * s_.taps(), .channels = tile_depth, .taps = s_.taps()});
    auto floats = packed(fmt::format("tile_convolution:{}", n_.inputs[1].constant_key), std::move(source), interleave);
    return paired(std::move(floats), interleave * channel_block);
  }

  std::int64_t chunk_stride() const { return image_.plane_bytes(); }
  std::int64_t item_stride() const { return image_.chunks * image_.plane_bytes(); }

  void add_image() {
    x_ = code_.temporary("bf16", checked_mul(s_.items, item_stride()), 0, 1);
    auto const& window = image_.window;
    auto const in_row = window.x.in * 64, in_plane = s_.in_plane() * 64;
    auto const above = window.y.pad_begin, inside = window.y.in, below = tile_image::behind(window.y);
    auto const rounds = equal_runs(inside, std::max<std::int64_t>(1, task_bytes / image_.row_bytes()));
    for (auto const& rows : rounds) {
      vector::recipe_key key("round_tiles", machine_);
      key.add(rows.length).add(in_plane).add(image_.row_bytes()).add(window.x.in).add(window.x.pad_begin);
      address const x{.in = space::input,
                      .index = 0,
                      .offset = rows.first * in_row,
                      .stride = {n_.inputs[0].item_stride, 2 * in_plane, rows.length * in_row}};
      code_.add({key.take(), [image = image_, rows, in_plane,
                              t = machine_] { return tile_image_kernel(image, rows.length, in_plane, t); }},
                {s_.items, image_.chunks, rows.count},
                {x, moved(x_, (above + rows.first) * image_.row_bytes(),
                          {item_stride(), chunk_stride(), rows.length * image_.row_bytes()})});
    }
    for (auto const& [first, count] : {std::pair(std::int64_t{0}, above), std::pair(above + inside, below)}) {
      if (count == 0) continue;
      vector::recipe_key key("zero_tiles", machine_);
      key.add(count * image_.row_bytes());
      code_.add({key.take(), [bytes = count * image_.row_bytes(), t = machine_] { return zero_rows_kernel(bytes, t); }},
                {s_.items, image_.chunks}, {moved(x_, first * image_.row_bytes(), {item_stride(), chunk_stride()})});
    }
    code_.barrier();
  }

  tile_product product(std::int64_t blocks, std::int64_t pixels) const {
    auto const& [y, x] = image_.window;
    tile_product p{.name = fmt::format("tile_conv{}x{}_{}x{}", y.kernel, x.kernel, pixels, blocks)};
    p.rows = pixels;
    p.x_row = x.stride * 64;
    p.chunks = image_.chunks;
    p.x_chunk = chunk_stride();
    p.taps_y = y.kernel;
    p.x_tap_row = y.dilation * image_.row_bytes();
    p.taps_x = x.kernel;
    p.x_tap_col = x.dilation * 64;
    p.w_row = interleave * channel_block * 4;
    p.blocks = blocks;
    p.y_row = channel_block * 4;
    p.y_block = s_.out_plane() * channel_block * 4;
    p.bias = bias_.has_value();
    p.epilogue = extras_.code;
    return p;
  }

  void add_products(tile_run const& columns, tile_run const& pixels) {
    auto const& window = image_.window;
    auto p = product(columns.length, pixels.length);
    for (auto const& calls : full_runs(pixels.count, tile_product_times(p, pixels.count))) {
      p.times = calls.length;
      auto const pixel = pixels.first + calls.first * pixels.length, step = calls.length * pixels.length;
      std::vector<address> arguments{
          moved(x_, pixel * p.x_row, {item_stride(), 0, window.y.stride * image_.row_bytes(), step * p.x_row}),
          moved(w_, columns.first / interleave * p.steps() * p.w_step(), {0, p.steps() * p.w_step()})};
      if (bias_) arguments.push_back(moved(*bias_, columns.first * 64, {0, interleave * 64}));
      address const y{
          .in = space::output,
          .index = 0,
          .offset = columns.first * p.y_block + pixel * p.y_row,
          .stride = {n_.outputs[0].item_stride, interleave * p.y_block, window.x.out * p.y_row, step * p.y_row}};
      for (auto& extra : extras_.at(y.offset, columns.first, y.stride, {0, interleave})) arguments.push_back(extra);
      arguments.insert(arguments.end(), {scratch_, y});
      code_.add(tile_product_recipe(p, machine_), {s_.items, columns.count, window.y.out, calls.count},
                std::move(arguments));
    }
  }

  scheduled_node const& n_;
  target machine_;
  convolution_shape s_;
  tile_image image_{};
  address x_{}, w_{}, scratch_{};
  std::optional<address> bias_{};
  bound_extras extras_{};
  fragment code_{};
};

inline std::vector<candidate> tile_convolution_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_tiles(t) || !is_plain_convolution(n)) return {};
  auto const s = shape_of_convolution(n);
  if (s.groups != 1 || s.in_channels % tile_depth != 0) return {};
  if (s.window.y.pad_begin < 0 || s.window.x.pad_begin < 0) return {};
  auto const pixels = s.window.flattened().x.out;
  return {{.layouts = blocked_convolution_layouts(n, layout::blocked),
           .cost = tile_product_cost(direct_convolution_cost(s), pixels) + rounding_cost(n) + far_traffic_cost(n),
           .weight_growth = 0.5,
           .precision = precision::bfloat16,
           .build = [s, t](scheduled_node const& at) { return tile_convolution_code(s, at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule tile_convolution_schedule{.name = "bf16 tile convolution",
                                                    .offer = detail::tile_convolution_offer};

}  // namespace sinter
