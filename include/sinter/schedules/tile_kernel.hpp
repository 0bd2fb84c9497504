#pragma once

#include <sinter/schedules/contraction_operands.hpp>
#include <sinter/schedules/requantize.hpp>
#include <sinter/schedules/tile_product.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// The code of products by tiles (tile_product.hpp).
namespace sinter {
namespace detail {

/// Emits the code of one product. Arguments: x, w, bias if any, of integers the scale or the zero point of x and the
/// sums of the weights, the epilogue's extras, scratch, y.
class tile_product_emitter {
 public:
  tile_product_emitter(tile_product const& product, vector::builder& b) : p_(product), b_(b) {
    using vector::access;
    using vector::element;
    auto const sums = p_.quantized ? element::i32 : element::f32;
    auto const result = p_.requantizes() ? result_element(*p_.quantized) : p_.rounds ? element::i32 : element::f32;
    auto const extra = p_.quantized ? p_.quantized->addend_element() : p_.rounds ? element::bf16 : element::f32;
    auto const of_columns = [&](char const* name, element type) {
      return columns_.emplace_back(b.argument(name, access::constant, p_.blocks * 64, type));
    };
    x_ = b.argument("x", access::in, p_.x_bytes(), element::i32, p_.x_alignment);
    w_ = b.argument("w", access::constant, p_.w_bytes(), element::i32);
    if (p_.bias) bias_ = of_columns("b", sums);
    if (p_.requantizes()) scale_ = of_columns("s", element::f32);
    if (p_.quantized && p_.quantized->reals) {
      zero_point_ = b.argument("z", access::in, 1, element::u8, 1);
      weight_sums_ = of_columns("c", element::i32);
    }
    extras_ = p_.epilogue.declare(b, p_.y_bytes(), (p_.blocks - 1) * 64 + std::int64_t{4} * p_.last_lanes, extra);
    sums_ = b.argument("t", access::scratch, p_.scratch_bytes(), sums);
    y_ = b.argument("y", access::out, p_.y_bytes(), result, vector::size_of(result));
    if (p_.w_next > 0) ahead_ = b.stream("ahead", w_, p_.w_next);
  }

  void emit() {
    applied_epilogue const epilogue(p_.epilogue, b_, extras_);
    if (p_.requantizes()) requantized_.emplace(*p_.quantized, b_, static_cast<int>(4 * p_.blocks_at_once()));
    auto next = advance_results(p_.y_next());
    next.emplace_back(x_, p_.x_time);
    fetch_next(next, ceil_div(p_.all_rows(), tile_product_rows) * p_.steps());
    b_.loop(p_.times, next, [&] { all_blocks(epilogue); });
  }

 private:
  using steps = std::vector<std::pair<vector::pointer, std::int64_t>>;

  /// To the results `bytes` further.
  steps advance_results(std::int64_t bytes) const {
    steps all{{y_, bytes}};
    for (std::size_t i = 0; i < extras_.size(); ++i)
      if (p_.epilogue.extras[i] == extra_kind::element) all.emplace_back(extras_[i], bytes);
    return all;
  }
  steps advance_rows(std::int64_t count) const { return advance_results(count * p_.y_row); }
  /// Adds that `count` steps have fetched some of the next weights.
  void fetch_next(steps& all, std::int64_t count) const {
    if (p_.w_next > 0) all.emplace_back(ahead_, count * p_.lines_ahead() * 64);
  }
  /// To the next `count` blocks.
  steps advance_blocks(std::int64_t count) const {
    steps all{{w_, count * p_.w_block}, {y_, count * p_.y_block}};
    for (auto const& values : columns_) all.emplace_back(values, count * 64);
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
    block_range range{first, count, lanes, {}};
    for (std::int64_t k = 0; p_.quantized && k < count; ++k) range.integers.push_back(integers_of((first + k) * 64));
    if (p_.lines == 1) return one_line(epilogue, range);
    multiply(first, count);
    auto next = advance_rows(p_.rows);
    next.emplace_back(sums_, p_.line_pitch * count * 64);
    b_.loop(p_.lines, next, [&] { line(epilogue, range, {0, p_.rows}); });
  }

  /// What integers of a block need besides their sums: what is added, the scale.
  struct block_integers {
    vector::reg bias{}, scale{};
  };

  block_integers integers_of(std::int64_t at) {
    if (!p_.requantizes()) return {zero_point_product({}, b_, zero_point_.broadcast(0), weight_sums_.at(at)), {}};
    return {b_.load(bias_.at(at), 0, vector::register_type::i32), b_.load(scale_.at(at))};
  }

  /// Blocks side by side, and how many lanes the last of them has.
  struct block_range {
    std::int64_t first = 0, count = 0;
    std::int32_t last_lanes = 0;
    std::vector<block_integers> integers{};
  };

  using row_range = std::pair<std::int64_t, std::int64_t>;  ///< the first, and how many

  /// The rows of a line, whose sums become results while those of the next rows are computed.
  void one_line(applied_epilogue const& epilogue, block_range const& blocks) {
    auto const whole = p_.rows / tile_product_rows * tile_product_rows, rest = p_.rows - whole;
    auto next = advance_rows(tile_product_rows);
    next.emplace_back(x_, tile_product_rows * p_.x_row);
    fetch_next(next, p_.steps());
    if (whole > 0)
      b_.loop(whole / tile_product_rows, next, [&] {
        tiles({0, tile_product_rows}, 0, blocks.first, blocks.count);
        line(epilogue, blocks, {0, tile_product_rows});
      });
    if (rest == 0) return;
    auto const last = whole == 0 ? rest : round_up(rest, tile_rows);
    tiles({p_.rows - last, last}, p_.rows - last, blocks.first, blocks.count);
    line(epilogue, blocks, {whole, rest}, p_.rows - last);
  }

  /// The results of rows of a line, some at a time. The sums of row `kept_from` lie first in scratch memory.
  void line(applied_epilogue const& epilogue, block_range const& blocks, row_range const& rows,
            std::int64_t kept_from = 0) {
    auto const first = rows.first, count = rows.second;
    auto const at_once = std::min(count, std::max<std::int64_t>(1, 4 / blocks.count)), turns = count / at_once;
    auto next = advance_rows(at_once);
    next.emplace_back(sums_, at_once * blocks.count * 64);
    b_.loop(turns, next, [&] { results(epilogue, blocks, {first, at_once}, kept_from); });
    auto const done = turns * at_once;
    if (done < count) results(epilogue, blocks, {first + done, count - done}, kept_from);
  }

  void results(applied_epilogue const& epilogue, block_range const& blocks, row_range const& rows,
               std::int64_t kept_from) {
    auto const count = blocks.count;
    std::vector<applied_epilogue::place> places;
    for (std::int64_t row = rows.first; row < rows.first + rows.second; ++row)
      for (std::int64_t k = 0; k < count; ++k)
        places.push_back({row * p_.y_row + p_.y_at(blocks.first + k), (blocks.first + k) * 64,
                          k + 1 < count ? b_.lanes() : blocks.last_lanes});
    auto const sum = [&](std::size_t i) {
      auto const at = sums_.at(((rows.first - kept_from) * count + static_cast<std::int64_t>(i)) * 64);
      if (p_.quantized) return of_integers(at, blocks.integers[i % static_cast<std::size_t>(count)], places[i]);
      if (!p_.bias) return b_.load(at);
      return b_.binary(vector::opcode::add, b_.load(bias_.at(places[i].channel_at)), at);
    };
    vector::reg first{};  // of two blocks that are rounded together
    auto const put = [&](std::size_t i, vector::reg v) {
      if (!p_.rounds) return b_.store(y_.at(places[i].at), v, places[i].lanes);
      if (i % 2 == 1) return b_.store(y_.at(places[i - 1].at), b_.pack_bf16(first, v));
      first = v;
    };
    int const kept = 4 + static_cast<int>(blocks.integers.size());  // constants of the epilogue, and these
    epilogue.each(places, vector::register_count(b_.lanes()) - kept, sum, put);
  }

  /// Of the sums at `sums` float32, or integers to be stored at `to`.
  vector::reg of_integers(vector::memory sums, block_integers const& block, applied_epilogue::place const& to) {
    constexpr auto i32 = vector::register_type::i32;
    auto const sum = b_.load(sums, 0, i32);
    if (!requantized_) return b_.unary(vector::opcode::to_f32, b_.binary(vector::opcode::isub, sum, block.bias, i32));
    auto const own = b_.binary(vector::opcode::iadd, sum, block.bias, i32);
    return (*requantized_)(own, block.scale, extras_, to.at, to.lanes);
  }

  /// Leaves the sums of all rows in scratch memory.
  void multiply(std::int64_t first, std::int64_t count) {
    auto const rows = p_.all_rows(), turns = rows / tile_product_rows, rest = rows % tile_product_rows;
    if (rows <= tile_product_rows) return tiles({0, rows}, 0, first, count);
    steps next{{x_, tile_product_rows * p_.x_row}, {sums_, tile_product_rows * count * 64}};
    fetch_next(next, p_.steps());
    b_.loop(turns, next, [&] { tiles({0, tile_product_rows}, 0, first, count); });
    if (rest == 0) return;
    auto const last = round_up(rest, tile_rows);
    tiles({rows - last, last}, 0, first, count);
  }

  /// The sums of at most `tile_product_rows` rows. Those of row `kept_from` are to lie first in scratch memory.
  void tiles(row_range const& rows, std::int64_t kept_from, std::int64_t first, std::int64_t count) {
    std::vector<tile_row> lines;
    for (std::int64_t row = 0; row < rows.second; row += tile_rows) {
      auto& line = lines.emplace_back(rows.first + row, std::min(tile_rows, rows.second - row));
      for (std::int64_t k = 0; k < count; ++k) line.sums.push_back(b_.tile_zero(line.rows, 64));
    }
    auto const step_bytes = p_.w_step();
    steps next{{x_, p_.x_chunk}, {w_, std::ssize(p_.taps) * step_bytes}};
    fetch_next(next, std::ssize(p_.taps));
    b_.loop(p_.chunks, next, [&] {
      for (std::size_t i = 0; i < p_.taps.size(); ++i) {
        auto const tap = static_cast<std::int64_t>(i);
        step(lines, p_.taps[i], tap * step_bytes + first * p_.w_block);
        for (std::int64_t line = 0; line < p_.lines_ahead(); ++line)
          b_.prefetch_far(ahead_.at((tap * p_.lines_ahead() + line) * 64));
      }
    });
    for (auto const& line : lines)
      for (std::int64_t k = 0; k < count; ++k)
        b_.tile_store(sums_.at(((line.first - kept_from) * count + k) * 64), line.sums[static_cast<std::size_t>(k)],
                      line.rows, 64, count * 64);
  }

  /// The tiles of sums of up to 16 rows, one for each block.
  struct tile_row {
    tile_row(std::int64_t from, std::int64_t height) : first(from), rows(height) {}
    std::int64_t first, rows;
    std::vector<vector::reg> sums{};
  };

  /// The products of one tap of one chunk. Loads are between products, which hide them: first those of tiles that are
  /// loaded, then the others.
  void step(std::vector<tile_row> const& lines, std::int64_t x_at, std::int64_t w_at) {
    auto const blocks = lines[0].sums.size();
    std::vector<vector::reg> x(lines.size()), w(blocks);
    auto const add = [&](std::size_t i, std::size_t k) {
      auto const& [first, rows, sums] = lines[i];
      auto const w_of_block = w_at + static_cast<std::int64_t>(k) * p_.w_block;
      if (!x[i]) x[i] = b_.tile_load(x_.at(x_at + first * p_.x_row), rows, 64, p_.x_row, p_.x_once);
      if (!w[k]) w[k] = b_.tile_load(w_.at(w_of_block), tile_rows, 64, p_.w_row);
      b_.tile_dot_to(sums[k], p_.quantized ? vector::opcode::tile_dot4 : vector::opcode::tile_dot2_bf16, x[i], w[k]);
    };
    for (bool const loading : {true, false})
      for (std::size_t k = 0; k < blocks; ++k)
        for (std::size_t i = 0; i < lines.size(); ++i)
          if ((k % lines.size() == i) == loading) add(i, k);
  }

  tile_product const& p_;
  vector::builder& b_;
  vector::pointer x_{}, w_{}, ahead_{}, bias_{}, zero_point_{}, weight_sums_{}, scale_{}, sums_{}, y_{};
  std::vector<vector::pointer> columns_{};  ///< operands with a value for each column
  std::vector<vector::pointer> extras_{};
  std::optional<requantization> requantized_{};
};

}  // namespace detail

inline vector::program build_tile_product(tile_product const& p, target const& machine) {
  vector::builder b(p.name, machine.lanes());
  detail::tile_product_emitter(p, b).emit();
  return std::move(b).take();
}

/// Weights stay in the nearest cache if they fit, while rows pass by that are read once for them.
inline vector::recipe tile_product_recipe(tile_product p, target const& machine) {
  p.x_once = p.taps.size() == 1 && p.times * p.all_rows() > tile_product_rows && p.w_turn() <= machine.facts().l1d;
  auto key = p.key(machine);
  return {std::move(key), [p = std::move(p), machine] { return build_tile_product(p, machine); }};
}

}  // namespace sinter
