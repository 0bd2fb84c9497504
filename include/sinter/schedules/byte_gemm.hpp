#pragma once

#include <sinter/schedules/block_runs.hpp>
#include <sinter/schedules/contraction_kernel.hpp>
#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/quantized_product.hpp>
#include <sinter/schedules/tile_gemm.hpp>
#include <sinter/schedules/widened_bytes.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Row-major 8-bit integers times a constant matrix:
///
///     parallel for group of 16-column blocks, tile of rows:
///       contraction tile: 5 rows x 4 blocks, one row x 8 blocks (AVX-512); 4 x 1, one row x 4 (AVX2)
///
/// or, with AMX, products of tile_gemm.hpp. Sums are exact, so both have the same bits.
namespace sinter::detail {

/// Y[rows][columns] of A[rows][depth]; `depth` is a multiple of four.
struct byte_gemm_shape {
  std::int64_t rows = 0, depth = 0, columns = 0;
  bool is_signed = false;  ///< A is int8, else uint8

  static byte_gemm_shape of(operand_info const& a, operand_info const& b) {
    auto const depth = b.shape()[0];
    return {.rows = static_cast<std::int64_t>(a.shape().elements()) / depth,
            .depth = depth,
            .columns = b.shape()[1],
            .is_signed = a.type.element == dtype::int8};
  }
  /// Of weights as they are in the graph: [depth][columns].
  quantized_weights weights() const {
    return {.outputs = columns, .channels = depth, .output_step = 1, .channel_step = columns};
  }
};

/// Whether tiles multiply it, and sooner than other registers.
inline bool fills_tiles(byte_gemm_shape const& s, target const& t) {
  constexpr std::int64_t few_rows = 4;
  return multiplies_tiles(t) && !s.is_signed && s.depth % byte_tile_depth == 0 && s.rows > few_rows;
}

/// Blocks of columns whose weights are packed side by side.
inline std::int64_t byte_gemm_interleave(byte_gemm_shape const& s, target const& t) {
  return fills_tiles(s, t) ? 1 : gemm_interleave;
}

/// Builds the grids of one product of input 0 of a node.
class byte_gemm_code {
 public:
  /// `weights` are packed in groups of `byte_gemm_interleave` blocks.
  byte_gemm_code(byte_gemm_shape const& s, packing weights, product_operands operands, target const& machine,
                 fragment code)
      : machine_(machine), s_(s), operands_(std::move(operands)), tile_(*operands_.quantized), code_(std::move(code)) {
    w_ = code_.weight(std::move(weights));
    if (!tile_.words) return;
    x_ = widen_bytes({.count = s.rows, .bytes = s.depth, .is_signed = tile_.is_signed}, x_, machine, code_);
    planes_ = 2;
  }

  fragment build() {
    if (fills_tiles(s_, machine_)) return in_tiles();
    auto const wide = quantized_blocks(s_.rows == 1 ? 1 : 5, machine_);
    auto const runs =
        block_runs(ceil_div(s_.columns, channel_block), wide, gemm_interleave, s_.columns % channel_block);
    for (auto const& rows : tile_axis({.in = s_.rows, .out = s_.rows}, quantized_pixels(wide, machine_)))
      for (auto const& columns : runs) add_grid(rows, columns);
    return std::move(code_);
  }

 private:
  fragment in_tiles() {
    tile_matrix m{.name = fmt::format("{}_tile_gemm", tile_.reals ? "integer" : "quantized"),
                  .rows = s_.rows,
                  .depth_bytes = s_.depth,
                  .columns = s_.columns};
    m.x = x_;
    m.w = w_;
    m.x_row = s_.depth;
    m.x_chunk = byte_tile_depth;
    m.x_rows = tile_product_rows * s_.depth;
    m.operands = operands_;
    add_tile_matrix(m, machine_, code_);
    return std::move(code_);
  }

  std::int64_t group_bytes() const { return packed_group_bytes(planes_ * s_.depth / 4, gemm_interleave); }
  std::int64_t weight_at(std::int64_t block) const {
    return block / gemm_interleave * group_bytes() + block % gemm_interleave * channel_block * 4;
  }

  contraction_tile tile_code(tile_run const& rows, block_run const& columns) const {
    contraction_tile t{
        .name = fmt::format("{}_gemm_{}x{}", tile_.reals ? "integer" : "quantized", rows.length, columns.blocks)};
    t.cols = rows.length;
    t.x_col = planes_ * s_.depth;
    t.taps_y = {{0, 1, {true}}};
    t.taps_x = {{0, 1, std::vector<bool>(static_cast<std::size_t>(rows.length), true)}};
    t.sections = {{.chunks = planes_, .channels = s_.depth / 4, .x_chunk = s_.depth}};
    t.w_channel = gemm_interleave * channel_block * 4;
    for (std::int64_t b = 0; b < columns.blocks; ++b)
      t.w_blocks.push_back(weight_at(columns.first + b) - weight_at(columns.first));
    t.w_prefetch = weight_prefetch(ceil_div(s_.columns, gemm_interleave * channel_block) * group_bytes(), machine_);
    t.bias = operands_.bias;
    t.quantized = tile_;
    t.y_col = s_.columns * t.y_element();
    t.y_block = channel_block * t.y_element();
    t.epilogue = operands_.extras.code;
    bool const last = (columns.first + columns.blocks) * channel_block > s_.columns;
    if (last) t.last_lanes = static_cast<std::int32_t>(s_.columns % channel_block);
    return t;
  }

  void add_grid(tile_run const& rows, block_run const& columns) {
    auto t = tile_code(rows, columns);
    auto x = x_;
    x.offset += rows.first * t.x_col;
    x.stride = {0, rows.length * t.x_col};
    auto w = w_;
    w.offset = weight_at(columns.first);
    w.stride = {weight_at(columns.first + columns.step) - w.offset};
    std::vector<address> arguments{x, w};
    address const y{.in = space::output,
                    .offset = rows.first * t.y_col + columns.first * t.y_block,
                    .stride = {columns.step * t.y_block, rows.length * t.y_col}};
    for (auto const& other : operands_.arguments(y, columns.first, {columns.step})) arguments.push_back(other);
    arguments.push_back(y);
    code_.add(contraction_recipe(std::move(t), machine_), {columns.count, rows.count, 1, 1}, std::move(arguments));
  }

  target machine_;
  byte_gemm_shape s_;
  product_operands operands_;
  quantized_tile tile_;
  std::int64_t planes_ = 1;  ///< of the input for each row (widened_bytes.hpp)
  address x_{.in = space::input}, w_{};
  fragment code_{};
};

/// Whether a matrix product has the shapes that these kernels take.
inline bool is_byte_gemm(operand_info const& a, operand_info const& b) {
  return is_byte_tensor(a) && a.shape().rank() >= 2 && b.shape().rank() == 2 && b.shape().elements() > 0 &&
         b.shape()[0] % 4 == 0;
}

inline double byte_gemm_cost(byte_gemm_shape const& s, target const& t) {
  auto const sums = static_cast<double>(s.rows * s.depth) * static_cast<double>(round_up(s.columns, channel_block));
  auto const cost = multiply_add_cost(sums);
  return fills_tiles(s, t) ? tile_product_cost(cost, s.rows) / 2 : cost / byte_products_at_once(t);
}

}  // namespace sinter::detail
