#pragma once

#include <sinter/ops/pooling.hpp>
#include <sinter/schedules/cast.hpp>
#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/pooling_kernel.hpp>
#include <sinter/schedules/tasks.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// MaxPool, of 8-bit integers as well, and AveragePool over one or two spatial axes, blocked in and out.
///
///     for item, run of channel blocks, run of output rows: pooling_kernel      (grid)
///
/// Small planes are one task each or several; large ones are cut into runs of rows with the same taps inside the plane.
/// A NaN passes a maximum only where it is the last tap. What is rounded in memory has maxima that are so.
namespace sinter {

namespace detail {

/// The axes of a pool of one or two spatial dimensions whose windows all hold an element.
struct pool_plane {
  pooling_kind kind = pooling_kind::max;
  bool count_padding = false;
  pool_axis y{}, x{};
};

inline pool_axis pool_axis_of(kernels::window const& w, std::size_t d) {
  return {.in = w.in[d],
          .out = w.out[d],
          .kernel = w.kernel[d],
          .stride = w.stride[d],
          .dilation = w.dilation[d],
          .pad_begin = w.pad_begin[d],
          .pad_end = w.pad_end[d]};
}

inline std::optional<pool_plane> pool_plane_of(scheduled_node const& n) {
  bool const max = is_standard_operator(*n.n, "MaxPool");
  if (!max && !is_standard_operator(*n.n, "AveragePool")) return std::nullopt;
  bool const indices = n.n->outputs.size() > 1 && n.n->outputs[1];
  auto const& in = n.inputs[0];
  bool const bytes = max && (in.type.element == dtype::int8 || in.type.element == dtype::uint8);
  if (indices || !(bytes || is_float_tensor(in)) || in.shape().rank() > 4) return std::nullopt;
  kernels::window w;
  pool_plane plane;
  if (max) {
    w = pooling_window(n.inputs[0].shape(), n.op.attributes_as<max_pool::attributes>().window);
  } else {
    auto const& a = n.op.attributes_as<average_pool::attributes>();
    w = pooling_window(n.inputs[0].shape(), a.window);
    plane.kind = pooling_kind::average;
    plane.count_padding = a.count_padding;
  }
  plane.y = pool_axis_of(w, 1);
  plane.x = pool_axis_of(w, 2);
  for (auto const& axis : {plane.y, plane.x})
    for (auto const& r : axis.runs(plane.count_padding))
      if (r.taps() <= 0) return std::nullopt;
  return plane;
}

/// Instructions of a whole plane's kernel, about.
inline std::int64_t pool_instructions(std::vector<pool_run> const& rows, std::vector<pool_run> const& columns,
                                      target const& t) {
  std::int64_t count = 0;
  for (auto const& r : rows)
    for (auto const& c : columns) count += std::min<std::int64_t>(c.length, 8) * (r.taps() * c.taps() + 2);
  return count * t.registers_per_block();
}

inline void add_pooling_grid(fragment& code, scheduled_node const& n, pooling_kernel const& kernel,
                             std::array<tile_run, 2> const& cut, target const& t) {
  auto const& [blocks, pieces] = cut;
  auto const in_row = kernel.x.in * kernel.block_bytes(), out_row = kernel.x.out * kernel.block_bytes();
  auto const in_block = kernel.y.in * in_row, out_block = kernel.y.out * out_row;
  address const in{
      .in = space::input,
      .offset = blocks.first * in_block + kernel.first_input_row() * in_row,
      .stride = {item_stride(n.inputs[0]), blocks.length * in_block, pieces.length * kernel.y.stride * in_row}};
  address const out{.in = space::output,
                    .offset = blocks.first * out_block + kernel.rows.front().first * out_row,
                    .stride = {item_stride(n.outputs[0]), blocks.length * out_block, pieces.length * out_row}};
  code.add(kernel.build(t), {n.inputs[0].shape()[0], blocks.count, pieces.count}, {in, out});
}

inline fragment pooling_build(pool_plane const& plane, scheduled_node const& n, target const& t) {
  pooling_kernel kernel;
  kernel.kind = plane.kind, kernel.y = plane.y, kernel.x = plane.x;
  kernel.columns = plane.x.runs(plane.count_padding);
  auto const rows = plane.y.runs(plane.count_padding);
  kernel.channels = n.inputs[0].how.block_channels();
  auto const blocks = ceil_div(n.inputs[0].shape()[1], kernel.channels);
  kernel.element = *float_source(n.inputs[0].element());
  auto const row_bytes = plane.x.out * kernel.block_bytes(), plane_bytes = plane.y.out * row_bytes;
  fragment code;
  if (plane_bytes <= 2 * task_bytes) {
    kernel.rows = rows;
    auto const most = pool_instructions(rows, kernel.columns, t) <= 400 ? task_bytes / plane_bytes : 1;
    for (auto const& run : equal_runs(blocks, most)) {
      kernel.blocks = run.length;
      add_pooling_grid(code, n, kernel, {run, {0, 0, 1}}, t);
    }
  } else {
    for (auto const& run : rows)
      for (auto const& piece : equal_runs(run.length, task_bytes / row_bytes)) {
        kernel.rows = {run};
        kernel.rows[0].first += piece.first, kernel.rows[0].length = piece.length;
        add_pooling_grid(code, n, kernel, {tile_run{0, 1, blocks}, piece}, t);
      }
  }
  return code;
}

inline std::vector<candidate> pooling_offer(scheduled_node const& n, target const& t) {
  auto const plane = pool_plane_of(n);
  if (!plane) return {};
  layout_choice layouts{.inputs = {layout::blocked}, .outputs = std::vector(n.outputs.size(), layout::blocked)};
  bool const rounds = plane->kind == pooling_kind::max && is_float_tensor(n.inputs[0]);
  if (rounds && n.inputs[0].shape()[1] % (2 * channel_block) == 0)
    layouts.roundable = {.output = true, .like_output = {0}};
  return {{.layouts = std::move(layouts),
           .cost = traffic_cost(n),
           .build = [plane = *plane, t](scheduled_node const& at) { return pooling_build(plane, at, t); }}};
}

}  // namespace detail

inline constexpr schedule pooling_schedule{.name = "pooling", .offer = detail::pooling_offer};

}  // namespace sinter
