#pragma once

#include <sinter/expr/math.hpp>
#include <sinter/schedules/attention_dot.hpp>
#include <sinter/schedules/contraction.hpp>
#include <sinter/schedules/tile_attention.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

/// The kernels of attention on CPUs; see attention.hpp. Distances are in bytes.
namespace sinter::detail {

/// Keys of one head, blocks of 16 of them side by side: [groups of `blocks`][d][16 * blocks], 0 behind the last key.
struct packed_keys {
  std::int64_t blocks = 4, keys = 1, d = 1;

  explicit packed_keys(target const& t, std::int64_t all, std::int64_t elements)
      : blocks(t.registers() == 32 ? 4 : 1), keys(all), d(elements) {}

  std::int64_t group_keys() const { return blocks * channel_block; }
  std::int64_t group_bytes() const { return d * group_keys() * 4; }
  std::int64_t groups() const { return ceil_div(keys, group_keys()); }
  std::int64_t bytes() const { return groups() * group_bytes(); }
};

/// What is added to the scores of keys from `first` on.
struct score_bias {
  std::int64_t first = 0, row = 0;
  bool each_key = true;  ///< else one number for all keys of a row

  friend bool operator==(score_bias const&, score_bias const&) = default;
};

/// One task: a few queries of a head and all keys that any of them sees.
struct attention_tile {
  std::int64_t rows = 1, keys = 1, d = 1, e = 1;
  std::int64_t q_row = 0, v_row = 0, y_row = 0;
  std::int64_t k_row = 0;  ///< of keys that are read where they lie; 0: they are packed
  float scale = 1;
  bool unseen = false;   ///< a query that sees no key has the result 0
  bool guarded = false;  ///< so has one with a score that is NaN
  bool rounds = false;   ///< products are those of tiles of bfloat16
  std::vector<score_bias> biases{};

  std::int64_t score_blocks() const { return rounds ? products().keys.blocks() : ceil_div(keys, channel_block); }
  std::int64_t score_row() const { return score_blocks() * channel_block * 4; }
  /// Numbers of the last scores of a row, of which some are of no key.
  std::int64_t edge() const { return rounds ? tile_depth : channel_block; }
  /// Scores, and the factor of each row; rounded queries.
  std::int64_t scratch_bytes() const {
    return rounds ? rounded_at() + products().scratch_bytes() : rows * score_row() + rows * 4;
  }
  std::int64_t rounded_at() const { return rows * score_row() + round_up(rows * 4, 64); }
  tile_attention products() const {
    tile_attention all{.rows = rows, .keys = {keys, d}, .values = {keys, e}, .q_row = q_row, .y_row = y_row};
    all.score_row = all.keys.blocks() * 64;
    all.scale = scale;
    return all;
  }

  vector::recipe_key key(target const& t) const {
    vector::recipe_key k("attention", t);
    k.add(rows).add(keys).add(d).add(e).add(q_row).add(v_row).add(y_row).add(k_row);
    k.add(scale).add(unseen).add(guarded).add(rounds);
    k.add_all(biases, [](vector::recipe_key& to, score_bias const& b) { to.add(b.first).add(b.row).add(b.each_key); });
    return k;
  }
};

/// Copies the keys of one group of blocks, rows `row` bytes apart, to where `packed_keys` says.
inline vector::program pack_keys_kernel(packed_keys const& p, std::int64_t count, std::int64_t row, target const& t) {
  vector::builder b("pack_keys", t.lanes());
  auto const lanes = std::int64_t{t.lanes()};
  auto const k = b.argument("k", vector::access::in, (count - 1) * row + p.d * 4);
  auto const to = b.argument("packed", vector::access::out, p.group_bytes());
  auto const square = [&](std::int64_t present, std::int64_t elements, std::int64_t from_at, std::int64_t to_at) {
    std::vector<vector::reg> rows;
    for (std::int64_t i = 0; i < lanes; ++i)
      rows.push_back(i < present ? b.load(k.at(from_at + i * row), static_cast<std::int32_t>(elements)) : b.zero());
    b.transpose(rows);
    for (std::int64_t i = 0; i < elements; ++i)
      b.store(to.at(to_at + i * p.group_keys() * 4), rows[static_cast<std::size_t>(i)]);
  };
  auto const strip = [&](std::int64_t present, std::int64_t first) {
    auto const whole = p.d / lanes, step = lanes * p.group_keys() * 4;
    if (whole > 0) b.loop(whole, {{k, lanes * 4}, {to, step}}, [&] { square(present, lanes, first * row, first * 4); });
    if (p.d % lanes != 0) square(present, p.d % lanes, first * row + whole * lanes * 4, first * 4 + whole * step);
  };
  auto const full = count / lanes;
  if (full > 0) b.loop(full, {{k, lanes * row}, {to, lanes * 4}}, [&] { strip(lanes, 0); });
  for (auto first = full * lanes; first < p.group_keys(); first += lanes)
    strip(std::clamp<std::int64_t>(count - first, 0, lanes), first);
  return std::move(b).take();
}

class attention_kernel {
 public:
  attention_kernel(attention_tile const& tile, target const& t)
      : a_(tile), p_(t, tile.keys, tile.d), b_("attention", t.lanes()), parts_(16 / t.lanes()) {}

  vector::program build() && {
    q_ = b_.argument("q", vector::access::in, (a_.rows - 1) * a_.q_row + a_.d * 4);
    key_rows const rows_of_keys{.keys = a_.keys, .d = a_.d, .row = a_.k_row, .scale = a_.scale};
    auto const tiles = a_.products();
    k_ = b_.argument("k", vector::access::in,
                     a_.rounds      ? tiles.keys.bytes()
                     : a_.k_row > 0 ? rows_of_keys.bytes()
                                    : p_.bytes());
    v_ = b_.argument("v", vector::access::in, a_.rounds ? tiles.values.bytes() : (a_.keys - 1) * a_.v_row + a_.e * 4);
    for (auto const& bias : a_.biases) {
      auto const row = bias.each_key ? (a_.keys - bias.first) * 4 : 4;
      auto const name = "bias" + std::to_string(biases_.size() + 1);
      biases_.push_back(b_.argument(name, vector::access::in, (a_.rows - 1) * bias.row + row));
    }
    if (a_.keys % a_.edge() != 0) edge_ = b_.argument("edge", vector::access::constant, a_.edge() * 4);
    s_ = b_.argument("s", vector::access::scratch, a_.scratch_bytes());
    y_ = b_.argument("y", vector::access::out, (a_.rows - 1) * a_.y_row + a_.e * 4);
    factors_ = b_.stream("factors", s_, a_.rows * a_.score_row());
    if (a_.rounds) {
      rounded_ = b_.stream("rounded", s_, 0);
      auto const queries = b_.stream("queries", s_, a_.rounded_at());
      tiles.round_queries(b_, q_, queries);
      tiles.scores(b_, queries, k_, s_);
    } else if (a_.k_row > 0)
      b_.loop(a_.rows, {{q_, a_.q_row}, {s_, a_.score_row()}},
              [&] { key_row_scores(rows_of_keys, b_, q_, k_, s_).emit(); });
    else
      scores();
    std::vector<std::pair<vector::pointer, std::int64_t>> rows{{s_, a_.score_row()}, {factors_, 4}};
    if (a_.rounds) rows.emplace_back(rounded_, a_.score_row());
    for (std::size_t i = 0; i < biases_.size(); ++i)
      if (a_.biases[i].row != 0) rows.emplace_back(biases_[i], a_.biases[i].row);
    b_.loop(a_.rows, rows, [&] { weights(); });
    if (a_.rounds)
      tiles.mix(b_, s_, v_, y_);
    else
      mix();
    b_.loop(a_.rows, {{y_, a_.y_row}, {factors_, 4}}, [&] { divide(); });
    return std::move(b_).take();
  }

 private:
  /// The tile of `blocks` blocks of columns that sums over `depth`.
  contraction_tile tile(std::int64_t blocks, std::int64_t depth) const {
    contraction_tile t{.cols = a_.rows};
    t.taps_y = {{0, 1, {true}}};
    t.taps_x = {{0, 1, std::vector<bool>(static_cast<std::size_t>(a_.rows), true)}};
    t.sections = {{.chunks = 1, .channels = depth}};
    for (std::int64_t block = 0; block < blocks; ++block) t.w_blocks.push_back(block * 64);
    return t;
  }

  /// s = scale * q · k
  void scores() {
    auto const add = [&](std::int64_t blocks, std::int64_t group) {
      auto t = tile(blocks, a_.d);
      t.x_col = a_.q_row;
      t.w_channel = p_.group_keys() * 4;
      t.y_col = a_.score_row();
      if (a_.scale != 1) t.epilogue.function = expr::expand(expr::flatten(expr::input(0) * expr::value(a_.scale), 1));
      emit_contraction(t, b_,
                       {.x = q_,
                        .w = k_ + group * p_.group_bytes(),
                        .bias = {},
                        .y = s_ + group * p_.group_keys() * 4,
                        .extras = {}});
    };
    auto const whole = a_.score_blocks() / p_.blocks, rest = a_.score_blocks() % p_.blocks;
    if (whole > 0) b_.loop(whole, {{k_, p_.group_bytes()}, {s_, p_.group_keys() * 4}}, [&] { add(p_.blocks, 0); });
    if (rest > 0) add(rest, whole);
  }

  /// Of one row: s = e^(s + biases - greatest), factor = 1 / sum.
  void weights() {
    for (std::size_t i = 0; i < biases_.size(); ++i) add_bias(biases_[i], a_.biases[i]);
    if (a_.keys % a_.edge() != 0)
      for (std::int64_t part = 0; part < a_.edge() / b_.lanes(); ++part) {
        auto const at = s_.at(a_.score_row() - a_.edge() * 4 + part * b_.register_bytes());
        b_.store(at, b_.binary(vector::opcode::add, b_.load(at), edge_.at(part * b_.register_bytes())));
      }
    std::vector<vector::reg> all;
    for (std::int64_t part = 0; part < parts_; ++part) all.push_back(b_.load(s_.at(part * b_.register_bytes())));
    auto const accumulators = all;
    each_part([&](std::size_t part, std::int64_t at) {
      b_.binary_to(accumulators[part], vector::opcode::max, accumulators[part], s_.at(at));
    });
    auto greatest = b_.hmax(folded(accumulators, vector::opcode::max));
    if (a_.unseen) greatest = b_.binary(vector::opcode::max, greatest, b_.constant(-std::numeric_limits<float>::max()));
    auto sum = b_.hsum(folded(exponentials(greatest), vector::opcode::add));
    if (a_.unseen) sum = b_.binary(vector::opcode::max, sum, b_.constant(std::numeric_limits<float>::min()));
    b_.store(factors_.at(0), b_.binary(vector::opcode::div, b_.constant(1), sum), 1);
  }

  void add_bias(vector::pointer from, score_bias const& bias) {
    auto const columns = a_.keys - bias.first, lanes = std::int64_t{b_.lanes()}, whole = columns / lanes;
    auto const at = [&](std::int64_t first, std::int64_t count) {
      auto const s = s_.at((bias.first + first) * 4);  // whole registers: what is read soon must not be stored in parts
      auto const n = static_cast<std::int32_t>(count);
      auto const added = bias.each_key ? b_.load(from.at(first * 4), n) : b_.load(from.broadcast(0));
      b_.store(s, b_.binary(vector::opcode::add, b_.load(s), added));
    };
    std::vector<std::pair<vector::pointer, std::int64_t>> steps{{s_, lanes * 4}};
    if (bias.each_key) steps.emplace_back(from, lanes * 4);
    if (whole > 0) b_.loop(whole, steps, [&] { at(0, lanes); });
    if (columns % lanes != 0) at(whole * lanes, columns % lanes);
  }

  /// Replaces the scores of a row, perhaps by bfloat16 side by side, and adds them up, those of lanes 0 .. 15 each.
  std::vector<vector::reg> exponentials(vector::reg greatest) {
    applied_function power(exponential_);
    power.keep_constants(b_, 4);
    std::vector<vector::reg> sums;
    for (std::int64_t part = 0; part < parts_; ++part) sums.push_back(b_.zero());
    auto const next = [&](std::size_t part, std::int64_t at) {
      auto const e = power(b_, std::array{b_.load(s_.at(at)), greatest});
      b_.binary_to(sums[part], vector::opcode::add, sums[part], e);
      return e;
    };
    if (a_.rounds)
      b_.loop(a_.score_blocks() / 2, {{s_, 128}, {rounded_, 64}}, [&] {
        auto const first = next(0, 0), second = next(0, 64);
        b_.store(rounded_.at(0), b_.unary(vector::opcode::floats, b_.pack_bf16(first, second)));
      });
    else
      each_part([&](std::size_t part, std::int64_t at) { b_.store(s_.at(at), next(part, at)); });
    return sums;
  }

  /// Calls visit(part, byte) for each register of a row of scores.
  template <typename Visit>
  void each_part(Visit&& visit) {
    b_.loop(a_.score_blocks(), {{s_, 64}}, [&] {
      for (std::int64_t part = 0; part < parts_; ++part)
        visit(static_cast<std::size_t>(part), part * b_.register_bytes());
    });
  }

  vector::reg folded(std::vector<vector::reg> const& parts, vector::opcode two) {
    return parts.size() == 2 ? b_.binary(two, parts[0], parts[1]) : parts[0];
  }

  /// y = s · v
  void mix() {
    auto const add = [&](std::int64_t first, std::int64_t columns) {
      auto t = tile(ceil_div(columns, channel_block), a_.keys);
      t.x_col = a_.score_row();
      t.w_channel = a_.v_row;
      t.y_col = a_.y_row;
      t.dense_weights = columns % channel_block == 0;
      if (!t.dense_weights) t.last_lanes = static_cast<std::int32_t>(columns % channel_block);
      emit_contraction(t, b_, {.x = s_, .w = v_ + first * 4, .bias = {}, .y = y_ + first * 4, .extras = {}});
    };
    auto const width = p_.group_keys(), whole = a_.e / width;
    if (whole > 0) b_.loop(whole, {{v_, width * 4}, {y_, width * 4}}, [&] { add(0, width); });
    if (a_.e % width != 0) add(whole * width, a_.e % width);
  }

  /// Of one row: y *= factor.
  void divide() {
    auto const factor = b_.load(factors_.broadcast(0));
    auto const lanes = std::int64_t{b_.lanes()}, whole = a_.e / lanes;
    auto const at = [&](std::int64_t first, std::int64_t count) {
      auto const n = static_cast<std::int32_t>(count);
      auto const to = y_.at(first * 4);
      auto const y = b_.binary(vector::opcode::mul, b_.load(to, n), factor);
      b_.store(to, a_.guarded ? b_.select(compare::eq, factor, factor, y, b_.zero()) : y, n);
    };
    if (whole > 0) b_.loop(whole, {{y_, lanes * 4}}, [&] { at(0, lanes); });
    if (a_.e % lanes != 0) at(whole * lanes, a_.e % lanes);
  }

  attention_tile const& a_;
  packed_keys p_;
  vector::builder b_;
  std::int64_t parts_;
  expr::function exponential_ = expr::expand(expr::flatten(expr::exp_flushed(expr::input(0) - expr::input(1)), 2));
  vector::pointer q_{}, k_{}, v_{}, edge_{}, s_{}, rounded_{}, factors_{}, y_{};
  std::vector<vector::pointer> biases_{};
};

}  // namespace sinter::detail
