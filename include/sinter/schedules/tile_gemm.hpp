#pragma once

#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/tile_product.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Matrix product of row-major activations, 8-bit integers or rounded to bfloat16, with a constant matrix, by tiles:
///
///     round x, unless it is integers
///     parallel for group of 4 blocks of 16 columns, 32 rows: tile product
namespace sinter {
namespace detail {

/// An operand of a product that has `block_bytes` for each block of columns.
struct tile_operand {
  address at{};
  std::int64_t block_bytes = 0;
};

/// A matrix product whose rows are `depth_bytes` long, and its operands.
struct tile_matrix {
  std::string name{};
  std::int64_t rows = 0, depth_bytes = 0, columns = 0;
  bool integers = false, bias = false;
  address x{}, w{};
  std::vector<tile_operand> values{};
  bound_extras extras{};
};

/// Adds its grids, whose weights are packed in groups of `gemm_interleave` blocks.
inline void add_tile_matrix(tile_matrix const& m, target const& t, fragment& code) {
  auto const y_row = m.columns * 4, group = packed_group_bytes(m.depth_bytes / 4, gemm_interleave);
  auto const scratch = code.scratch(tile_product_scratch);
  auto const add = [&](tile_run const& rows, tile_run const& columns) {
    auto const blocks = ceil_div(columns.length, channel_block), first = columns.first / channel_block;
    tile_product p{.name = fmt::format("{}_{}x{}", m.name, rows.length, blocks)};
    p.rows = p.line_pitch = rows.length;
    p.x_row = m.depth_bytes;
    p.chunks = m.depth_bytes / p.x_chunk;
    p.w_row = gemm_interleave * channel_block * 4;
    p.blocks = blocks;
    p.y_row = y_row;
    p.last_lanes = static_cast<std::int32_t>(columns.length - (blocks - 1) * channel_block);
    p.integers = m.integers;
    p.bias = m.bias;
    p.epilogue = m.extras.code;
    for (auto const& calls : full_runs(rows.count, tile_product_times(p, rows.count))) {
      p.times = calls.length;
      p.x_time = rows.length * p.x_row;
      auto const row = rows.first + calls.first * rows.length, step = calls.length * rows.length;
      std::vector<address> arguments{moved(m.x, row * p.x_row, {0, step * p.x_row}),
                                     moved(m.w, first / gemm_interleave * group, {group})};
      for (auto const& [at, block] : m.values) arguments.push_back(moved(at, first * block, {gemm_interleave * block}));
      address const y{.in = space::output,
                      .index = 0,
                      .offset = row * y_row + first * 64,
                      .stride = {gemm_interleave * 64, step * y_row}};
      for (auto& extra : m.extras.at(y.offset, first, y.stride, {gemm_interleave})) arguments.push_back(extra);
      arguments.insert(arguments.end(), {scratch, y});
      code.add(tile_product_recipe(p, t), {columns.count, calls.count, 1, 1}, std::move(arguments));
    }
  };
  for (auto const& rows : full_runs(m.rows, tile_product_rows))
    for (auto const& columns : full_runs(m.columns, gemm_interleave * channel_block)) add(rows, columns);
}

inline fragment tile_gemm_build(scheduled_node const& n, gemm_shape const& s, target const& t) {
  fragment code;
  tile_matrix m{.name = "tile_gemm", .rows = s.rows, .depth_bytes = s.depth * 2, .columns = s.columns};
  m.x = add_rounded(code, 1, s.rows * s.depth, 0, t);
  m.w = code.weight(paired(pack_gemm_weights(n, s), gemm_interleave * channel_block));
  if (auto const bias = bind_bias(n, code)) m.bias = true, m.values.push_back({*bias, 64});
  m.extras =
      bind_extras(n, n.op.attributes_as<fused_gemm::attributes>().epilogue, 3, n.outputs[0].shape().rank() - 1, code);
  add_tile_matrix(m, t, code);
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
