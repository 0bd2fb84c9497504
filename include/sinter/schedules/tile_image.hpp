#pragma once

#include <sinter/program/fragment.hpp>
#include <sinter/schedules/requantize.hpp>
#include <sinter/schedules/spatial_tiles.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Inputs of convolutions as tiles read them, with their padding, in the arena: rounded to bfloat16, unless they are
/// that in memory, or 8-bit integers, of which int8 become uint8, 128 more.
namespace sinter::detail {

/// One axis of the image, in phases: each has every `stride`-th pixel of the padded input, so that windows of
/// neighbouring results begin at neighbouring pixels of a phase.
struct tile_image_axis {
  window_axis a{};

  std::int64_t phases() const { return a.kernel == 1 ? 1 : a.stride; }
  /// Pixels of each phase that windows reach.
  std::int64_t extent() const { return a.out + (a.kernel - 1) * a.dilation / a.stride; }
  std::int64_t tap_phase(std::int64_t k) const { return k * a.dilation % a.stride; }
  std::int64_t tap_pixel(std::int64_t k) const { return k * a.dilation / a.stride; }
  /// Where pixel `e` of a phase lies in the input.
  std::int64_t input(std::int64_t phase, std::int64_t e) const { return e * a.stride + phase - a.pad_begin; }
  /// The pixels of a phase that lie in the input.
  tile_run inside(std::int64_t phase) const {
    tile_run run{.length = 0};
    while (run.first < extent() && input(phase, run.first) < 0) ++run.first;
    while (run.first + run.length < extent() && input(phase, run.first + run.length) < a.in) ++run.length;
    return run;
  }
};

/// The image: [item][chunk of 64 bytes of channels][phase of y][phase of x][height][width][64 bytes].
struct tile_image {
  std::int64_t in_channels = 0;
  tile_image_axis y{}, x{};
  std::optional<quantized_tile> quantized{};  ///< of integers
  bool is_rounded = false;                    ///< the input is bfloat16, in blocks that are chunks

  /// Blocks of channels in a chunk.
  std::int64_t chunk_blocks() const { return quantized ? 4 : is_rounded ? 1 : 2; }
  std::int64_t blocks() const { return ceil_div(in_channels, is_rounded ? 2 * channel_block : channel_block); }
  /// Whether the input is the image.
  bool is_input() const { return is_rounded && y.a.pointwise() && x.a.pointwise(); }
  std::int64_t chunks() const { return ceil_div(blocks(), chunk_blocks()); }
  /// What padding reads.
  std::uint8_t outside() const { return quantized ? quantized->outside : std::uint8_t{0}; }
  /// Bytes of a pixel of a block of the input.
  std::int64_t in_pixel() const { return quantized ? channel_block : channel_block * 4; }
  std::int64_t in_row() const { return x.a.in * in_pixel(); }
  std::int64_t in_block() const { return y.a.in * in_row(); }
  std::int64_t row_bytes() const { return x.extent() * 64; }
  std::int64_t phase_bytes() const { return y.extent() * row_bytes(); }
  std::int64_t phase_at(std::int64_t of_y, std::int64_t of_x) const {
    return (of_y * x.phases() + of_x) * phase_bytes();
  }
  std::int64_t chunk_bytes() const { return phase_at(y.phases(), 0); }
  std::int64_t item_bytes() const { return chunks() * chunk_bytes(); }
  /// Where the windows' taps begin, row by row.
  std::vector<std::int64_t> taps() const {
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < y.a.kernel; ++i)
      for (std::int64_t k = 0; k < x.a.kernel; ++k)
        all.push_back(phase_at(y.tap_phase(i), x.tap_phase(k)) + y.tap_pixel(i) * row_bytes() + x.tap_pixel(k) * 64);
    return all;
  }
};

/// Four bytes of padding.
inline std::int32_t tile_padding(std::uint8_t value) { return static_cast<std::int32_t>(0x01010101U * value); }

/// One chunk of a pixel, of `blocks` blocks; others get `outside`. `flip` makes int8 uint8.
inline void emit_tile_pixel(tile_image const& image, vector::builder& b, vector::pointer x, vector::pointer y,
                            std::int64_t blocks, vector::reg outside, vector::reg flip) {
  auto const block = image.in_block();
  constexpr auto i32 = vector::register_type::i32;
  if (image.is_rounded) return b.store(y.at(0), b.load(x.at(0), 0, i32));
  if (!image.quantized) return b.store(y.at(0), b.pack_bf16(b.load(x.at(0)), b.load(x.at(block))));
  constexpr std::int32_t lanes = channel_block / 4;
  for (std::int64_t k = 0; k < image.chunk_blocks(); ++k) {
    auto value = k < blocks ? b.load(x.at(k * block), lanes, i32) : outside;
    if (flip && k < blocks) value = b.binary(vector::opcode::ixor, value, flip, i32);
    b.store(y.at(k * channel_block), value, lanes);
  }
}

/// `rows` rows of a chunk of `blocks` blocks, all phases of x.
inline vector::program tile_image_kernel(tile_image const& image, std::int64_t rows, std::int64_t blocks,
                                         target const& t) {
  vector::builder b("tile_image", t.lanes());
  using vector::access, vector::element;
  auto const& along = image.x;
  auto const in_step = image.y.a.stride * image.in_row(), row = image.row_bytes();
  auto const x = b.argument("x", access::in, (blocks - 1) * image.in_block() + (rows - 1) * in_step + image.in_row(),
                            image.quantized || image.is_rounded ? element::i32 : element::f32);
  auto const y = b.argument("y", access::out, image.phase_at(0, along.phases() - 1) + rows * row, element::i32);
  auto const outside = b.constant_i32(tile_padding(image.outside()));
  auto const flip = image.quantized ? input_flip(*image.quantized, b) : vector::reg{};
  b.loop(rows, {{x, in_step}, {y, row}}, [&] {
    for (std::int64_t phase = 0; phase < along.phases(); ++phase) {
      auto const inside = along.inside(phase);
      auto const to = y + image.phase_at(0, phase);
      for (std::int64_t k = 0; k < along.extent(); ++k)
        if (k < inside.first || k >= inside.first + inside.length) b.store(to.at(k * 64), outside);
      if (inside.length == 0) continue;
      auto const from = x + along.input(phase, inside.first) * image.in_pixel();
      b.loop(inside.length, {{x, along.a.stride * image.in_pixel()}, {y, 64}},
             [&] { emit_tile_pixel(image, b, from, to + inside.first * 64, blocks, outside, flip); });
    }
  });
  return std::move(b).take();
}

inline vector::program tile_padding_kernel(std::int64_t bytes, std::uint8_t value, target const& t) {
  vector::builder b("tile_padding", t.lanes());
  auto const y = b.argument("y", vector::access::out, bytes, vector::element::i32);
  auto const outside = b.constant_i32(tile_padding(value));
  b.loop(bytes / 64, {{y, 64}}, [&] { b.store(y.at(0), outside); });
  return std::move(b).take();
}

/// Adds a grid that fills `bytes` bytes of `to`.
inline void add_tile_padding(fragment& code, address const& to, std::array<extent, grid_rank> const& tasks,
                             std::int64_t bytes, std::uint8_t value, target const& t) {
  if (bytes == 0) return;
  vector::recipe_key key("tile_padding", t);
  key.add(bytes).add(value);
  code.add({key.take(), [=] { return tile_padding_kernel(bytes, value, t); }}, tasks, {to});
}

}  // namespace sinter::detail
