#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/schedules/contraction_tile.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/verify.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// The register tile behind convolution and GEMM: `rows x cols` pixels times a few blocks of 16 output channels, all of
/// the reduction in registers, then the epilogue.
///
///     acc[pixel][block] = bias[block]
///     for section, chunk of channels, tap y, tap x, channel:      (order of the additions, the same on every ISA)
///       for block: w = load weights
///       for pixel whose tap lies inside: acc[pixel][block] += w * broadcast x
///     y[pixel][block] = epilogue(acc[pixel][block], extras…)
///
/// A last block of at most 8 channels (`contraction_tile::half_tail`) takes two input channels at a time, in lanes 2i
/// and 2i+1; the bias is added to the sum of both.
namespace sinter {

/// The operands of a tile in the kernel under construction.
struct contraction_operands {
  vector::pointer x{}, w{}, bias{}, y{};
  std::vector<vector::pointer> extras{};
};

namespace detail {

/// Emits the code of one tile.
class contraction_emitter {
 public:
  contraction_emitter(contraction_tile const& tile, vector::builder& b, contraction_operands const& operands)
      : t_(tile), per_block_(16 / b.lanes()), b_(b), x_(operands.x), w_(operands.w), o_(operands) {}

  void emit() {
    start_accumulators();
    for (auto const& section : t_.sections) accumulate(section);
    if (t_.half_tail) join_pairs();
    finish();
  }

 private:
  std::size_t registers() const { return static_cast<std::size_t>(t_.blocks() * per_block_); }
  std::int64_t pixels() const { return t_.pixels(); }
  std::int64_t register_offset(std::size_t r, std::int64_t block_stride) const {
    auto const block = static_cast<std::int64_t>(r) / per_block_, half = static_cast<std::int64_t>(r) % per_block_;
    return block * block_stride + half * b_.register_bytes();
  }
  /// Lanes of register `r` of a tile that exist in row-major memory; at most 0 when none do.
  std::int32_t lanes_of(std::size_t r) const {
    auto const block = static_cast<std::int64_t>(r) / per_block_, half = static_cast<std::int64_t>(r) % per_block_;
    if (block + 1 < t_.blocks()) return b_.lanes();
    return static_cast<std::int32_t>(std::min<std::int64_t>(b_.lanes(), t_.last_lanes - half * b_.lanes()));
  }
  vector::reg& accumulator(std::int64_t pixel, std::size_t r) {
    return accumulators_[static_cast<std::size_t>(pixel) * registers() + r];
  }

  void start_accumulators() {
    accumulators_.resize(static_cast<std::size_t>(pixels()) * registers());
    for (std::size_t r = 0; r < registers(); ++r) {
      bool const bias = t_.bias && !is_paired(r);
      auto const first = bias ? b_.load(o_.bias.at(register_offset(r, 64))) : b_.zero();
      accumulator(0, r) = first;
      for (std::int64_t p = 1; p < pixels(); ++p) accumulator(p, r) = bias ? b_.mov(first) : b_.zero();
    }
  }

  void accumulate(reduction_section const& s) {
    auto const tap = t_.tap_bytes(s);
    auto const chunk = t_.kernel_rows * t_.kernel_cols * tap;
    b_.loop(s.chunks, {{x_, s.x_chunk}, {w_, chunk}}, [&] {
      for (auto const& y : t_.taps_y)
        b_.loop(y.count, {{x_, t_.x_tap_row}, {w_, t_.kernel_cols * tap}}, [&] {
          for (auto const& x : t_.taps_x)
            b_.loop(x.count, {{x_, t_.x_tap_col}, {w_, tap}}, [&] {
              auto const x_at = t_.x_origin + s.x_offset + y.first * t_.x_tap_row + x.first * t_.x_tap_col;
              auto const w_at = s.w_offset + (y.first * t_.kernel_cols + x.first) * tap;
              channels(s, y, x, x_at, w_at);
            });
        });
    });
  }

  void channels(reduction_section const& s, tap_group const& y, tap_group const& x, std::int64_t x_at,
                std::int64_t w_at) {
    auto const unroll = channels_a_turn(s);
    auto const turns = s.channels / unroll;
    auto const some = [&](std::int64_t first, std::int64_t count) {
      for (auto c = first; c < first + count; ++c)
        channel(y, x, x_at + c * t_.x_channel, w_at + c * t_.w_channel, t_.half_tail && c % 2 == 0);
    };
    b_.loop(turns, {{x_, unroll * t_.x_channel}, {w_, unroll * t_.w_channel}}, [&] { some(0, unroll); });
    some(turns * unroll, s.channels - turns * unroll);
  }

  /// Channels in a loop body: enough to hide the loop, little enough for the instruction cache and a quick emission;
  /// an even number where they are taken in pairs.
  std::int64_t channels_a_turn(reduction_section const& s) const {
    auto const instructions = contraction_instructions(pixels(), static_cast<std::int64_t>(registers()));
    std::int64_t const step = t_.half_tail ? 2 : 1;
    std::int64_t unroll = 16;
    while (unroll > step && unroll * instructions > 200) unroll /= 2;
    unroll = std::min(unroll, s.channels);
    bool const is_loop = s.channels / unroll > 1;
    if (!is_loop && s.channels > 1 && s.channels * instructions * taps_in_a_row() > vector::longest_innermost_body)
      return std::max(step, s.channels / 2 / step * step);
    return unroll;
  }

  /// Tap groups that follow one another without a loop around any of them.
  std::int64_t taps_in_a_row() const {
    auto const loops = [](std::vector<tap_group> const& taps) {
      return std::ranges::any_of(taps, [](tap_group const& g) { return g.count > 1; });
    };
    if (loops(t_.taps_x)) return 1;
    return static_cast<std::int64_t>(t_.taps_x.size() * (loops(t_.taps_y) ? 1 : t_.taps_y.size()));
  }

  /// One channel of a tap, and with `pair` this one and the next for the registers that take two at a time.
  void channel(tap_group const& y, tap_group const& x, std::int64_t x_at, std::int64_t w_at, bool pair) {
    if (t_.w_prefetch > 0)
      for (auto const block : t_.w_blocks) b_.prefetch(w_.at(w_at + block + t_.w_prefetch));
    auto const whole = t_.half_tail ? registers() - static_cast<std::size_t>(per_block_) : registers();
    if (pair) products(y, x, x_at, w_at, {whole, registers(), 2});
    if (whole > 0) products(y, x, x_at, w_at, {0, whole, 1});
  }

  /// Registers of a pixel, and the channels that they take at a time.
  struct register_range {
    std::size_t first, end;
    std::int32_t channels;
    std::size_t size() const { return end - first; }
  };

  void products(tap_group const& y, tap_group const& x, std::int64_t x_at, std::int64_t w_at,
                register_range const& of) {
    bool const stream_weights = pixels() == 1 && t_.dense_weights;
    std::vector<vector::reg>& w = weights_;
    w.clear();
    for (auto r = of.first; r < of.end && !stream_weights; ++r) w.push_back(load_weight(r, w_at));
    for (std::int64_t row = 0; row < t_.rows; ++row)
      for (std::int64_t col = 0; col < t_.cols; ++col) {
        if (!y.inside[static_cast<std::size_t>(row)] || !x.inside[static_cast<std::size_t>(col)]) continue;
        auto const at = x_.broadcast(x_at + row * t_.x_row + col * t_.x_col);
        auto const pixel = row * t_.cols + col;
        if (of.size() == 1 && of.channels == 1 && !stream_weights) {
          b_.fma_to(accumulator(pixel, of.first), w[0], at);
          continue;
        }
        auto const broadcast = b_.load(at, of.channels == 1 ? 0 : of.channels);
        for (auto r = of.first; r < of.end; ++r) {
          if (stream_weights)
            b_.fma_to(accumulator(pixel, r), broadcast, w_.at(w_at + weight_offset(r)));
          else
            b_.fma_to(accumulator(pixel, r), w[r - of.first], broadcast);
        }
      }
  }

  bool is_paired(std::size_t r) const {
    return t_.half_tail && r + static_cast<std::size_t>(per_block_) >= registers();
  }

  /// The sums over even and over odd channels become one; the second half of the block is zero.
  void join_pairs() {
    auto const first = registers() - static_cast<std::size_t>(per_block_);
    auto const zero = b_.zero();
    for (std::int64_t p = 0; p < pixels(); ++p) {
      auto sum = b_.pairsum(accumulator(p, first), per_block_ == 1 ? zero : accumulator(p, first + 1));
      if (t_.bias) sum = b_.binary(vector::opcode::add, sum, o_.bias.at(register_offset(first, 64)));
      accumulator(p, first) = sum;
      if (per_block_ == 2) accumulator(p, first + 1) = zero;
    }
  }

  std::int64_t weight_offset(std::size_t r) const {
    auto const per_block = static_cast<std::size_t>(per_block_);
    return t_.w_blocks[r / per_block] + static_cast<std::int64_t>(r % per_block) * b_.register_bytes();
  }

  vector::reg load_weight(std::size_t r, std::int64_t w_at) {
    if (t_.dense_weights) return b_.load(w_.at(w_at + weight_offset(r)));
    auto const lanes = lanes_of(r);
    return lanes <= 0 ? b_.zero() : b_.load(w_.at(w_at + weight_offset(r)), lanes);
  }

  /// The epilogue. One that does not fit in the free registers runs over y after they are stored.
  void finish() {
    bool const in_registers = t_.epilogue.fits_in_registers();
    if (!in_registers)
      each_result([&](std::size_t r, std::int64_t pixel, std::int64_t at) { put(r, at, accumulator(pixel, r)); });
    applied_epilogue const epilogue(t_.epilogue, b_, o_.extras);
    each_result([&](std::size_t r, std::int64_t pixel, std::int64_t at) {
      auto const value = in_registers ? accumulator(pixel, r) : b_.load(o_.y.at(at), lanes_of(r));
      put(r, at, epilogue(value, at, register_offset(r, 64), lanes_of(r)));
    });
  }

  template <typename Each>
  void each_result(Each&& each) {
    for (std::size_t r = 0; r < registers(); ++r) {
      if (lanes_of(r) <= 0) continue;
      for (std::int64_t p = 0; p < pixels(); ++p)
        each(r, p, p / t_.cols * t_.y_row + p % t_.cols * t_.y_col + register_offset(r, t_.y_block));
    }
  }

  void put(std::size_t r, std::int64_t at, vector::reg value) { b_.store(o_.y.at(at), value, lanes_of(r)); }

  contraction_tile const& t_;
  int per_block_;
  vector::builder& b_;
  vector::pointer x_, w_;
  contraction_operands const& o_;
  std::vector<vector::reg> accumulators_;
  std::vector<vector::reg> weights_;
};

}  // namespace detail

/// Appends the code of a tile to a kernel.
inline void emit_contraction(contraction_tile const& tile, vector::builder& b, contraction_operands const& operands) {
  detail::contraction_emitter(tile, b, operands).emit();
}

/// The vector program of a tile. Arguments: x, w, bias if any, the epilogue's extras, y.
inline vector::program build_contraction(contraction_tile const& t, target const& machine) {
  using vector::access;
  vector::builder b(t.name, machine.lanes());
  contraction_operands o;
  o.x = b.argument("x", access::in, t.x_bytes());
  o.w = b.argument("w", t.dense_weights ? access::constant : access::in, t.w_bytes());
  if (t.bias) o.bias = b.argument("b", access::constant, t.blocks() * 64);
  o.extras = t.epilogue.declare(b, t.y_bytes(), t.channel_bytes());
  o.y = b.argument("y", access::out, t.y_bytes());
  emit_contraction(t, b, o);
  return std::move(b).take();
}

inline vector::recipe contraction_recipe(contraction_tile tile, target const& machine) {
  auto key = key_of(tile, machine);
  return {std::move(key), [tile = std::move(tile), machine] { return build_contraction(tile, machine); }};
}

}  // namespace sinter
