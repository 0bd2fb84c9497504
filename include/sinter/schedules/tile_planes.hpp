#pragma once

#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/interleave.hpp>
#include <sinter/schedules/tile_image.hpp>
#include <sinter/schedules/tile_lines.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

/// Convolution of a row-major image of few channels by tiles: a row of a tile is 32 neighbouring numbers, of which the
/// window's are multiplied with weights, the others with zeros. They are pixels of a channel, or, of three or four
/// channels, those of 8 pixels side by side.
///
///     x, with zeros around it = round input
///     products (tile_lines.hpp)
namespace sinter {
namespace detail {

/// The rounded input: [item][channel][height][width], `before` zeros before each row; or [item][height][width][4].
struct tile_planes {
  static constexpr std::int64_t before = tile_depth, side_by_side = 4;

  std::int64_t channels = 0;
  window2d window{};

  bool interleaved() const { return channels == 3 || channels == side_by_side; }
  /// Numbers of a pixel.
  std::int64_t pixel() const { return interleaved() ? side_by_side : 1; }
  std::int64_t planes() const { return interleaved() ? 1 : channels; }
  /// Rows of tiles that a row of the window takes.
  std::int64_t parts() const { return ceil_div(window.x.kernel * pixel(), tile_depth); }
  std::int64_t steps() const { return planes() * window.y.kernel * parts(); }
  std::int64_t width() const {
    auto const& x = window.x;
    auto const last = ((x.out - 1) * x.stride - x.pad_begin) * pixel();
    auto const reached = before + last + parts() * tile_depth + 1;  // whole words
    return round_up(std::max(reached, before + x.in * pixel()), tile_depth);
  }
  std::int64_t height() const { return window.y.inputs(window.y.out); }
  std::int64_t row_bytes() const { return width() * 2; }
  std::int64_t plane_bytes() const { return height() * row_bytes(); }
  std::int64_t item_bytes() const { return planes() * plane_bytes(); }
  /// Rows of the input that are there, from row `pad_begin` on.
  std::int64_t rows() const { return std::clamp<std::int64_t>(height() - window.y.pad_begin, 0, window.y.in); }
  /// Where each row of tiles of a window begins in a plane.
  std::vector<std::int64_t> taps() const {
    std::vector<std::int64_t> all;
    for (std::int64_t k = 0; k < window.y.kernel; ++k)
      for (std::int64_t part = 0; part < parts(); ++part)
        all.push_back(k * window.y.dilation * row_bytes() + part * tile_depth * 2);
    return all;
  }
  /// Which weight of a result meets number `k` of step `step`; none: zero.
  std::optional<std::int64_t> weight(std::int64_t step, std::int64_t k) const {
    auto const part = step % parts(), row = step / parts() % window.y.kernel, plane = step / parts() / window.y.kernel;
    auto const number = part * tile_depth + k, channel = interleaved() ? number % side_by_side : plane;
    if (channel >= channels || number / pixel() >= window.x.kernel) return std::nullopt;
    return (channel * window.y.kernel + row) * window.x.kernel + number / pixel();
  }
};

/// `count` numbers from `x`, as many as there are; the other lanes are zeros.
inline vector::reg load_present(vector::builder& b, vector::memory x, std::int64_t count) {
  return count <= 0 ? b.zero() : b.load(x, static_cast<std::int32_t>(std::min<std::int64_t>(count, b.lanes())));
}

/// Rounds a row of `in` pixels to `y`; returns the bytes written.
inline std::int64_t round_plane_row(vector::builder& b, vector::pointer x, vector::pointer y, std::int64_t in) {
  auto const whole = in / tile_depth, rest = in % tile_depth;
  auto const part = [&](std::int64_t at, std::int64_t left) { return load_present(b, x.at(at), left); };
  if (whole > 0)
    b.loop(whole, {{x, 128}, {y, 64}}, [&] { b.store(y.at(0), b.pack_bf16(b.load(x.at(0)), b.load(x.at(64)))); });
  if (rest > 0)
    b.store(y.at(whole * 64), b.pack_bf16(part(whole * 128, rest), part(whole * 128 + 64, rest - b.lanes())));
  return ceil_div(in, tile_depth) * 64;
}

/// The same of `channels` channels, `plane` bytes apart, side by side.
inline std::int64_t interleave_row(vector::builder& b, vector::pointer x, vector::pointer y, std::int64_t in,
                                   std::int64_t channels, std::int64_t plane) {
  auto const pixels = [&](std::int64_t first, std::int64_t count) {
    auto const of = [&](std::int64_t channel) {
      return load_present(b, x.at(channel * plane + first * 4), channel < channels ? count : 0);
    };
    auto const pair = [&](std::int64_t channel) {
      auto const low = of(channel);
      return b.unary(vector::opcode::floats, paired_bfloat16(b, low, of(channel + 1)));
    };
    auto const front = pair(0);
    auto const [low, high] = interleaved(b, front, pair(2));
    b.store(y.at(first * 8), b.unary(vector::opcode::bits, low, vector::register_type::i32));
    if (count > channel_block / 2)
      b.store(y.at(first * 8 + 64), b.unary(vector::opcode::bits, high, vector::register_type::i32));
  };
  auto const whole = in / channel_block, rest = in % channel_block;
  if (whole > 0) b.loop(whole, {{x, 64}, {y, 128}}, [&] { pixels(0, channel_block); });
  if (rest > 0) pixels(whole * channel_block, rest);
  return ceil_div(in, channel_block / 2) * 64;
}

/// Rounds `rows` rows.
inline vector::program tile_planes_kernel(tile_planes const& s, std::int64_t rows, target const& t) {
  vector::builder b("round_planes", t.lanes());
  using vector::access;
  auto const in = s.window.x.in, first = tile_planes::before * 2, plane = s.window.y.in * in * 4;
  auto const x = b.argument("x", access::in, (s.interleaved() ? (s.channels - 1) * plane : 0) + rows * in * 4);
  auto const y = b.argument("y", access::out, rows * s.row_bytes(), vector::element::i32);
  auto const zero = b.zero(vector::register_type::i32);
  b.loop(rows, {{x, in * 4}, {y, s.row_bytes()}}, [&] {
    b.store(y.at(0), zero);
    auto end = first + (s.interleaved() ? interleave_row(b, x, y + first, in, s.channels, plane)
                                        : round_plane_row(b, x, y + first, in));
    for (; end < s.row_bytes(); end += 64) b.store(y.at(end), zero);
  });
  return std::move(b).take();
}

/// Weights in the order of steps: plane by plane, row by row of the window, 32 numbers of it.
inline packing pack_planes(scheduled_node const& n, convolution_shape const& s, tile_planes const& planes) {
  auto const steps = planes.steps(), of_result = s.in_channels * s.window.y.kernel * s.window.x.kernel;
  packing floats;
  floats.key = fmt::format("tile_planes:{}", n.inputs[1].constant_key);
  floats.bytes = checked_mul(s.out_blocks() * steps, tile_depth * channel_block * 4);
  floats.fill = [w = *n.inputs[1].constant, outputs = s.out_channels, planes, steps, of_result,
                 bytes = floats.bytes](std::byte* to) {
    auto* const all = reinterpret_cast<float*>(to);
    std::fill_n(all, bytes / 4, 0.0f);
    auto const from = w.as<float>();
    for (std::int64_t o = 0; o < outputs; ++o)
      for (std::int64_t step = 0; step < steps; ++step)
        for (std::int64_t k = 0; k < tile_depth; ++k)
          if (auto const at = planes.weight(step, k))
            all[((o / channel_block * steps + step) * tile_depth + k) * channel_block + o % channel_block] =
                from[static_cast<std::size_t>(o * of_result + *at)];
  };
  return paired(std::move(floats), channel_block);
}

inline address add_planes(scheduled_node const& n, convolution_shape const& s, tile_planes const& planes,
                          target const& t, fragment& code) {
  auto const to = code.temporary("bf16", checked_mul(s.items, planes.item_bytes()), 0, 1);
  auto const row = planes.row_bytes(), in_row = s.window.x.in * 4, above = s.window.y.pad_begin;
  for (auto const& rows : equal_runs(planes.rows(), std::max<std::int64_t>(1, task_bytes / row))) {
    vector::recipe_key key("round_planes", t);
    key.add(rows.length).add(s.window.x.in).add(s.window.y.in).add(row).add(planes.pixel()).add(planes.channels);
    address const x{.in = space::input,
                    .index = 0,
                    .offset = rows.first * in_row,
                    .stride = {n.inputs[0].item_stride, s.in_plane() * 4, rows.length * in_row}};
    code.add(
        {key.take(), [planes, length = rows.length, t] { return tile_planes_kernel(planes, length, t); }},
        {s.items, planes.planes(), rows.count},
        {x, moved(to, (above + rows.first) * row, {planes.item_bytes(), planes.plane_bytes(), rows.length * row})});
  }
  auto const below = above + planes.rows();
  for (auto const& [first, count] : {std::pair(std::int64_t{0}, above), std::pair(below, planes.height() - below)})
    add_tile_padding(code, moved(to, first * row, {planes.item_bytes(), planes.plane_bytes()}),
                     {s.items, planes.planes()}, count * row, 0, t);
  code.barrier();
  return to;
}

inline fragment tile_planes_build(scheduled_node const& n, convolution_shape const& s, target const& t) {
  fragment code;
  tile_planes const planes{.channels = s.in_channels, .window = s.window};
  auto const& [y, x] = s.window;
  tile_product p;
  p.chunks = planes.planes();
  p.x_chunk = planes.plane_bytes();
  p.x_alignment = 2;
  p.taps = planes.taps();
  tile_lines const lines{.lines = y.out,
                         .pixels = x.out,
                         .x_item = planes.item_bytes(),
                         .x_line = y.stride * planes.row_bytes(),
                         .x_pixel = x.stride * planes.pixel() * 2};
  auto const image = add_planes(n, s, planes, t, code);
  tile_lines_code(n, s, lines, std::move(p), t, code)
      .add(moved(image, (tile_planes::before - x.pad_begin * planes.pixel()) * 2, {}),
           code.weight(pack_planes(n, s, planes)), convolution_operands(n, code));
  return code;
}

inline std::vector<candidate> tile_planes_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_tiles(t) || !is_plain_convolution(n)) return {};
  auto const s = shape_of_convolution(n);
  auto const& [y, x] = s.window;
  tile_planes const planes{.channels = s.in_channels, .window = s.window};
  if (s.groups != 1 || s.in_channels > few_channels || x.kernel > tile_depth) return {};
  if (y.kernel * planes.parts() > most_tile_taps || y.pad_begin < 0 || x.pad_begin < 0 || x.dilation != 1) return {};
  if (x.pad_begin * planes.pixel() > tile_planes::before) return {};
  auto const products = static_cast<double>(s.out_blocks() * channel_block * s.out_plane()) *
                        static_cast<double>(planes.steps() * tile_depth);
  auto const growth =
      static_cast<double>(planes.steps() * tile_depth) / static_cast<double>(2 * s.in_channels * y.kernel * x.kernel);
  auto layouts = blocked_convolution_layouts(n, layout::row_major);
  layouts.roundable = roundable_convolution(n, s);
  return {{.layouts = std::move(layouts),
           .cost = tile_product_cost(multiply_add_cost(products), x.out) + rounding_cost(n) + far_traffic_cost(n),
           .weight_growth = growth,
           .precision = precision::bfloat16,
           .build = [s, t](scheduled_node const& at) { return tile_planes_build(at, s, t); }}};
}

}  // namespace detail

inline constexpr schedule tile_planes_schedule{.name = "bf16 tile convolution of planes",
                                               .offer = detail::tile_planes_offer};

}  // namespace sinter
