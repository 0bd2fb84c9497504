#pragma once

#include <sinter/schedules/byte_tile_product.hpp>
#include <sinter/schedules/quantized_convolution.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

/// sinter.QuantizedConv by tiles (AMX), NCHW16c of 8-bit integers in and out:
///
///     x, for each tap one pixel after another as windows read them, 64 channels side by side = copy input
///     parallel for item, 2 output blocks, up to 256 pixels: tile product
///
/// The copy has a plane for each tap, but rows of pixels serve all taps above one another where windows go on by one
/// row: of a window of one pixel it is the input. Sums are exact, so the bits are those of other ways.
namespace sinter {
namespace detail {

/// The input as tiles read it: [item][chunk of 64 channels][copy for taps][row][column][64].
struct byte_tile_image {
  std::int64_t channels = 0, in_plane = 0;  ///< of the input
  window2d window{};
  std::uint8_t outside = 0;  ///< what the padding reads
  bool is_signed = false;    ///< int8 become uint8, 128 more

  std::int64_t chunks() const { return ceil_div(channels, byte_tile_depth); }
  /// Whether rows serve all taps above one another.
  bool shares_rows() const { return window.y.stride == 1; }
  std::int64_t row_copies() const { return shares_rows() ? 1 : window.y.kernel; }
  std::int64_t rows() const { return window.y.out + (shares_rows() ? (window.y.kernel - 1) * window.y.dilation : 0); }
  std::int64_t row_bytes() const { return window.x.out * byte_tile_depth; }
  std::int64_t copy_bytes() const { return rows() * row_bytes(); }
  std::int64_t chunk_bytes() const { return row_copies() * window.x.kernel * copy_bytes(); }
  std::int64_t item_bytes() const { return chunks() * chunk_bytes(); }
  /// Between taps above one another, and side by side.
  std::int64_t tap_row() const {
    return shares_rows() ? window.y.dilation * row_bytes() : window.x.kernel * copy_bytes();
  }
  std::int64_t tap_column() const { return copy_bytes(); }
};

/// Positions of an axis of which those from `first` to `end` read the input, from position `begin` of it on.
struct read_positions {
  std::int64_t first = 0, end = 0, begin = 0, step = 1;

  /// `count` positions that read `step` apart, the first of them at `at`.
  static read_positions of(std::int64_t count, std::int64_t at, std::int64_t step, std::int64_t in) {
    auto const first = std::clamp<std::int64_t>(ceil_div(std::max<std::int64_t>(0, -at), step), 0, count);
    auto const end = std::clamp<std::int64_t>(in > at ? ceil_div(in - at, step) : 0, first, count);
    return {first, end, at + first * step, step};
  }
  std::int64_t count() const { return end - first; }
};

/// One kernel: `rows` rows of `columns`, whose inputs lie `in_row` bytes apart; pixels that read the input take
/// `blocks` blocks of channels, `plane` bytes apart.
struct byte_tile_rows {
  std::int64_t rows = 0, columns = 0, in_row = 0, plane = 0, blocks = 0;
  read_positions read{};
  std::uint8_t outside = 0;
  bool is_signed = false;

  vector::recipe recipe(target const& t) const {
    vector::recipe_key key("byte_tiles", t);
    key.add(rows).add(columns).add(in_row).add(plane).add(blocks).add(read.first).add(read.end).add(read.step);
    key.add(outside).add(is_signed);
    return {key.take(), [s = *this, t] { return s.kernel(t); }};
  }

  vector::program kernel(target const& t) const {
    using vector::access, vector::element;
    constexpr auto i32 = vector::register_type::i32;
    constexpr std::int32_t lanes = channel_block / 4;  // of a block
    vector::builder b("byte_tiles", t.lanes());
    auto const in_pixel = read.step * channel_block, row = columns * byte_tile_depth;
    bool const reads = read.count() > 0 && blocks > 0;
    auto const reached = (rows - 1) * in_row + (read.count() - 1) * in_pixel + (blocks - 1) * plane + channel_block;
    auto const x = b.argument("x", access::in, reads ? reached : 4, element::i32);
    auto const y = b.argument("y", access::out, rows * row, element::i32);
    auto const flip = input_flip({.is_signed = is_signed}, b);
    auto const pad = b.constant_i32(static_cast<std::int32_t>(0x01010101U * outside));
    auto const zero = b.zero(i32);
    auto const fill = [&](std::int64_t first, std::int64_t end) {
      if (first == end) return;
      auto const to = y + first * byte_tile_depth;
      b.loop(end - first, {{y, byte_tile_depth}}, [&] { b.store(to.at(0), pad); });
    };
    b.loop(rows, {{x, in_row}, {y, row}}, [&] {
      fill(0, reads ? read.first : columns);
      if (!reads) return;
      auto const to = y + read.first * byte_tile_depth;
      b.loop(read.count(), {{x, in_pixel}, {y, byte_tile_depth}}, [&] {
        for (std::int64_t k = 0; k < byte_tile_depth / channel_block; ++k) {
          auto value = k < blocks ? b.load(x.at(k * plane), lanes, i32) : zero;
          if (flip && k < blocks) value = b.binary(vector::opcode::ixor, value, flip, i32);
          b.store(to.at(k * channel_block), value, lanes);
        }
      });
      fill(read.end, columns);
    });
    return std::move(b).take();
  }
};

/// Builds the grids of one convolution.
class byte_tile_convolution {
 public:
  byte_tile_convolution(convolution_shape const& s, scheduled_node const& n, target const& machine)
      : n_(n), machine_(machine), s_(s), product_(product_of_quantized(n, s, false)) {
    image_ = image_of(s);
    image_.outside = product_.tile().outside;
    image_.is_signed = product_.tile().is_signed;
  }

  static byte_tile_image image_of(convolution_shape const& s) {
    return {.channels = s.in_channels, .in_plane = s.in_plane(), .window = s.window.flattened()};
  }

  fragment build() {
    x_ = code_.temporary("tiles", checked_mul(s_.items, image_.item_bytes()), 0, 1);
    for (std::int64_t y = 0; y < image_.row_copies(); ++y)
      for (std::int64_t x = 0; x < image_.window.x.kernel; ++x) copy(y, x);
    code_.barrier();
    auto const operands = byte_tile_operands::of(n_, product_, x_, code_);
    operands.add(product(), s_.items, image_.item_bytes(), n_.outputs[0].item_stride, s_.out_plane(), s_.out_channels,
                 true, machine_, code_);
    return std::move(code_);
  }

 private:
  static constexpr std::int64_t pixels_a_task = task_bytes / byte_tile_depth;

  /// The copy for taps in row `y` and column `x` of the window.
  void copy(std::int64_t y, std::int64_t x) {
    auto const& w = image_.window;
    auto const at = (y * w.x.kernel + x) * image_.copy_bytes();
    if (w.y.in == 1 && w.y.out == 1 && w.x.pointwise())
      for (auto const& run : equal_runs(w.x.out, pixels_a_task))
        copy_rows({run.first, 1, run.count}, at + run.first * byte_tile_depth, run.first, {0, run.length, 0, 1},
                  run.length);
    else {
      auto const columns = read_positions::of(w.x.out, w.x.position(0, x), w.x.stride, w.x.in);
      auto const rows = read_positions::of(image_.rows(), w.y.position(0, y), w.y.stride, w.y.in);
      auto const runs = [&](std::int64_t first, std::int64_t end, bool reads) {
        if (first == end) return;
        for (auto const& run : equal_runs(end - first, std::max<std::int64_t>(1, pixels_a_task / w.x.out))) {
          auto const from = (rows.begin + run.first * rows.step) * w.x.in + columns.begin;
          copy_rows(run, at + (first + run.first) * image_.row_bytes(), from, reads ? columns : read_positions{},
                    w.x.out);
        }
      };
      runs(0, rows.first, false);
      runs(rows.first, rows.end, true);
      runs(rows.end, image_.rows(), false);
    }
  }

  /// Rows of `columns` pixels, run.count times run.length of them, from byte `to` of the copy and pixel `from` of the
  /// input on.
  void copy_rows(tile_run const& run, std::int64_t to, std::int64_t from, read_positions const& read,
                 std::int64_t columns) {
    bool const flat = run.length == 1 && read.count() == columns && image_.window.x.pointwise() && image_.rows() == 1;
    auto const in_row = flat ? columns * channel_block : image_.window.y.stride * image_.window.x.in * channel_block;
    auto const plane = image_.in_plane * channel_block, blocks = ceil_div(image_.channels, channel_block);
    constexpr auto in_chunk = byte_tile_depth / channel_block;
    for (auto const& chunks : full_runs(blocks, in_chunk)) {
      byte_tile_rows const kernel{.rows = run.length,
                                  .columns = columns,
                                  .in_row = in_row,
                                  .plane = plane,
                                  .blocks = chunks.length,
                                  .read = read,
                                  .outside = image_.outside,
                                  .is_signed = image_.is_signed};
      bool const reads = read.count() > 0;
      address const x{
          .in = space::input,
          .index = 0,
          .offset = reads ? chunks.first * plane + from * channel_block : 0,
          .stride = {n_.inputs[0].item_stride, reads ? in_chunk * plane : 0, reads ? run.length * in_row : 0}};
      code_.add(kernel.recipe(machine_), {s_.items, chunks.count, run.count},
                {x, moved(x_, chunks.first / in_chunk * image_.chunk_bytes() + to,
                          {image_.item_bytes(), image_.chunk_bytes(), run.length * columns * byte_tile_depth})});
    }
  }

  byte_tile_product product() const {
    auto const& [y, x] = image_.window;
    byte_tile_product p{.name = fmt::format("byte_tile_conv{}x{}", y.kernel, x.kernel)};
    p.x_row = byte_tile_depth;
    p.chunks = image_.chunks();
    p.x_chunk = image_.chunk_bytes();
    p.taps_y = y.kernel;
    p.x_tap_row = image_.tap_row();
    p.taps_x = x.kernel;
    p.x_tap_col = image_.tap_column();
    p.y_row = channel_block;
    p.y_block = s_.out_plane() * channel_block;
    p.quantized = product_.tile();
    return p;
  }

  scheduled_node const& n_;
  target machine_;
  convolution_shape s_;
  quantized_product product_;
  byte_tile_image image_{};
  address x_{};
  fragment code_{};
};

/// Products of tiles with a depth of whole rows of them, the copy, and what lies far away.
inline double byte_tile_cost(scheduled_node const& n, convolution_shape s) {
  auto const image = byte_tile_convolution::image_of(s);
  s.in_channels = image.chunks() * byte_tile_depth;
  return tile_product_cost(direct_convolution_cost(s), s.out_plane()) / 2 +
         traffic_cost(static_cast<double>(image.item_bytes())) / 2 + far_traffic_cost(n);
}

inline std::vector<candidate> byte_tile_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_tiles(t) || !is_quantized_convolution(n)) return {};
  auto const s = shape_of_quantized(n);
  if (s.groups != 1) return {};
  return {{.layouts = quantized_convolution_layouts(n),
           .cost = byte_tile_cost(n, s),
           .build = [s, t](scheduled_node const& at) { return byte_tile_convolution(s, at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule byte_tile_schedule{.name = "quantized tile convolution", .offer = detail::byte_tile_offer};

}  // namespace sinter
