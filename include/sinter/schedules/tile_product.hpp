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

/// Products of bfloat16 or of 8-bit integers by tiles (AMX), for matrix products and convolutions: up to 32 rows
/// (pixels), several times, times a few blocks of 16 columns (output channels), all of the reduction in tiles, then the
/// epilogue.
///
///     for so many times, for 2 blocks, or 4 where the rows are 16 at most:
///       sums = 0
///       for chunk of channels, tap y, tap x: sums += rows of x · packed weights
///       scratch = sums
///       for row: y = epilogue(scratch + bias, extras…)
///
/// Integers of x have no sign; sums of them are int32, and become float32 for the epilogue when they have lost the zero
/// point of x, which is an operand, times the sums of the weights of each column.
/// One call does much, since it configures the tiles and releases them (emit/x86/tiles.hpp).
namespace sinter {

inline constexpr std::int64_t tile_rows = 16;   ///< of a tile
inline constexpr std::int64_t tile_depth = 32;  ///< bfloat16 in a row of a tile, or half of the integers
inline constexpr std::int64_t tile_product_rows = 2 * tile_rows;
inline constexpr std::int64_t tile_product_scratch = 4 * tile_rows * 64;  ///< bytes: four tiles of sums

/// Whether `machine` multiplies tiles.
inline bool multiplies_tiles(target const& machine) { return machine.has(feature::amx) && machine.lanes() == 16; }

/// Everything that decides the code of such a product. Distances are in bytes.
struct tile_product {
  std::string name{};
  std::int64_t rows = 0;                  ///< at most `tile_product_rows`
  std::int64_t times = 1;                 ///< the next ones follow these
  std::int64_t x_row = 0;                 ///< between rows
  std::int64_t chunks = 1, x_chunk = 64;  ///< of channels that lie side by side and fill a row of a tile
  std::int64_t taps_y = 1, x_tap_row = 0;
  std::int64_t taps_x = 1, x_tap_col = 0;
  std::int64_t w_row = 0;   ///< between pairs or fours of channels of weights, which lie chunk by chunk, tap by tap
  std::int64_t blocks = 0;  ///< of columns, side by side in the weights
  std::int64_t y_row = 0, y_block = 64;
  std::int32_t last_lanes = 16;  ///< columns of the last block that exist in y
  bool integers = false;
  bool bias = false;  ///< not of integers
  epilogue_code epilogue{};

  std::int64_t steps() const { return chunks * taps_y * taps_x; }
  /// Blocks at a time: the sums of all fill four tiles.
  std::int64_t blocks_at_once() const { return std::min<std::int64_t>(blocks, rows <= tile_rows ? 4 : 2); }
  std::int64_t w_step() const { return tile_rows * w_row; }

  // Bytes that it reaches from its operands' pointers on.
  std::int64_t x_bytes() const {
    auto const last_tap = (taps_y - 1) * x_tap_row + (taps_x - 1) * x_tap_col;
    return (times * rows - 1) * x_row + (chunks - 1) * x_chunk + last_tap + 64;
  }
  std::int64_t w_bytes() const { return steps() * w_step() - w_row + blocks * 64; }
  std::int64_t y_bytes() const { return (times * rows - 1) * y_row + (blocks - 1) * y_block + 4 * last_lanes; }
  std::int64_t scratch_bytes() const { return rows * blocks_at_once() * 64; }

  std::string key(target const& machine) const {
    vector::recipe_key all("tile_product", machine);
    all.add(rows).add(times).add(x_row).add(chunks).add(x_chunk);
    all.add(taps_y).add(x_tap_row).add(taps_x).add(x_tap_col);
    all.add(w_row).add(blocks).add(y_row).add(y_block).add(last_lanes).add(integers).add(bias);
    epilogue.add_to(all);
    return all.take();
  }
};

/// How many of `most` times one call should do it, to be worth its configuration of tiles.
inline std::int64_t tile_product_times(tile_product const& p, std::int64_t most) {
  constexpr std::int64_t worth = 64;  // steps, each for two blocks
  return std::clamp<std::int64_t>(worth / (p.steps() * ceil_div(p.blocks, 2)), 1, most);
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
    auto next = advance_rows(p_.rows);
    next.emplace_back(x_, p_.rows * p_.x_row);
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
    steps all{{w_, count * 64}, {y_, count * p_.y_block}};
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
    std::vector<applied_epilogue::place> places;
    for (std::int64_t k = 0; k < count; ++k)
      places.push_back({(first + k) * p_.y_block, (first + k) * 64, k + 1 < count ? b_.lanes() : lanes});
    std::vector<vector::reg> lost;
    for (auto const& to : places)
      if (p_.integers)
        lost.push_back(zero_point_product({}, b_, zero_point_.broadcast(0), weight_sums_.at(to.channel_at)));
    auto const sum = [&](std::size_t k) {
      auto const at = sums_.at(static_cast<std::int64_t>(k) * 64);
      if (p_.integers) return real(b_.load(at, 0, vector::register_type::i32), lost[k]);
      if (!p_.bias) return b_.load(at);
      return b_.binary(vector::opcode::add, b_.load(bias_.at(places[k].channel_at)), at);
    };
    auto const put = [&](std::size_t k, vector::reg v) { b_.store(y_.at(places[k].at), v, places[k].lanes); };
    int const kept = 4 + static_cast<int>(lost.size());  // constants of the epilogue, and these
    auto next = advance_rows(1);
    next.emplace_back(sums_, count * 64);
    b_.loop(p_.rows, next, [&] { epilogue.each(places, vector::register_count(b_.lanes()) - kept, sum, put); });
  }

  vector::reg real(vector::reg sum, vector::reg lost) {
    auto const own = b_.binary(vector::opcode::isub, sum, lost, vector::register_type::i32);
    return b_.unary(vector::opcode::to_f32, own);
  }

  /// Leaves the sums of all rows in scratch memory.
  void multiply(std::int64_t first, std::int64_t count) {
    std::vector<std::int64_t> heights;
    for (std::int64_t row = 0; row < p_.rows; row += tile_rows) heights.push_back(std::min(tile_rows, p_.rows - row));
    std::vector<std::vector<vector::reg>> sums(heights.size());
    for (std::size_t i = 0; i < heights.size(); ++i)
      for (std::int64_t k = 0; k < count; ++k) sums[i].push_back(b_.tile_zero(heights[i], 64));
    each_step([&] { step(heights, sums, first); });
    for (std::size_t i = 0; i < heights.size(); ++i)
      for (std::int64_t k = 0; k < count; ++k)
        b_.tile_store(sums_.at((static_cast<std::int64_t>(i) * tile_rows * count + k) * 64),
                      sums[i][static_cast<std::size_t>(k)], heights[i], 64, count * 64);
  }

  template <typename Body>
  void each_step(Body&& body) {
    auto const step = p_.w_step();
    b_.loop(p_.chunks, {{x_, p_.x_chunk}, {w_, p_.taps_y * p_.taps_x * step}}, [&] {
      b_.loop(p_.taps_y, {{x_, p_.x_tap_row}, {w_, p_.taps_x * step}}, [&] {
        b_.loop(p_.taps_x, {{x_, p_.x_tap_col}, {w_, step}}, body);
      });
    });
  }

  /// The products of one tap of one chunk. Weights are there for two blocks at a time, since there are eight tiles.
  void step(std::vector<std::int64_t> const& heights, std::vector<std::vector<vector::reg>> const& sums,
            std::int64_t first) {
    std::vector<vector::reg> x;
    for (std::size_t i = 0; i < heights.size(); ++i)
      x.push_back(b_.tile_load(x_.at(static_cast<std::int64_t>(i) * tile_rows * p_.x_row), heights[i], 64, p_.x_row));
    for (std::size_t begin = 0; begin < sums[0].size(); begin += 2) {
      auto const end = std::min(begin + 2, sums[0].size());
      std::vector<vector::reg> w;
      for (auto k = begin; k < end; ++k)
        w.push_back(b_.tile_load(w_.at((first + static_cast<std::int64_t>(k)) * 64), tile_rows, 64, p_.w_row));
      for (std::size_t i = 0; i < heights.size(); ++i)
        for (auto k = begin; k < end; ++k)
          b_.tile_dot_to(sums[i][k], p_.integers ? vector::opcode::tile_dot4 : vector::opcode::tile_dot2_bf16, x[i],
                         w[k - begin]);
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
