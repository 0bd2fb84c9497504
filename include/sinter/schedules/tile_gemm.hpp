#pragma once

#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/tile_product.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Matrix product of row-major activations, rounded to bfloat16, with a constant matrix of bfloat16, by tiles:
///
///     round x
///     parallel for group of 4 blocks of 16 columns, 32 rows: tile product
namespace sinter {
namespace detail {

inline fragment tile_gemm_build(scheduled_node const& n, gemm_shape const& s, target const& t) {
  fragment code;
  auto const x_row = s.depth * 2, y_row = s.columns * 4, group = packed_group_bytes(s.depth / 2, gemm_interleave);
  auto const x = add_rounded(code, 1, s.rows * s.depth, 0, t);
  auto const w = code.weight(paired(pack_gemm_weights(n, s), gemm_interleave * channel_block));
  auto const bias = bind_bias(n, code);
  auto const extras =
      bind_extras(n, n.op.attributes_as<fused_gemm::attributes>().epilogue, 3, n.outputs[0].shape().rank() - 1, code);
  auto const scratch = code.scratch(tile_product_scratch);
  auto const add = [&](tile_run const& rows, tile_run const& columns) {
    auto const blocks = ceil_div(columns.length, channel_block), first = columns.first / channel_block;
    tile_product p{.name = fmt::format("tile_gemm_{}x{}", rows.length, blocks)};
    p.rows = rows.length;
    p.x_row = x_row;
    p.chunks = s.depth / tile_depth;
    p.w_row = gemm_interleave * channel_block * 4;
    p.blocks = blocks;
    p.y_row = y_row;
    p.last_lanes = static_cast<std::int32_t>(columns.length - (blocks - 1) * channel_block);
    p.bias = bias.has_value();
    p.epilogue = extras.code;
    for (auto const& calls : full_runs(rows.count, tile_product_times(p, rows.count))) {
      p.times = calls.length;
      auto const row = rows.first + calls.first * rows.length, step = calls.length * rows.length;
      std::vector<address> arguments{moved(x, row * x_row, {0, step * x_row}),
                                     moved(w, first / gemm_interleave * group, {group})};
      if (bias) arguments.push_back(moved(*bias, first * 64, {gemm_interleave * 64}));
      address const y{.in = space::output,
                      .index = 0,
                      .offset = row * y_row + first * 64,
                      .stride = {gemm_interleave * 64, step * y_row}};
      for (auto& extra : extras.at(y.offset, first, y.stride, {gemm_interleave})) arguments.push_back(extra);
      arguments.insert(arguments.end(), {scratch, y});
      code.add(tile_product_recipe(p, t), {columns.count, calls.count, 1, 1}, std::move(arguments));
    }
  };
  for (auto const& rows : full_runs(s.rows, tile_product_rows))
    for (auto const& columns : full_runs(s.columns, gemm_interleave * channel_block)) add(rows, columns);
  return code;
}

inline std::vector<candidate> tile_gemm_offer(scheduled_node const& n, target const& t) {
  auto const s = shape_of_plain_gemm(n);
  if (!multiplies_tiles(t) || !s || !n.inputs[1].constant || s->depth % tile_depth != 0) return {};
  if (s->stacks[0].extent * s->stacks[1].extent != 1) return {};
  auto offered = gemm_candidate(n, *s, t);
  offered.cost = rounding_cost(n) + tile_product_cost(offered.cost, s->rows);
  offered.weight_growth = 0.5;
  offered.precision = precision::bfloat16;
  offered.build = [s = *s, t](scheduled_node const& at) { return tile_gemm_build(at, s, t); };
  return {std::move(offered)};
}

}  // namespace detail

inline constexpr schedule tile_gemm_schedule{.name = "bf16 tile gemm", .offer = detail::tile_gemm_offer};

}  // namespace sinter
