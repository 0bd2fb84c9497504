#pragma once

#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/product_operands.hpp>
#include <sinter/schedules/tile_kernel.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Matrix product of row-major activations, 8-bit integers or rounded to bfloat16, with a constant matrix, by tiles:
///
///     round x, unless it is integers or rounded: 32 rows together, 32 numbers of each row side by side
///     parallel for 2 blocks of 16 columns (4 of few rows), some times 32 rows, or any number of integers: tile product
namespace sinter {
namespace detail {

/// A matrix product whose rows are `depth_bytes` long, and its operands.
struct tile_matrix {
  std::string name{};
  std::int64_t rows = 0, depth_bytes = 0, columns = 0;
  address x{}, w{};
  std::int64_t x_row = 0, x_chunk = 0, x_rows = 0;  ///< from a row, 64 bytes of it and 32 rows to the next
  product_operands operands{};
  bool rounds = false;  ///< results lie as the rounded rows of x do

  /// Where row `row`, a multiple of 32 if results are rounded, and block `block` of the results begin.
  std::int64_t y_at(std::int64_t row, std::int64_t block, tile_product const& p) const {
    return row * (rounds ? columns * 2 : p.y_row) + block * p.y_block;
  }
  std::int64_t x_at(std::int64_t row) const {
    return row / tile_product_rows * x_rows + row % tile_product_rows * x_row;
  }
  /// Whether all rows lie as far from another, so that a call takes any number of them.
  bool is_even() const { return x_rows == tile_product_rows * x_row; }
  std::int64_t blocks() const { return ceil_div(columns, channel_block); }
  /// Blocks of columns that a call multiplies.
  std::int64_t blocks_of_call() const { return rows <= tile_rows ? 4 : 2; }
  std::int64_t weight_at(std::int64_t block) const { return block * packed_group_bytes(depth_bytes / 4, 1); }
  /// The product of `run.length` rows with `wide` columns.
  tile_product product(std::int64_t height, std::int64_t wide) const {
    auto const many = ceil_div(wide, channel_block);
    tile_product p{.name = fmt::format("{}_{}x{}", name, height, many)};
    p.rows = p.line_pitch = height;
    p.x_row = x_row;
    p.x_time = x_rows;
    p.chunks = depth_bytes / 64;
    p.x_chunk = x_chunk;
    p.w_row = channel_block * 4;
    p.blocks = many;
    p.w_block = weight_at(1);
    p.bias = operands.bias;
    p.epilogue = operands.extras.code;
    p.quantized = operands.quantized;
    p.rounds = rounds;
    p.y_row = rounds ? 64 : columns * p.y_element();
    p.y_block = rounds ? tile_product_rows * 32 : channel_block * p.y_element();
    p.y_time = rounds ? tile_product_rows * columns * 2 : 0;
    p.last_lanes = static_cast<std::int32_t>(wide - (many - 1) * channel_block);
    return p;
  }
};

/// How many times 32 rows one call multiplies: enough to fetch the next weights in their time, few enough for several
/// tasks.
inline std::int64_t times_of_call(tile_matrix const& m, tile_product const& p, std::int64_t most) {
  constexpr std::int64_t tasks = 16, longest = 8;
  auto const shared = most * ceil_div(m.blocks(), m.blocks_of_call()) / tasks;
  return std::max(tile_product_times(p, most), std::clamp<std::int64_t>(shared, 1, std::min(longest, most)));
}

/// Adds its grids.
inline void add_tile_matrix(tile_matrix const& m, target const& t, fragment& code) {
  auto const wide = m.blocks_of_call();
  auto const scratch = code.scratch(tile_sums_scratch);
  auto const add = [&](tile_run const& rows, std::int64_t times, tile_run const& columns) {
    auto const first = columns.first / channel_block;
    auto p = m.product(rows.length / times, columns.length);
    p.times = times;
    p.w_next = rows.length > tile_product_rows && p.blocks == p.blocks_at_once() ? m.weight_at(wide) : 0;
    std::vector<address> arguments{moved(m.x, m.x_at(rows.first), {0, m.x_at(rows.length)}),
                                   moved(m.w, m.weight_at(first), {m.weight_at(wide)})};
    address const y{.in = space::output,
                    .index = 0,
                    .offset = m.y_at(rows.first, first, p),
                    .stride = {wide * p.y_block, m.y_at(rows.length, 0, p)}};
    for (auto const& other : m.operands.arguments(y, first, {wide})) arguments.push_back(other);
    arguments.insert(arguments.end(), {scratch, y});
    code.add(tile_product_recipe(p, t), {columns.count, rows.count, 1, 1}, std::move(arguments));
  };
  for (auto const& columns : full_runs(m.columns, wide * channel_block)) {
    auto const times = [&](tile_run const& rows) {
      return times_of_call(m, m.product(rows.length, columns.length), rows.count);
    };
    auto const whole = full_runs(m.rows, tile_product_rows);
    if (m.is_even()) {
      auto const calls = std::max<std::int64_t>(1, whole[0].count / times(whole[0]));
      for (auto const& rows : equal_runs(m.rows, ceil_div(m.rows, calls))) add(rows, 1, columns);
      continue;
    }
    for (auto const& rows : whole)
      for (auto const& calls : full_runs(rows.count, times(rows)))
        add({rows.first + calls.first * rows.length, calls.length * rows.length, calls.count}, calls.length, columns);
  }
}

/// `rows` rows to bfloat16, 32 numbers of each row side by side.
inline vector::program round_rows_kernel(std::int64_t rows, std::int64_t depth, target const& t) {
  vector::builder b("round_rows", t.lanes());
  using vector::access;
  constexpr auto group = tile_product_rows * 64;
  auto const x = b.argument("x", access::in, rows * depth * 4);
  auto const y = b.argument("y", access::out, (depth / tile_depth - 1) * group + rows * 64, vector::element::i32);
  b.loop(rows, {{x, depth * 4}, {y, 64}}, [&] {
    b.loop(depth / tile_depth, {{x, tile_depth * 4}, {y, group}},
           [&] { b.store(y.at(0), b.pack_bf16(b.load(x.at(0)), b.load(x.at(64)))); });
  });
  return std::move(b).take();
}

/// Adds a region that rounds the matrix of input 0 as tiles read it, unless it is so.
inline void add_rounded_rows(scheduled_node const& n, gemm_shape const& s, tile_matrix& m, target const& t,
                             fragment& code) {
  m.x_row = 64;
  m.x_chunk = tile_product_rows * 64;
  m.x_rows = s.depth / tile_depth * m.x_chunk;
  m.x = {.in = space::input, .index = 0};
  if (n.inputs[0].how.order == element_order::tiled_rows) return;
  m.x = code.temporary("bf16", checked_mul(ceil_div(s.rows, tile_product_rows), m.x_rows), 0, 1);
  for (auto const& run : full_runs(s.rows, tile_product_rows)) {
    vector::recipe_key key("round_rows", t);
    key.add(run.length).add(s.depth);
    address const x{
        .in = space::input, .index = 0, .offset = run.first * s.depth * 4, .stride = {run.length * s.depth * 4}};
    code.add({key.take(), [rows = run.length, depth = s.depth, t] { return round_rows_kernel(rows, depth, t); }},
             {run.count}, {x, moved(m.x, run.first / tile_product_rows * m.x_rows, {m.x_rows})});
  }
  code.barrier();
}

inline fragment tile_gemm_build(scheduled_node const& n, gemm_shape const& s, target const& t) {
  fragment code;
  tile_matrix m{.name = "tile_gemm", .rows = s.rows, .depth_bytes = s.depth * 2, .columns = s.columns};
  m.rounds = n.outputs[0].how.order == element_order::tiled_rows;
  add_rounded_rows(n, s, m, t, code);
  m.w = code.weight(paired(pack_gemm_weights(n, s, 1), channel_block));
  m.operands =
      float_operands(n, n.op.attributes_as<fused_gemm::attributes>().epilogue, n.outputs[0].shape().rank() - 1, code);
  add_tile_matrix(m, t, code);
  return code;
}

/// Rows are rounded where tiles read and write them whole.
inline roundable_operands roundable_gemm(scheduled_node const& n, gemm_shape const& s) {
  auto const& y = n.outputs[0].shape();
  roundable_operands may{.output = s.columns % tile_depth == 0 && y.back() == s.columns};
  for (std::size_t i = 3; i < n.inputs.size(); ++i)
    may.output = may.output && classify_extra(n.inputs[i], y, y.rank() - 1) != extra_kind::element;
  if (n.inputs[0].shape().back() == s.depth) may.inputs = {0};
  return may;
}

inline std::vector<candidate> tile_gemm_offer(scheduled_node const& n, target const& t) {
  auto const s = shape_of_plain_gemm(n);
  if (!multiplies_tiles(t) || !s || !n.inputs[1].constant || s->depth % tile_depth != 0) return {};
  if (s->stacks[0].extent * s->stacks[1].extent != 1) return {};
  auto offered = gemm_candidate(n, *s, t);
  offered.cost = rounding_cost(n) + tile_product_cost(offered.cost, s->rows);
  offered.weight_growth = 0.5;
  offered.precision = precision::bfloat16;
  offered.layouts.roundable = roundable_gemm(n, *s);
  offered.build = [s = *s, t](scheduled_node const& at) { return tile_gemm_build(at, s, t); };
  return {std::move(offered)};
}

}  // namespace detail

inline constexpr schedule tile_gemm_schedule{.name = "bf16 tile gemm", .offer = detail::tile_gemm_offer};

}  // namespace sinter
