#pragma once

#include <sinter/schedules/convolution_shape.hpp>
#include <sinter/schedules/product_operands.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/schedules/tile_kernel.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// The products of convolutions by tiles, line by line of the output, or several lines together:
///
///     parallel for item, 2 or 4 output blocks, some lines of the output or up to 128 pixels of one: tile product
namespace sinter::detail {

/// The lines of an output, and how their windows lie in the image.
struct tile_lines {
  std::int64_t lines = 1, pixels = 0;                 ///< of a line
  std::int64_t x_item = 0, x_line = 0, x_pixel = 64;  ///< bytes from the windows of an item, line, pixel to the next
  /// Windows from the first of a line to that of the next, all of which can be multiplied; 0: lines are on their own.
  std::int64_t pitch = 0;

  /// Lines that are multiplied together: as many as keep tiles full, few unless they are most of the plane, since the
  /// results of one line are stored while others are computed.
  std::int64_t together() const {
    if (pitch == 0 || pixels > most_tile_product_rows) return 1;
    auto const most = std::min(lines, (most_tile_product_rows - pixels) / pitch + 1);
    auto const cost_of = [&](std::int64_t count) {
      auto const rows = count == 0 ? 0 : (count - 1) * pitch + pixels, rest = rows % tile_product_rows;
      return rows / tile_product_rows * 20 + (rest == 0 ? 0 : rest <= tile_rows ? 14 : 20);
    };
    auto const cost = [&](std::int64_t count) { return lines / count * cost_of(count) + cost_of(lines % count); };
    std::int64_t best = 1;
    for (std::int64_t count = 2; count <= most; ++count)
      if (cost(count) < cost(best) || (cost(count) == cost(best) && 2 * count >= lines)) best = count;
    return best;
  }
  /// Calls that compute all lines with some blocks.
  std::int64_t calls() const {
    return lines > 1 ? ceil_div(lines, together()) : ceil_div(pixels, most_tile_product_rows);
  }
  bool has_few_calls() const { return calls() <= 2; }
};

inline product_operands convolution_operands(scheduled_node const& n, fragment& code) {
  return float_operands(n, n.op.attributes_as<fused_convolution::attributes>().epilogue, 1, code);
}

/// Which results, and extras that are added to them, products may leave rounded.
inline roundable_operands roundable_convolution(scheduled_node const& n, convolution_shape const& s) {
  roundable_operands may{.output = s.out_channels % tile_depth == 0};
  for (std::size_t i = 3; i < n.inputs.size(); ++i) {
    if (classify_extra(n.inputs[i], n.outputs[0].shape(), 1) != extra_kind::element) continue;
    if (n.inputs[i].constant) return {};
    may.like_output.push_back(static_cast<std::uint32_t>(i));
  }
  return may;
}

/// Adds the grids of a convolution whose image is there.
class tile_lines_code {
 public:
  /// `product` has what does not depend on the rows: how steps lie in x and in the packed weights `w`.
  tile_lines_code(scheduled_node const& n, convolution_shape const& s, tile_lines const& all, tile_product product,
                  target const& machine, fragment& code)
      : n_(n), s_(s), all_(all), product_(std::move(product)), machine_(machine), code_(code) {}

  void add(address const& x, address const& w, product_operands operands) {
    x_ = x;
    w_ = w;
    operands_ = std::move(operands);
    scratch_ = code_.scratch(tile_lines_scratch);
    product_.name = fmt::format("tile_conv{}x{}", s_.window.y.kernel, s_.window.x.kernel);
    product_.x_row = all_.x_pixel;
    product_.w_row = channel_block * 4;
    product_.w_block = product_.steps() * product_.w_step();
    product_.bias = operands_.bias;
    product_.epilogue = operands_.extras.code;
    product_.quantized = operands_.quantized;
    product_.rounds = n_.outputs[0].element() == dtype::bfloat16;
    product_.y_row = n_.outputs[0].how.block_channels() * product_.y_element();
    product_.y_block = s_.out_plane() * channel_block * product_.y_element();
    bool const by_two = all_.has_few_calls() && all_.lines * all_.pixels > tile_rows;
    for (auto const& columns : full_runs(s_.out_blocks(), by_two ? 2 : 4)) add_columns(columns);
  }

 private:
  void add_columns(tile_run const& columns) {
    auto const parts = full_runs(all_.pixels, most_tile_product_rows);
    if (all_.lines > 1 && all_.pixels <= most_tile_product_rows) {
      for (auto const& lines : full_runs(all_.lines, all_.together()))
        add_calls(columns, product(columns, lines.length, all_.pixels),
                  {.x = lines.first * all_.x_line,
                   .y = lines.first * all_.pixels,
                   .x_next = lines.length * all_.x_line,
                   .y_next = lines.length * all_.pixels,
                   .count = lines.count});
    } else {
      for (auto const& part : parts)
        add_calls(columns, product(columns, 1, part.length),
                  {.x = part.first * all_.x_pixel,
                   .y = part.first,
                   .x_next = part.length * all_.x_pixel,
                   .y_next = part.length,
                   .count = part.count,
                   .lines = all_.lines});
    }
  }

  /// Rows that are multiplied one after another, on each of `lines` lines. x is in bytes, y in pixels of the output.
  struct row_run {
    std::int64_t x = 0, y = 0, x_next = 0, y_next = 0, count = 1, lines = 1;
  };

  tile_product product(tile_run const& columns, std::int64_t lines, std::int64_t pixels) const {
    auto p = product_;
    p.name += fmt::format("_{}x{}", lines * pixels, columns.length);
    p.rows = pixels;
    p.lines = lines;
    p.line_pitch = lines == 1 ? pixels : all_.pitch;
    p.blocks = columns.length;
    return p;
  }

  void add_calls(tile_run const& columns, tile_product p, row_run const& rows) {
    p.x_time = rows.x_next;
    for (auto const& calls : full_runs(rows.count, tile_product_times(p, rows.count))) {
      p.times = calls.length;
      bool const fetches = all_.has_few_calls() && p.blocks == p.blocks_at_once();
      p.w_next = fetches && p.times * p.all_rows() > tile_product_rows ? columns.length * p.w_block : 0;
      auto const block = columns.first, step = columns.length;
      std::vector<address> arguments{
          moved(x_, rows.x + calls.first * rows.x_next, {all_.x_item, 0, all_.x_line, calls.length * rows.x_next}),
          moved(w_, block * p.w_block, {0, step * p.w_block})};
      address const y{.in = space::output,
                      .index = 0,
                      .offset = block * p.y_block + (rows.y + calls.first * rows.y_next) * p.y_row,
                      .stride = {n_.outputs[0].item_stride, step * p.y_block, all_.pixels * p.y_row,
                                 calls.length * rows.y_next * p.y_row}};
      for (auto const& other : operands_.arguments(y, block, {0, step})) arguments.push_back(other);
      arguments.insert(arguments.end(), {scratch_, y});
      code_.add(tile_product_recipe(p, machine_), {s_.items, columns.count, rows.lines, calls.count},
                std::move(arguments));
    }
  }

  scheduled_node const& n_;
  convolution_shape const& s_;
  tile_lines all_;
  tile_product product_;
  target machine_;
  fragment& code_;
  address x_{}, w_{}, scratch_{};
  product_operands operands_{};
};

}  // namespace sinter::detail
