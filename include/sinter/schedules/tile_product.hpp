#pragma once

#include <sinter/schedules/cost.hpp>
#include <sinter/schedules/epilogue.hpp>
#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/requantize.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Products of bfloat16 or of 8-bit integers by tiles (AMX), for matrix products and convolutions: lines of rows
/// (pixels), several times, times a few blocks of 16 columns (output channels), all of the reduction in tiles, then the
/// epilogue.
///
///     for so many times, for 2 blocks, or 4 where the rows are 16 at most:
///       for 32 rows of those from the first line to the last:
///         sums = 0
///         for chunk of channels, tap: sums += rows of x · packed weights
///         scratch = sums
///       for line, row of it: y = epilogue(scratch + bias, extras…)
///
/// Rows between two lines are multiplied for nothing: a tile takes as long whatever it holds, and windows on a plane
/// fill tiles where their lines are short. The last rows of many are a whole tile or two, and some are done twice.
///
/// Integers of x have no sign; sums of them are int32, and become float32 for the epilogue when they have lost the zero
/// point of x, which is an operand, times the sums of the weights of each column.
/// One call does much, since it configures the tiles and releases them (emit/x86/tiles.hpp).
namespace sinter {

inline constexpr std::int64_t tile_rows = 16;   ///< of a tile
inline constexpr std::int64_t tile_depth = 32;  ///< bfloat16 in a row of a tile, or half of the integers
inline constexpr std::int64_t tile_product_rows = 2 * tile_rows;                       ///< at once
inline constexpr std::int64_t most_tile_product_rows = 4 * tile_product_rows;          ///< of all lines
inline constexpr std::int64_t tile_product_scratch = most_tile_product_rows * 2 * 64;  ///< bytes: sums of two blocks

/// Whether `machine` multiplies tiles.
inline bool multiplies_tiles(target const& machine) { return machine.has(feature::amx) && machine.lanes() == 16; }

/// Everything that decides the code of such a product. Distances are in bytes.
struct tile_product {
  std::string name{};
  std::int64_t rows = 0;                   ///< of a line
  std::int64_t lines = 1, line_pitch = 0;  ///< rows from the first of a line to that of the next
  std::int64_t times = 1, x_time = 0;      ///< so many times, from one to the next
  std::int64_t x_row = 0;                  ///< between rows
  std::int64_t chunks = 1, x_chunk = 64;   ///< of channels that lie side by side and fill a row of a tile
  std::vector<std::int64_t> taps{0};       ///< where the rows of each begin
  std::int64_t w_row = 0;   ///< between pairs or fours of channels of weights, which lie chunk by chunk, tap by tap
  std::int64_t blocks = 0;  ///< of columns
  std::int64_t w_block = 64;
  std::int64_t y_row = 0, y_block = 64;
  std::int32_t last_lanes = 16;  ///< columns of the last block that exist in y
  bool integers = false;
  bool bias = false;  ///< not of integers
  epilogue_code epilogue{};

  std::int64_t steps() const { return chunks * std::ssize(taps); }
  /// Rows that are multiplied each time: all lines, and what lies between them.
  std::int64_t all_rows() const { return (lines - 1) * line_pitch + rows; }
  /// Blocks at a time: the sums of all fill four tiles.
  std::int64_t blocks_at_once() const { return std::min<std::int64_t>(blocks, all_rows() <= tile_rows ? 4 : 2); }
  std::int64_t w_step() const { return tile_rows * w_row; }

  // Bytes that it reaches from its operands' pointers on.
  std::int64_t x_bytes() const {
    return (times - 1) * x_time + (all_rows() - 1) * x_row + (chunks - 1) * x_chunk + std::ranges::max(taps) + 64;
  }
  std::int64_t w_bytes() const { return steps() * w_step() - w_row + (blocks - 1) * w_block + 64; }
  std::int64_t y_bytes() const { return (times * lines * rows - 1) * y_row + (blocks - 1) * y_block + 4 * last_lanes; }
  std::int64_t scratch_bytes() const { return all_rows() * blocks_at_once() * 64; }

  std::string key(target const& machine) const {
    vector::recipe_key all("tile_product", machine);
    all.add(rows).add(lines).add(line_pitch).add(times).add(x_time).add(x_row).add(chunks).add(x_chunk).add_all(taps);
    all.add(w_row).add(blocks).add(w_block).add(y_row).add(y_block).add(last_lanes).add(integers).add(bias);
    epilogue.add_to(all);
    return all.take();
  }
};

/// How many of `most` times one call should do it, to be worth its configuration of tiles.
inline std::int64_t tile_product_times(tile_product const& p, std::int64_t most) {
  constexpr std::int64_t worth = 64;  // steps, each of 32 rows for two blocks
  auto const each = p.steps() * ceil_div(p.blocks, 2) * ceil_div(p.all_rows(), tile_product_rows);
  return std::clamp<std::int64_t>(worth / each, 1, most);
}

/// What products cost that are `products` of float32, for `rows` rows; tiles that few rows fill take as long.
inline double tile_product_cost(double products, std::int64_t rows) {
  return products / 8 * static_cast<double>(round_up(rows, tile_rows)) / static_cast<double>(rows);
}

namespace detail {

/// An address `offset` bytes further, with steps for the axes of a grid.
inline address moved(address a, std::int64_t offset, strides const& stride) {
  a.offset += offset;
  a.stride = stride;
  return a;
}

/// Emits the code of one product. Arguments: x, w, bias if any, of integers the zero point of x and the sums of the
/// weights, the epilogue's extras, scratch, y.
class tile_product_emitter {
 public:
  tile_product_emitter(tile_product const& product, vector::builder& b) : p_(product), b_(b) {
    using vector::access;
    using vector::element;
    x_ = b.argument("x", access::in, p_.x_bytes(), element::i32);
    w_ = b.argument("w", access::constant, p_.w_bytes(), element::i32);
    if (p_.bias) bias_ = b.argument("b", access::constant, p_.blocks * 64);
    if (p_.integers) {
      zero_point_ = b.argument("z", access::in, 1, element::u8, 1);
      weight_sums_ = b.argument("c", access::constant, p_.blocks * 64, element::i32);
    }
    extras_ = p_.epilogue.declare(b, p_.y_bytes(), (p_.blocks - 1) * 64 + 4 * p_.last_lanes);
    sums_ = b.argument("s", access::scratch, p_.scratch_bytes(), p_.integers ? element::i32 : element::f32);
    y_ = b.argument("y", access::out, p_.y_bytes());
  }

  void emit() {
    applied_epilogue const epilogue(p_.epilogue, b_, extras_);
    auto next = advance_rows(p_.lines * p_.rows);
    next.emplace_back(x_, p_.x_time);
    b_.loop(p_.times, next, [&] { all_blocks(epilogue); });
  }

 private:
  using steps = std::vector<std::pair<vector::pointer, std::int64_t>>;

  /// To the results `count` rows further.
  steps advance_rows(std::int64_t count) const {
    steps all{{y_, count * p_.y_row}};
    for (std::size_t i = 0; i < extras_.size(); ++i)
      if (p_.epilogue.extras[i] == extra_kind::element) all.emplace_back(extras_[i], count * p_.y_row);
    return all;
  }
  /// To the next `count` blocks.
  steps advance_blocks(std::int64_t count) const {
    steps all{{w_, count * p_.w_block}, {y_, count * p_.y_block}};
    if (p_.bias) all.emplace_back(bias_, count * 64);
    if (p_.integers) all.emplace_back(weight_sums_, count * 64);
    for (std::size_t i = 0; i < extras_.size(); ++i) {
      auto const kind = p_.epilogue.extras[i];
      if (kind == extra_kind::scalar || kind == extra_kind::computed_scalar) continue;
      all.emplace_back(extras_[i], count * (kind == extra_kind::element ? p_.y_block : 64));
    }
    return all;
  }

  void all_blocks(applied_epilogue const& epilogue) {
    auto const at_once = p_.blocks_at_once();
    bool const is_cut = p_.blocks % at_once == 0 && p_.last_lanes < channel_block;  // the last turn is another one
    auto const turns = p_.blocks / at_once - (is_cut ? 1 : 0), done = turns * at_once;
    if (turns > 0) b_.loop(turns, advance_blocks(at_once), [&] { blocks(epilogue, 0, at_once, channel_block); });
    if (done < p_.blocks) blocks(epilogue, done, p_.blocks - done, p_.last_lanes);
  }

  /// `count` blocks from block `first` on.
  void blocks(applied_epilogue const& epilogue, std::int64_t first, std::int64_t count, std::int32_t lanes) {
    multiply(first, count);
    std::vector<vector::reg> lost;
    for (std::int64_t k = 0; p_.integers && k < count; ++k)
      lost.push_back(zero_point_product({}, b_, zero_point_.broadcast(0), weight_sums_.at((first + k) * 64)));
    auto next = advance_rows(p_.rows);
    next.emplace_back(sums_, p_.line_pitch * count * 64);
    b_.loop(p_.lines, next, [&] { line(epilogue, {first, count, lanes}, lost); });
  }

  /// Blocks side by side, and how many lanes the last of them has.
  struct block_range {
    std::int64_t first = 0, count = 0;
    std::int32_t last_lanes = 0;
  };

  /// The results of a line, some rows at a time.
  void line(applied_epilogue const& epilogue, block_range const& blocks, std::vector<vector::reg> const& lost) {
    auto const at_once = std::min(p_.rows, std::max<std::int64_t>(1, 4 / blocks.count)), turns = p_.rows / at_once;
    auto next = advance_rows(at_once);
    next.emplace_back(sums_, at_once * blocks.count * 64);
    b_.loop(turns, next, [&] { results(epilogue, blocks, {0, at_once}, lost); });
    if (turns * at_once < p_.rows) results(epilogue, blocks, {turns * at_once, p_.rows - turns * at_once}, lost);
  }

  /// The results of `rows.second` rows from row `rows.first` of a line on.
  void results(applied_epilogue const& epilogue, block_range const& blocks,
               std::pair<std::int64_t, std::int64_t> const& rows, std::vector<vector::reg> const& lost) {
    auto const count = blocks.count;
    std::vector<applied_epilogue::place> places;
    for (std::int64_t row = rows.first; row < rows.first + rows.second; ++row)
      for (std::int64_t k = 0; k < count; ++k)
        places.push_back({row * p_.y_row + (blocks.first + k) * p_.y_block, (blocks.first + k) * 64,
                          k + 1 < count ? b_.lanes() : blocks.last_lanes});
    auto const sum = [&](std::size_t i) {
      auto const at = sums_.at((rows.first * count + static_cast<std::int64_t>(i)) * 64);
      if (p_.integers)
        return real(b_.load(at, 0, vector::register_type::i32), lost[i % static_cast<std::size_t>(count)]);
      if (!p_.bias) return b_.load(at);
      return b_.binary(vector::opcode::add, b_.load(bias_.at(places[i].channel_at)), at);
    };
    auto const put = [&](std::size_t i, vector::reg v) { b_.store(y_.at(places[i].at), v, places[i].lanes); };
    int const kept = 4 + static_cast<int>(lost.size());  // constants of the epilogue, and these
    epilogue.each(places, vector::register_count(b_.lanes()) - kept, sum, put);
  }

  vector::reg real(vector::reg sum, vector::reg lost) {
    auto const own = b_.binary(vector::opcode::isub, sum, lost, vector::register_type::i32);
    return b_.unary(vector::opcode::to_f32, own);
  }

  /// Leaves the sums of all rows in scratch memory.
  void multiply(std::int64_t first, std::int64_t count) {
    auto const rows = p_.all_rows(), turns = rows / tile_product_rows, rest = rows % tile_product_rows;
    if (rows <= tile_product_rows) return tiles({0, rows}, first, count);
    b_.loop(turns, {{x_, tile_product_rows * p_.x_row}, {sums_, tile_product_rows * count * 64}}, [&] {
      tiles({0, tile_product_rows}, first, count);
    });
    if (rest == 0) return;
    auto const last = round_up(rest, tile_rows);
    tiles({rows - last, last}, first, count);
  }

  /// The sums of `rows.second` rows, at most `tile_product_rows`, from row `rows.first` on.
  void tiles(std::pair<std::int64_t, std::int64_t> const& rows, std::int64_t first, std::int64_t count) {
    std::vector<tile_row> lines;
    for (std::int64_t row = 0; row < rows.second; row += tile_rows) {
      auto& line = lines.emplace_back(rows.first + row, std::min(tile_rows, rows.second - row));
      for (std::int64_t k = 0; k < count; ++k) line.sums.push_back(b_.tile_zero(line.rows, 64));
    }
    auto const step_bytes = p_.w_step();
    b_.loop(p_.chunks, {{x_, p_.x_chunk}, {w_, std::ssize(p_.taps) * step_bytes}}, [&] {
      for (std::size_t tap = 0; tap < p_.taps.size(); ++tap)
        step(lines, p_.taps[tap], static_cast<std::int64_t>(tap) * step_bytes + first * p_.w_block);
    });
    for (auto const& line : lines)
      for (std::int64_t k = 0; k < count; ++k)
        b_.tile_store(sums_.at((line.first * count + k) * 64), line.sums[static_cast<std::size_t>(k)], line.rows, 64,
                      count * 64);
  }

  /// The tiles of sums of up to 16 rows, one for each block.
  struct tile_row {
    tile_row(std::int64_t from, std::int64_t height) : first(from), rows(height) {}
    std::int64_t first, rows;
    std::vector<vector::reg> sums{};
  };

  /// The products of one tap of one chunk. Loads are between products, which hide them.
  void step(std::vector<tile_row> const& lines, std::int64_t x_at, std::int64_t w_at) {
    std::vector<vector::reg> x(lines.size());
    for (std::size_t k = 0; k < lines[0].sums.size(); ++k) {
      auto const w = b_.tile_load(w_.at(w_at + static_cast<std::int64_t>(k) * p_.w_block), tile_rows, 64, p_.w_row);
      for (std::size_t i = 0; i < lines.size(); ++i) {
        if (k == 0) x[i] = b_.tile_load(x_.at(x_at + lines[i].first * p_.x_row), lines[i].rows, 64, p_.x_row);
        b_.tile_dot_to(lines[i].sums[k], p_.integers ? vector::opcode::tile_dot4 : vector::opcode::tile_dot2_bf16, x[i],
                       w);
      }
    }
  }

  tile_product const& p_;
  vector::builder& b_;
  vector::pointer x_{}, w_{}, bias_{}, zero_point_{}, weight_sums_{}, sums_{}, y_{};
  std::vector<vector::pointer> extras_{};
};

}  // namespace detail

inline vector::program build_tile_product(tile_product const& p, target const& machine) {
  vector::builder b(p.name, machine.lanes());
  detail::tile_product_emitter(p, b).emit();
  return std::move(b).take();
}

inline vector::recipe tile_product_recipe(tile_product p, target const& machine) {
  auto key = p.key(machine);
  return {std::move(key), [p = std::move(p), machine] { return build_tile_product(p, machine); }};
}

}  // namespace sinter
