#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/schedules/contraction_operands.hpp>
#include <sinter/schedules/contraction_registers.hpp>
#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/requantize.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// The register tile behind convolution and GEMM: `rows x cols` pixels times a few blocks of 16 output channels, all of
/// the reduction in registers, then the epilogue.
///
///     acc[pixel][block] = bias[block]                              (or 0, or y[pixel][block])
///     for section, chunk of channels, tap y, tap x, channel:      (order of the additions, the same on every ISA)
///       for block: w = load weights
///       for pixel whose tap lies inside: acc[pixel][block] += w * broadcast x
///     y[pixel][block] = epilogue(acc[pixel][block], extras…)
///
/// Tiles of 8-bit integers (`contraction_tile::quantized`) are the same on int32: a channel is four of them, a product
/// is dot4 (or two dot2 of words, widened_bytes.hpp), padding whose zero point is not 0 has products too, and
/// requantization (requantize.hpp) is the epilogue. Tiles of pairs of bfloat16 (`tile_factors`) have two channels in
/// place of one, and dot2.bf16 in place of fma; weights of 16 bits become float32 when they are loaded.
/// Where the last block has at most 8 channels (`contraction_tile::half_tail`), two pixels share its register of 16
/// lanes.
namespace sinter {
namespace detail {

/// Emits the code of one tile.
class contraction_emitter {
 public:
  contraction_emitter(contraction_tile const& tile, vector::builder& b, contraction_operands const& operands)
      : t_(tile), held_{tile, b.lanes()}, b_(b), x_(operands.x), w_(operands.w), o_(operands) {
    if (t_.quantized) type_ = vector::register_type::i32;
    if (t_.quantized && !words()) flip_ = input_flip(*t_.quantized, b_);
    factors_ = has_pairs() ? vector::register_type::i32 : type_;
    bool const several = t_.blocks() > 1 && t_.pixels() > 1;
    paired_ = t_.half_tail && held_.per_block() == 1 && several && all_inside(t_.taps_y) && all_inside(t_.taps_x);
  }

  void emit() {
    start_accumulators();
    for (auto const& section : looped_sections(t_, instructions())) accumulate(section);
    if (t_.half_tail) spread_tail();
    finish();
  }

 private:
  std::int64_t pixels() const { return t_.pixels(); }
  bool words() const { return t_.quantized && t_.quantized->words; }
  bool has_pairs() const { return t_.factors == tile_factors::pairs; }
  /// Whether register `r` of a pixel also holds the sums of the next one, or its own are in that of the one before.
  bool is_shared(std::size_t r) const { return paired_ && r + 1 == held_.count(); }
  vector::reg& accumulator(std::int64_t pixel, std::size_t r) {
    return accumulators_[static_cast<std::size_t>(pixel) * held_.count() + r];
  }

  void start_accumulators() {
    accumulators_.resize(static_cast<std::size_t>(pixels()) * held_.count());
    if (t_.resumes) return load_sums();
    for (std::size_t r = 0; r < held_.computed(); ++r) {
      auto first = t_.bias ? b_.load(o_.bias.at(held_.offset(r, 64)), 0, type_) : b_.zero(type_);
      if (t_.bias && is_shared(r)) first = b_.halves(first, swap_halves(first));
      accumulator(0, r) = first;
      auto const step = is_shared(r) ? 2 : 1;
      for (std::int64_t p = step; p < pixels(); p += step) accumulator(p, r) = t_.bias ? b_.mov(first) : b_.zero(type_);
    }
  }

  /// What an earlier part of the reduction left in y.
  void load_sums() {
    SINTER_ASSERT(!t_.half_tail && !t_.bias && !t_.quantized);
    for (std::size_t r = 0; r < held_.count(); ++r)
      for (std::int64_t p = 0; p < pixels(); ++p) {
        auto const lanes = held_.lanes_of(r);
        accumulator(p, r) = lanes > 0 ? b_.load(o_.y.at(held_.result_at(p, r)), lanes) : b_.zero();
      }
  }

  void accumulate(reduction_section const& s) {
    auto const tap = t_.tap_bytes(s);
    auto const chunk = t_.kernel_rows * t_.kernel_cols * tap;
    auto const tap_ahead = s.channels / channels_of_turn(s) * lines_of_turn() * cache_line;
    auto const row_ahead = count_taps(t_.taps_x) * tap_ahead, chunk_ahead = count_taps(t_.taps_y) * row_ahead;
    b_.loop(s.chunks, with_ahead({{x_, s.x_chunk}, {w_, chunk}}, chunk_ahead), [&] {
      auto row = fetched_;
      for (auto const& y : t_.taps_y) {
        b_.loop(y.count, with_ahead({{x_, t_.x_tap_row}, {w_, t_.kernel_cols * tap}}, row_ahead), [&] {
          auto ahead = row;
          for (auto const& x : t_.taps_x) {
            b_.loop(x.count, with_ahead({{x_, t_.x_tap_col}, {w_, tap}}, tap_ahead), [&] {
              auto const x_at = t_.x_origin + s.x_offset + y.first * t_.x_tap_row + x.first * t_.x_tap_col;
              auto const w_at = s.w_offset + (y.first * t_.kernel_cols + x.first) * tap;
              channels(s, y, x, x_at, w_at, ahead);
            });
            ahead += x.count * tap_ahead;
          }
        });
        row += y.count * row_ahead;
      }
    });
    fetched_ += s.chunks * chunk_ahead;
  }

  void channels(reduction_section const& s, tap_group const& y, tap_group const& x, std::int64_t x_at,
                std::int64_t w_at, std::int64_t ahead) {
    auto const unroll = channels_of_turn(s), turns = s.channels / unroll, lines = lines_of_turn();
    b_.loop(turns, with_ahead({{x_, unroll * t_.x_channel}, {w_, unroll * t_.w_channel}}, lines * cache_line), [&] {
      for (std::int64_t i = 0; i < lines; ++i) b_.prefetch(o_.ahead.at(ahead + i * cache_line));
      for (std::int64_t c = 0; c < unroll; ++c) channel(y, x, x_at + c * t_.x_channel, w_at + c * t_.w_channel);
    });
    for (auto c = turns * unroll; c < s.channels; ++c) channel(y, x, x_at + c * t_.x_channel, w_at + c * t_.w_channel);
  }

  std::int64_t channels_of_turn(reduction_section const& s) const {
    return channels_a_turn(t_, s.channels, instructions());
  }
  std::int64_t lines_of_turn() const { return lines_a_turn(t_, instructions()); }
  /// The steps of a loop whose turns fetch `bytes` from `ahead` on.
  std::vector<std::pair<vector::pointer, std::int64_t>> with_ahead(
      std::vector<std::pair<vector::pointer, std::int64_t>> steps, std::int64_t bytes) const {
    if (bytes > 0) steps.emplace_back(o_.ahead, bytes);
    return steps;
  }

  /// Instructions of a channel and tap, about.
  std::int64_t instructions() const {
    auto const prefetches = t_.w_prefetch > 0 ? t_.blocks() : 0;
    return contraction_instructions(pixels(), static_cast<std::int64_t>(held_.count())) + (flip_ ? pixels() : 0) +
           prefetches;
  }

  void channel(tap_group const& y, tap_group const& x, std::int64_t x_at, std::int64_t w_at) {
    bool const stream_weights = pixels() == 1 && t_.dense_weights;
    std::vector<vector::reg>& w = weights_;
    w.clear();
    if (t_.w_prefetch > 0)
      for (auto const block : t_.w_blocks) b_.prefetch(w_.at(w_at + block + t_.w_prefetch));
    for (std::size_t r = 0; r < held_.computed() && !stream_weights; ++r) w.push_back(load_weight(r, w_at));
    for (std::int64_t row = 0; row < t_.rows; ++row)
      for (std::int64_t col = 0; col < t_.cols; ++col) {
        bool const inside = y.inside[static_cast<std::size_t>(row)] && x.inside[static_cast<std::size_t>(col)];
        if (!inside && !t_.padding_counts()) continue;
        auto const at = x_.broadcast(x_at + row * t_.x_row + col * t_.x_col);
        auto const pixel = row * t_.cols + col;
        if (held_.computed() == 1 && !stream_weights && !t_.quantized) {
          multiply_add(accumulator(pixel, 0), w[0], at);
          continue;
        }
        auto const broadcast = inside ? load_input(at) : outside();
        for (std::size_t r = 0; r < held_.computed(); ++r) {
          if (is_shared(r))
            add_to_shared(pixel, r, broadcast);
          else if (stream_weights)
            multiply_add(accumulator(pixel, r), broadcast, w_.at(w_at + held_.weight_at(r)));
          else
            multiply_add(accumulator(pixel, r), broadcast, w[r]);
        }
      }
  }

  /// A channel of a pixel in all lanes, or four channels as uint8, or two as bfloat16.
  vector::reg load_input(vector::memory at) {
    auto const value = b_.load(at, 0, factors_);
    return flip_ ? b_.binary(vector::opcode::ixor, value, flip_, type_) : value;
  }

  /// What the padding reads.
  vector::reg outside() {
    return b_.constant_i32(static_cast<std::int32_t>((words() ? 0x00010001U : 0x01010101U) * t_.quantized->outside));
  }

  /// Adds to `sum` the product of an input and weights, in a register or in memory.
  template <typename Weights>
  void multiply_add(vector::reg sum, vector::reg x, Weights w) {
    if (has_pairs()) return b_.dot2_bf16_to(sum, x, w);
    if (!t_.quantized) return b_.fma_to(sum, x, w);
    words() ? b_.dot2_to(sum, x, w) : b_.dot4_to(sum, x, w);
  }

  /// The product of pixel `pixel` for a register that two share, when the values of both are there.
  void add_to_shared(std::int64_t pixel, std::size_t r, vector::reg broadcast) {
    if (pixel % 2 == 1)
      b_.fma_to(accumulator(pixel - 1, r), weights_[r], b_.halves(first_of_pair_, broadcast));
    else if (pixel + 1 == pixels())
      b_.fma_to(accumulator(pixel, r), weights_[r], broadcast);
    else
      first_of_pair_ = broadcast;
  }

  vector::reg swap_halves(vector::reg a) {
    std::vector<std::int32_t> table;
    for (int k = 0; k < b_.lanes(); ++k) table.push_back((k + b_.lanes() / 2) % b_.lanes());
    return b_.shuffle(a, std::move(table));
  }

  /// Gives each pixel its channels of the last block, and zeros where none are.
  void spread_tail() {
    auto const zero = b_.zero();
    for (std::int64_t p = 0; p < pixels(); ++p)
      for (auto r = held_.computed(); r < held_.count(); ++r) accumulator(p, r) = zero;
    if (held_.per_block() > 1) return;
    auto const r = held_.count() - 1;
    for (std::int64_t p = 0; p < pixels(); p += paired_ ? 2 : 1) {
      auto const sums = accumulator(p, r);
      if (paired_ && p + 1 < pixels()) accumulator(p + 1, r) = b_.halves(swap_halves(sums), zero);
      accumulator(p, r) = b_.halves(sums, zero);
    }
  }

  vector::reg load_weight(std::size_t r, std::int64_t w_at) {
    if (t_.dense_weights) return b_.load(w_.at(w_at + held_.weight_at(r)), 0, factors_);
    auto const lanes = held_.lanes_of(r);
    return lanes <= 0 ? b_.zero() : b_.load(w_.at(w_at + held_.weight_at(r)), lanes);
  }

  /// The epilogue. Values that leave it too few registers wait in y.
  void finish() {
    if (t_.quantized && !t_.quantized->reals) return finish_integers();
    std::vector<vector::reg> values;
    std::vector<applied_epilogue::place> places;
    for (std::size_t r = 0; r < held_.count(); ++r)
      each_pixel(r, [&, lost = lost_by_sums(r)](std::int64_t pixel, std::int64_t at) {
        auto const sum = accumulator(pixel, r), left = lost ? b_.binary(vector::opcode::isub, sum, lost, type_) : sum;
        values.push_back(lost ? b_.unary(vector::opcode::to_f32, left) : sum);
        places.push_back({at, held_.offset(r, 64), held_.lanes_of(r)});
      });
    auto const put = [&](std::size_t i, vector::reg v) { b_.store(o_.y.at(places[i].at), v, places[i].lanes); };
    applied_epilogue const epilogue(t_.epilogue, b_, o_.extras);
    if (t_.epilogue.fits_in_registers())
      epilogue.each(
          places, free_registers, [&](std::size_t i) { return values[i]; }, put);
    else
      epilogue.each(
          places, values, [&](std::size_t i) { return b_.load(o_.y.at(places[i].at), places[i].lanes); }, put);
  }

  vector::reg lost_by_sums(std::size_t r) {
    if (!t_.quantized) return {};
    auto const sums = o_.weight_sums.at(held_.offset(r, 64));
    return zero_point_product(*t_.quantized, b_, o_.zero_point.broadcast(0), sums);
  }

  /// Sums as they are, or requantised.
  void finish_integers() {
    requantization const scaled(*t_.quantized, b_, static_cast<int>(pixels()) * static_cast<int>(held_.count()));
    for (std::size_t r = 0; r < held_.count(); ++r) {
      auto const scale = o_.scale ? b_.load(o_.scale->at(held_.offset(r, 64))) : vector::reg{};
      each_pixel(r, [&](std::int64_t pixel, std::int64_t at) {
        auto const sum = accumulator(pixel, r), y = scale ? scaled(sum, scale, o_.extras, at, held_.lanes_of(r)) : sum;
        b_.store(o_.y.at(at), y, held_.lanes_of(r));
      });
    }
  }

  template <typename Each>
  void each_pixel(std::size_t r, Each&& each) {
    if (held_.lanes_of(r) <= 0) return;
    for (std::int64_t p = 0; p < pixels(); ++p) each(p, held_.result_at(p, r));
  }

  contraction_tile const& t_;
  tile_registers held_;
  vector::builder& b_;
  vector::pointer x_, w_;
  contraction_operands const& o_;
  std::vector<vector::reg> accumulators_, weights_;
  vector::register_type type_ = vector::register_type::f32;     ///< of sums
  vector::register_type factors_ = vector::register_type::f32;  ///< of input and weights
  vector::reg flip_{};                                          ///< makes int8 inputs uint8, where they are that
  vector::reg first_of_pair_{};                                 ///< the value of its first pixel
  std::int64_t fetched_ = 0;                                    ///< from `ahead` on by the sections before, in bytes
  bool paired_ = false;                                         ///< two pixels share a register
};

}  // namespace detail

/// Appends the code of a tile to a kernel.
inline void emit_contraction(contraction_tile const& tile, vector::builder& b, contraction_operands const& operands) {
  detail::contraction_emitter(tile, b, operands).emit();
}

}  // namespace sinter
