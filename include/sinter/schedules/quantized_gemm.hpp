#pragma once

#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/quantized_product.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// sinter.QuantizedGemm: row-major 8-bit integers times a constant matrix.
///
///     parallel for group of 16-column blocks, tile of rows:
///       contraction tile: 5 rows x 4 blocks, one row x 8 blocks (AVX-512); 4 x 1, one row x 4 (AVX2)
namespace sinter {
namespace detail {

class quantized_gemm_code {
 public:
  quantized_gemm_code(scheduled_node const& n, target const& machine)
      : machine_(machine),
        depth_(n.inputs[3].shape()[0]),
        columns_(n.inputs[3].shape()[1]),
        rows_(static_cast<std::int64_t>(n.inputs[0].shape().elements()) / depth_),
        product_(n, {.outputs = columns_, .channels = depth_, .output_step = 1, .channel_step = columns_},
                 n.op.attributes_as<quantized_bounds>()) {}

  fragment build() {
    w_ = code_.weight(product_.weights(gemm_interleave));
    values_ = {code_.weight(product_.bias()), code_.weight(product_.scale())};
    auto const wide = quantized_blocks(rows_ == 1 ? 1 : 5, machine_);
    auto const blocks = ceil_div(columns_, channel_block), whole = columns_ / channel_block, full = whole / wide;
    for (auto const& rows : tile_axis({.in = rows_, .out = rows_}, quantized_pixels(wide, machine_))) {
      if (wide == 1) {  // neighbouring blocks of a packed group are closer than the groups
        for (std::int64_t first = 0; first < std::min(whole, gemm_interleave); ++first)
          add_grid(rows, {first, ceil_div(whole - first, gemm_interleave), gemm_interleave, 1});
        if (blocks > whole) add_grid(rows, {whole, 1, 1, 1});
        continue;
      }
      if (full > 0) add_grid(rows, {0, full, wide, wide});
      if (blocks > full * wide) add_grid(rows, {full * wide, 1, wide, blocks - full * wide});
    }
    return std::move(code_);
  }

 private:
  /// Tiles of `blocks` column blocks each, `step` blocks apart: `count` of them from `first` on.
  struct block_run {
    std::int64_t first, count, step, blocks;
  };

  std::int64_t group_bytes() const { return packed_group_bytes(depth_ / 4, gemm_interleave); }
  std::int64_t weight_at(std::int64_t block) const {
    return block / gemm_interleave * group_bytes() + block % gemm_interleave * channel_block * 4;
  }

  contraction_tile tile_code(tile_run const& rows, block_run const& columns) const {
    contraction_tile t{.name = fmt::format("quantized_gemm_{}x{}", rows.length, columns.blocks)};
    t.cols = rows.length;
    t.x_col = depth_;
    t.taps_y = {{0, 1, {true}}};
    t.taps_x = {{0, 1, std::vector<bool>(static_cast<std::size_t>(rows.length), true)}};
    t.sections = {{.chunks = 1, .channels = depth_ / 4}};
    t.w_channel = gemm_interleave * channel_block * 4;
    for (std::int64_t b = 0; b < columns.blocks; ++b)
      t.w_blocks.push_back(weight_at(columns.first + b) - weight_at(columns.first));
    t.w_prefetch = weight_prefetch(ceil_div(columns_, gemm_interleave * channel_block) * group_bytes(), machine_);
    t.y_col = columns_;
    t.y_block = channel_block;
    t.bias = true;
    t.quantized = product_.tile();
    bool const last = (columns.first + columns.blocks) * channel_block > columns_;
    if (last) t.last_lanes = static_cast<std::int32_t>(columns_ % channel_block);
    return t;
  }

  void add_grid(tile_run const& rows, block_run const& columns) {
    auto t = tile_code(rows, columns);
    address const x{.in = space::input, .offset = rows.first * depth_, .stride = {0, rows.length * depth_}};
    auto w = w_;
    w.offset = weight_at(columns.first);
    w.stride = {weight_at(columns.first + columns.step) - w.offset};
    std::vector<address> arguments{x, w};
    for (auto value : values_) {
      value.offset = columns.first * 64;
      value.stride = {columns.step * 64};
      arguments.push_back(value);
    }
    arguments.push_back({.in = space::output,
                         .offset = rows.first * columns_ + columns.first * channel_block,
                         .stride = {columns.step * channel_block, rows.length * columns_}});
    code_.add(contraction_recipe(std::move(t), machine_), {columns.count, rows.count, 1, 1}, std::move(arguments));
  }

  target machine_;
  std::int64_t depth_, columns_, rows_;
  quantized_product product_;
  address w_{};
  std::vector<address> values_{};
  fragment code_{};
};

inline std::vector<candidate> quantized_gemm_offer(scheduled_node const& n, target const& t) {
  if (n.n->domain != "sinter" || n.n->op != "QuantizedGemm" || !has_quantized_operands(n)) return {};
  auto const &a = n.inputs[0].shape(), &b = n.inputs[3].shape();
  if (a.rank() < 2 || b.rank() != 2 || b[0] % 4 != 0 || !sums_fit(n, 1)) return {};
  auto const sums = static_cast<double>(a.elements()) * static_cast<double>(round_up(b[1], channel_block));
  return {{.layouts = {.inputs = std::vector(n.inputs.size(), layout::row_major), .outputs = {layout::row_major}},
           .cost = multiply_add_cost(sums) / 4,
           .build = [t](scheduled_node const& at) { return quantized_gemm_code(at, t).build(); }}};
}

}  // namespace detail

inline constexpr schedule quantized_gemm_schedule{.name = "quantized gemm", .offer = detail::quantized_gemm_offer};

}  // namespace sinter
