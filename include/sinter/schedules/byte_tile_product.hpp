#pragma once

#include <sinter/schedules/contraction_operands.hpp>
#include <sinter/schedules/quantized_product.hpp>
#include <sinter/schedules/requantize.hpp>
#include <sinter/schedules/tile_product.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

/// Products of 8-bit integers by tiles (AMX) that are requantised: rows (pixels) times two blocks of 16 columns (output
/// channels), all of the reduction in tiles.
///
///     for 32 rows, or what is left of them:
///       sums = 0
///       for chunk of 64 channels, tap y, tap x: sums += rows of x · packed weights
///       scratch = sums
///       for row: y = requantised (scratch + bias) · scale, perhaps plus an addend
///
/// Weights of two blocks are read once from afar, in the order in which they lie, for all rows of a call.
namespace sinter {

inline constexpr std::int64_t byte_tile_depth = 2 * tile_depth;  ///< channels in a row of a tile
inline constexpr std::int64_t byte_tile_blocks = 2;              ///< of columns, whose weights lie side by side
inline constexpr std::int64_t byte_tile_scratch = tile_product_rows * byte_tile_blocks * 64;  ///< bytes

/// Everything that decides the code of such a product. Distances are in bytes.
struct byte_tile_product {
  std::string name{};
  std::int64_t rows = 0, x_row = 0;
  std::int64_t chunks = 1, x_chunk = 64;
  std::int64_t taps_y = 1, x_tap_row = 0, taps_x = 1, x_tap_col = 0;
  std::int64_t blocks = byte_tile_blocks;  ///< of columns that exist in y
  std::int64_t y_row = 0, y_block = channel_block;
  std::int32_t last_lanes = 16;  ///< columns of the last block that exist in y
  quantized_tile quantized{};    ///< its input is uint8
  epilogue_code addend{};

  std::int64_t steps() const { return chunks * taps_y * taps_x; }
  static constexpr std::int64_t w_step = byte_tile_blocks * tile_rows * 64;

  // Bytes that it reaches from its operands' pointers on.
  std::int64_t x_bytes() const {
    auto const last_tap = (taps_y - 1) * x_tap_row + (taps_x - 1) * x_tap_col;
    return (rows - 1) * x_row + (chunks - 1) * x_chunk + last_tap + 64;
  }
  std::int64_t w_bytes() const { return steps() * w_step; }
  std::int64_t y_bytes() const { return (rows - 1) * y_row + (blocks - 1) * y_block + last_lanes; }

  vector::recipe recipe(target const& machine) const;
};

namespace detail {

/// Emits the code of one product. Arguments: x, w, bias, scale, the addend if any, scratch, y.
class byte_tile_emitter {
 public:
  byte_tile_emitter(byte_tile_product const& product, vector::builder& b) : p_(product), b_(b) {
    using vector::access;
    using vector::element;
    x_ = b.argument("x", access::in, p_.x_bytes(), element::i32);
    w_ = b.argument("w", access::constant, p_.w_bytes(), element::i32);
    bias_ = b.argument("b", access::constant, p_.blocks * 64, element::i32);
    scale_ = b.argument("s", access::constant, p_.blocks * 64);
    extras_ = p_.addend.declare(b, p_.y_bytes(), p_.blocks * 64, p_.quantized.addend_element());
    sums_ = b.argument("t", access::scratch, byte_tile_scratch, element::i32);
    y_ = b.argument("y", access::out, p_.y_bytes(), result_element(p_.quantized), 1);
  }

  void emit() {
    constexpr auto i32 = vector::register_type::i32;
    for (std::int64_t k = 0; k < p_.blocks; ++k) {
      bias_values_.push_back(b_.load(bias_.at(k * 64), 0, i32));
      scales_.push_back(b_.load(scale_.at(k * 64)));
    }
    requantization const scaled(p_.quantized, b_, static_cast<int>(2 * p_.blocks));
    auto const turns = p_.rows / tile_product_rows, rest = p_.rows % tile_product_rows;
    auto next = advance_rows(tile_product_rows);
    next.emplace_back(x_, tile_product_rows * p_.x_row);
    if (turns > 0) b_.loop(turns, next, [&] { all_of(scaled, 0, tile_product_rows); });
    if (rest > 0) all_of(scaled, turns * tile_product_rows, rest);
  }

 private:
  using steps = std::vector<std::pair<vector::pointer, std::int64_t>>;

  steps advance_rows(std::int64_t count) const {
    steps all{{y_, count * p_.y_row}};
    for (auto const& extra : extras_) all.emplace_back(extra, count * p_.y_row);
    return all;
  }

  /// `rows` rows from row `first` on. Tiles are all as high: a last one begins before, in rows that are there.
  void all_of(requantization const& scaled, std::int64_t first, std::int64_t rows) {
    auto const all = std::max(rows, height()), before = all - rows;
    multiply(first - before, all);
    auto next = advance_rows(1);
    next.emplace_back(sums_, byte_tile_blocks * 64);
    b_.loop(rows, next, [&] {
      for (std::int64_t k = 0; k < p_.blocks; ++k) {
        constexpr auto i32 = vector::register_type::i32;
        auto const block = static_cast<std::size_t>(k);
        auto const lanes = k + 1 < p_.blocks ? b_.lanes() : p_.last_lanes;
        auto const own = b_.load(sums_.at((before * byte_tile_blocks + k) * 64), 0, i32);
        auto const sum = b_.binary(vector::opcode::iadd, own, bias_values_[block], i32);
        auto const at = first * p_.y_row + k * p_.y_block;
        b_.store(y_.at(at), scaled(sum, scales_[block], extras_, at, lanes), lanes);
      }
    });
  }

  std::int64_t height() const { return std::min(tile_rows, p_.rows); }

  /// Leaves the sums in scratch memory.
  void multiply(std::int64_t first, std::int64_t rows) {
    std::vector<tile_line> lines;
    for (std::int64_t row = 0; row < rows; row += tile_rows) {
      auto& line = lines.emplace_back(tile_line{.first = std::min(row, rows - height())});
      for (std::int64_t k = 0; k < p_.blocks; ++k) line.sums.push_back(b_.tile_zero(height(), 64));
    }
    auto const x = x_ + first * p_.x_row;
    constexpr auto step_bytes = byte_tile_product::w_step;
    b_.loop(p_.chunks, {{x_, p_.x_chunk}, {w_, p_.taps_y * p_.taps_x * step_bytes}}, [&] {
      b_.loop(p_.taps_y, {{x_, p_.x_tap_row}, {w_, p_.taps_x * step_bytes}}, [&] {
        b_.loop(p_.taps_x, {{x_, p_.x_tap_col}, {w_, step_bytes}}, [&] { step(lines, x); });
      });
    });
    for (auto const& line : lines)
      for (std::int64_t k = 0; k < p_.blocks; ++k)
        b_.tile_store(sums_.at((line.first * byte_tile_blocks + k) * 64), line.sums[static_cast<std::size_t>(k)],
                      height(), 64, byte_tile_blocks * 64);
  }

  /// The sums of rows from one on, a tile for each block.
  struct tile_line {
    std::int64_t first = 0;
    std::vector<vector::reg> sums{};
  };

  /// The products of one tap of one chunk. Loads are between products, which hide them.
  void step(std::vector<tile_line> const& lines, vector::pointer x) {
    std::vector<vector::reg> from(lines.size());
    for (std::int64_t k = 0; k < p_.blocks; ++k) {
      auto const w = b_.tile_load(w_.at(k * tile_rows * 64), tile_rows, 64, 64);
      for (std::size_t i = 0; i < lines.size(); ++i) {
        auto const& line = lines[i];
        if (k == 0) from[i] = b_.tile_load(x.at(line.first * p_.x_row), height(), 64, p_.x_row);
        b_.tile_dot_to(line.sums[static_cast<std::size_t>(k)], vector::opcode::tile_dot4, from[i], w);
      }
    }
  }

  byte_tile_product const& p_;
  vector::builder& b_;
  vector::pointer x_{}, w_{}, bias_{}, scale_{}, sums_{}, y_{};
  std::vector<vector::pointer> extras_{};
  std::vector<vector::reg> bias_values_{}, scales_{};
};

}  // namespace detail

inline vector::recipe byte_tile_product::recipe(target const& machine) const {
  vector::recipe_key key("byte_tile_product", machine);
  key.add(rows).add(x_row).add(chunks).add(x_chunk).add(taps_y).add(x_tap_row).add(taps_x).add(x_tap_col);
  key.add(blocks).add(y_row).add(y_block).add(last_lanes);
  add_quantized(key, quantized);
  addend.add_to(key);
  return {key.take(), [p = *this, machine] {
            vector::builder b(p.name, machine.lanes());
            detail::byte_tile_emitter(p, b).emit();
            return std::move(b).take();
          }};
}

/// For each two blocks of 16 outputs: 64 channels, tap, block; of these a tile: four channels, for each output the
/// four. Channels past the last are 0.
inline packing pack_byte_tiles(std::string const& name, quantized_weights w) {
  auto const chunks = ceil_div(w.channels, byte_tile_depth), width = byte_tile_blocks * channel_block;
  constexpr auto step = byte_tile_product::w_step;
  auto const bytes = checked_mul(ceil_div(w.outputs, width) * chunks, w.taps * step);
  return {.key = "byte tiles:" + name, .bytes = bytes, .fill = [=, w = std::move(w)](std::byte* to) {
            std::memset(to, 0, static_cast<std::size_t>(bytes));
            auto const values = w.values();
            auto const* from = values.data();
            for (std::int64_t o = 0; o < w.outputs; ++o)
              for (std::int64_t c = 0; c < w.channels; ++c) {
                auto* at = to + (o / width * chunks + c / byte_tile_depth) * w.taps * step +
                           o % width / channel_block * tile_rows * 64 + c % byte_tile_depth / 4 * 64 +
                           o % channel_block * 4 + c % 4;
                for (std::int64_t t = 0; t < w.taps; ++t, at += step) *at = static_cast<std::byte>(*from++);
              }
          }};
}

namespace detail {

/// The operands of a product by tiles besides x and y, and the grids that it makes.
struct byte_tile_operands {
  address x{}, w{}, bias{}, scale{}, scratch{};
  bound_extras addend{};

  static byte_tile_operands of(scheduled_node const& n, quantized_product const& product, address const& x,
                               fragment& code) {
    return {.x = x,
            .w = code.weight(pack_byte_tiles(product.key_of_weights(), product.weights())),
            .bias = code.weight(product.bias(product.zero_of_bytes())),
            .scale = code.weight(product.scale()),
            .scratch = code.scratch(byte_tile_scratch),
            .addend = addend_of(n, product.tile())};
  }

  /// Adds the grids for `rows` rows of each item and `columns` columns; y has only whole blocks unless it is row-major.
  void add(byte_tile_product p, std::int64_t items, std::int64_t x_item, std::int64_t y_item, std::int64_t rows,
           std::int64_t columns, bool whole_blocks, target const& t, fragment& code) const {
    constexpr std::int64_t most_rows = 8 * tile_product_rows;  // of a call
    p.addend = addend.code;
    constexpr auto width = byte_tile_blocks * channel_block;
    for (auto const& pair : full_runs(columns, width))
      for (auto const& run : full_runs(rows, most_rows)) {
        auto const block = pair.first / channel_block;
        p.rows = run.length;
        p.blocks = ceil_div(pair.length, channel_block);
        p.last_lanes = whole_blocks ? 16 : static_cast<std::int32_t>(pair.length - (p.blocks - 1) * channel_block);
        auto const weights = p.w_bytes();
        std::vector<address> arguments{moved(x, run.first * p.x_row, {x_item, 0, run.length * p.x_row}),
                                       moved(w, block / byte_tile_blocks * weights, {0, weights}),
                                       moved(bias, block * 64, {0, byte_tile_blocks * 64}),
                                       moved(scale, block * 64, {0, byte_tile_blocks * 64})};
        address const y{.in = space::output,
                        .index = 0,
                        .offset = block * p.y_block + run.first * p.y_row,
                        .stride = {y_item, byte_tile_blocks * p.y_block, run.length * p.y_row}};
        for (auto& extra : addend.at(y.offset, block, y.stride, {0, byte_tile_blocks})) arguments.push_back(extra);
        arguments.insert(arguments.end(), {scratch, y});
        code.add(p.recipe(t), {items, pair.count, run.count}, std::move(arguments));
      }
  }
};

}  // namespace detail

}  // namespace sinter
