#pragma once

#include <sinter/schedules/bfloat16_pairs.hpp>
#include <sinter/schedules/tile_image.hpp>
#include <sinter/schedules/tile_lines.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

/// Convolution of a row-major image of few channels by tiles: a row of a tile is 32 neighbouring pixels of a channel,
/// of which the window's are multiplied with weights, the others with zeros.
///
///     x, with zeros around it = round input
///     products (tile_lines.hpp)
namespace sinter {
namespace detail {

/// The rounded input: [item][channel][height][width], `before` zeros before each row.
struct tile_planes {
  static constexpr std::int64_t before = tile_depth;

  std::int64_t channels = 0;
  window2d window{};

  std::int64_t width() const {
    auto const& x = window.x;
    auto const reached = before - x.pad_begin + (x.out - 1) * x.stride + tile_depth + 1;  // whole words
    return round_up(std::max(reached, before + x.in), tile_depth);
  }
  std::int64_t height() const { return window.y.inputs(window.y.out); }
  std::int64_t row_bytes() const { return width() * 2; }
  std::int64_t plane_bytes() const { return height() * row_bytes(); }
  std::int64_t item_bytes() const { return channels * plane_bytes(); }
  /// Rows of the input that are there, from row `pad_begin` on.
  std::int64_t rows() const { return std::clamp<std::int64_t>(height() - window.y.pad_begin, 0, window.y.in); }
};

/// Rounds `rows` rows.
inline vector::program tile_planes_kernel(tile_planes const& s, std::int64_t rows, target const& t) {
  vector::builder b("round_planes", t.lanes());
  using vector::access;
  auto const in = s.window.x.in, first = tile_planes::before * 2, whole = in / tile_depth, rest = in % tile_depth;
  auto const x = b.argument("x", access::in, rows * in * 4);
  auto const y = b.argument("y", access::out, rows * s.row_bytes(), vector::element::i32);
  auto const zero = b.zero(vector::register_type::i32);
  auto const part = [&](std::int64_t at, std::int64_t left) {
    return left <= 0 ? b.zero() : b.load(x.at(at), static_cast<std::int32_t>(std::min<std::int64_t>(left, b.lanes())));
  };
  b.loop(rows, {{x, in * 4}, {y, s.row_bytes()}}, [&] {
    b.store(y.at(0), zero);
    if (whole > 0)
      b.loop(whole, {{x, 128}, {y, 64}}, [&] { b.store(y.at(first), b.pack_bf16(b.load(x.at(0)), b.load(x.at(64)))); });
    auto end = first + whole * 64;
    if (rest > 0) {
      b.store(y.at(end), b.pack_bf16(part(whole * 128, rest), part(whole * 128 + 64, rest - b.lanes())));
      end += 64;
    }
    for (; end < s.row_bytes(); end += 64) b.store(y.at(end), zero);
  });
  return std::move(b).take();
}

/// Weights in the order of steps: channel by channel, row by row of the window, 32 columns of it.
inline packing pack_planes(scheduled_node const& n, convolution_shape const& s) {
  auto const steps = s.in_channels * s.window.y.kernel, wide = s.window.x.kernel;
  packing floats;
  floats.key = fmt::format("tile_planes:{}", n.inputs[1].constant_key);
  floats.bytes = checked_mul(s.out_blocks() * steps, tile_depth * channel_block * 4);
  floats.fill = [w = *n.inputs[1].constant, outputs = s.out_channels, steps, wide,
                 bytes = floats.bytes](std::byte* to) {
    auto* const all = reinterpret_cast<float*>(to);
    std::fill_n(all, bytes / 4, 0.0f);
    auto const from = w.as<float>();
    for (std::int64_t o = 0; o < outputs; ++o)
      for (std::int64_t step = 0; step < steps; ++step)
        for (std::int64_t k = 0; k < wide; ++k)
          all[((o / channel_block * steps + step) * tile_depth + k) * channel_block + o % channel_block] =
              from[static_cast<std::size_t>((o * steps + step) * wide + k)];
  };
  return paired(std::move(floats), channel_block);
}

inline address add_planes(scheduled_node const& n, convolution_shape const& s, tile_planes const& planes,
                          target const& t, fragment& code) {
  auto const to = code.temporary("bf16", checked_mul(s.items, planes.item_bytes()), 0, 1);
  auto const row = planes.row_bytes(), in_row = s.window.x.in * 4, above = s.window.y.pad_begin;
  for (auto const& rows : equal_runs(planes.rows(), std::max<std::int64_t>(1, task_bytes / row))) {
    vector::recipe_key key("round_planes", t);
    key.add(rows.length).add(s.window.x.in).add(row);
    address const x{.in = space::input,
                    .index = 0,
                    .offset = rows.first * in_row,
                    .stride = {n.inputs[0].item_stride, s.in_plane() * 4, rows.length * in_row}};
    code.add(
        {key.take(), [planes, length = rows.length, t] { return tile_planes_kernel(planes, length, t); }},
        {s.items, planes.channels, rows.count},
        {x, moved(to, (above + rows.first) * row, {planes.item_bytes(), planes.plane_bytes(), rows.length * row})});
  }
  auto const below = above + planes.rows();
  for (auto const& [first, count] : {std::pair(std::int64_t{0}, above), std::pair(below, planes.height() - below)})
    add_tile_padding(code, moved(to, first * row, {planes.item_bytes(), planes.plane_bytes()}),
                     {s.items, planes.channels}, count * row, 0, t);
  code.barrier();
  return to;
}

inline fragment tile_planes_build(scheduled_node const& n, convolution_shape const& s, target const& t) {
  fragment code;
  tile_planes const planes{.channels = s.in_channels, .window = s.window};
  auto const& [y, x] = s.window;
  tile_product p;
  p.chunks = s.in_channels;
  p.x_chunk = planes.plane_bytes();
  p.x_alignment = 2;
  p.taps.clear();
  for (std::int64_t k = 0; k < y.kernel; ++k) p.taps.push_back(k * y.dilation * planes.row_bytes());
  tile_lines const lines{.lines = y.out,
                         .pixels = x.out,
                         .x_item = planes.item_bytes(),
                         .x_line = y.stride * planes.row_bytes(),
                         .x_pixel = x.stride * 2};
  auto const image = add_planes(n, s, planes, t, code);
  tile_lines_code(n, s, lines, std::move(p), t, code)
      .add(moved(image, (tile_planes::before - x.pad_begin) * 2, {}), code.weight(pack_planes(n, s)),
           convolution_operands(n, code));
  return code;
}

inline std::vector<candidate> tile_planes_offer(scheduled_node const& n, target const& t) {
  if (!multiplies_tiles(t) || !is_plain_convolution(n)) return {};
  auto const s = shape_of_convolution(n);
  auto const& [y, x] = s.window;
  if (s.groups != 1 || s.in_channels > few_channels || y.kernel > most_tile_taps || x.kernel > tile_depth) return {};
  if (y.pad_begin < 0 || x.pad_begin < 0 || x.pad_begin > tile_planes::before || x.dilation != 1) return {};
  auto const products = static_cast<double>(s.out_blocks() * channel_block * s.out_plane()) *
                        static_cast<double>(s.in_channels * y.kernel * tile_depth);
  auto const growth = static_cast<double>(tile_depth) / static_cast<double>(2 * x.kernel);
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
