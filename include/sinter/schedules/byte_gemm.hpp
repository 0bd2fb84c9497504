#pragma once

#include <sinter/schedules/block_runs.hpp>
#include <sinter/schedules/contraction_kernel.hpp>
#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/quantized_product.hpp>
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
namespace sinter::detail {

/// Y[rows][columns] of A[rows][depth]; `depth` is a multiple of four.
struct byte_gemm_shape {
  std::int64_t rows = 0, depth = 0, columns = 0;

  static byte_gemm_shape of(shape const& a, shape const& b) {
    return {.rows = static_cast<std::int64_t>(a.elements()) / b[0], .depth = b[0], .columns = b[1]};
  }
  /// Of weights as they are in the graph: [depth][columns].
  quantized_weights weights() const {
    return {.outputs = columns, .channels = depth, .output_step = 1, .channel_step = columns};
  }
};

/// Builds the grids of one product of input 0 of a node.
class byte_gemm_code {
 public:
  byte_gemm_code(byte_gemm_shape const& s, quantized_tile const& tile, packing weights, target const& machine)
      : machine_(machine), s_(s), tile_(tile) {
    w_ = code_.weight(std::move(weights));
    if (!tile.words) return;
    x_ = widen_bytes({.count = s.rows, .bytes = s.depth, .is_signed = tile.is_signed}, x_, machine, code_);
    planes_ = 2;
  }

  /// Appends an operand of the tiles; one of the columns has a value of 4 bytes for each.
  void of_columns(packing values) {
    values_.push_back({code_.weight(std::move(values)), channel_block * 4});
    has_bias_ = has_bias_ || !tile_.reals;
  }
  void of_all(operand_info const& in, std::uint32_t input) {
    values_.push_back({in.constant ? code_.weight(pack_raw(in)) : address{.in = space::input, .index = input}, 0});
  }
  void addend(scheduled_node const& n) { extras_ = addend_of(n, tile_); }
  void epilogue(scheduled_node const& n, std::optional<expr::function> const& function, std::size_t first) {
    extras_ = bind_extras(n, function, first, n.outputs[0].shape().rank() - 1, code_);
  }

  fragment build() {
    auto const wide = quantized_blocks(s_.rows == 1 ? 1 : 5, machine_);
    auto const runs =
        block_runs(ceil_div(s_.columns, channel_block), wide, gemm_interleave, s_.columns % channel_block);
    for (auto const& rows : tile_axis({.in = s_.rows, .out = s_.rows}, quantized_pixels(wide, machine_)))
      for (auto const& columns : runs) add_grid(rows, columns);
    return std::move(code_);
  }

 private:
  struct tile_operand {
    address at{};
    std::int64_t block_bytes = 0;
  };

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
    t.bias = has_bias_;
    t.quantized = tile_;
    t.y_col = s_.columns * t.y_element();
    t.y_block = channel_block * t.y_element();
    t.epilogue = extras_.code;
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
    for (auto [at, block_bytes] : values_) {
      at.offset = columns.first * block_bytes;
      at.stride = {columns.step * block_bytes};
      arguments.push_back(at);
    }
    address const y{.in = space::output,
                    .offset = rows.first * t.y_col + columns.first * t.y_block,
                    .stride = {columns.step * t.y_block, rows.length * t.y_col}};
    for (auto& extra : extras_.at(y.offset, columns.first, y.stride, {columns.step})) arguments.push_back(extra);
    arguments.push_back(y);
    code_.add(contraction_recipe(std::move(t), machine_), {columns.count, rows.count, 1, 1}, std::move(arguments));
  }

  target machine_;
  byte_gemm_shape s_;
  quantized_tile tile_;
  bool has_bias_ = false;
  std::int64_t planes_ = 1;  ///< of the input for each row (widened_bytes.hpp)
  address x_{.in = space::input}, w_{};
  std::vector<tile_operand> values_{};
  bound_extras extras_{};
  fragment code_{};
};

/// Whether a matrix product has the shapes that these kernels take.
inline bool is_byte_gemm(operand_info const& a, operand_info const& b) {
  return is_byte_tensor(a) && a.shape().rank() >= 2 && b.shape().rank() == 2 && b.shape().elements() > 0 &&
         b.shape()[0] % 4 == 0;
}

inline double byte_gemm_cost(byte_gemm_shape const& s, target const& t) {
  auto const sums = static_cast<double>(s.rows * s.depth) * static_cast<double>(round_up(s.columns, channel_block));
  return multiply_add_cost(sums) / byte_products_at_once(t);
}

}  // namespace sinter::detail
