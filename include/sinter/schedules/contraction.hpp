#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/schedules/epilogue.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/schedules/spatial_tiles.hpp>
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
namespace sinter {

/// A run of input channels that are packed alike: `chunks` times `channels`.
struct reduction_section {
  std::int64_t chunks = 1, channels = 1;
  std::int64_t x_offset = 0, x_chunk = 0;  ///< bytes: of the first chunk, between chunks
  std::int64_t w_offset = 0;               ///< bytes
};

/// Everything that decides the code of a tile. Distances are in bytes.
struct contraction_tile {
  std::string name{};
  std::int64_t rows = 1, cols = 1;            ///< pixels
  std::int64_t x_origin = 0;                  ///< of pixel (0,0), tap (0,0); may be negative where it is padding
  std::int64_t x_row = 0, x_col = 0;          ///< between pixels of the input
  std::int64_t x_tap_row = 0, x_tap_col = 0;  ///< between taps in the input
  std::int64_t x_channel = 4;                 ///< between channels of a chunk
  std::vector<tap_group> taps_y{}, taps_x{};
  std::int64_t kernel_rows = 1, kernel_cols = 1;
  std::vector<reduction_section> sections{};
  std::int64_t w_channel = 64;           ///< between channels of the weights
  std::vector<std::int64_t> w_blocks{};  ///< of each block of 16 output channels
  std::int64_t y_row = 0, y_col = 0, y_block = 64;
  std::int32_t last_lanes = 16;  ///< output channels of the last block that exist in y
  bool dense_weights = true;     ///< weights are padded to whole blocks
  bool bias = false;
  epilogue_code epilogue{};

  std::int64_t blocks() const { return static_cast<std::int64_t>(w_blocks.size()); }
  std::int64_t tap_bytes(reduction_section const& s) const { return s.channels * w_channel; }
};

/// Instructions for one channel and tap of a tile, about.
inline std::int64_t contraction_instructions(std::int64_t pixels, std::int64_t registers) {
  return pixels + registers * (1 + pixels);
}

namespace detail {

/// Builds the program of one tile.
class contraction_builder {
 public:
  contraction_builder(contraction_tile const& tile, target const& machine)
      : t_(tile), per_block_(machine.registers_per_block()), b_(tile.name, machine.lanes()) {}

  vector::program build() {
    declare_arguments();
    start_accumulators();
    for (auto const& section : t_.sections) accumulate(section);
    finish();
    return std::move(b_).take();
  }

 private:
  std::size_t registers() const { return static_cast<std::size_t>(t_.blocks() * per_block_); }
  std::int64_t pixels() const { return t_.rows * t_.cols; }
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

  void declare_arguments() {
    using vector::access;
    x_ = b_.argument("x", access::in, x_bytes());
    w_ = b_.argument("w", t_.dense_weights ? access::constant : access::in, w_bytes());
    if (t_.bias) bias_ = b_.argument("b", access::constant, t_.blocks() * 64);
    auto const last_block = (t_.blocks() - 1) * t_.y_block + t_.last_lanes * 4;
    auto const y_bytes = (t_.rows - 1) * t_.y_row + (t_.cols - 1) * t_.y_col + last_block;
    extras_ = t_.epilogue.declare(b_, y_bytes, (t_.blocks() - 1) * 64 + t_.last_lanes * 4);
    y_ = b_.argument("y", access::out, y_bytes);
  }

  static std::int64_t furthest(std::vector<tap_group> const& taps, std::int64_t pixel_step, std::int64_t tap_step) {
    std::int64_t most = 0;
    for (auto const& group : taps)
      for (std::size_t i = 0; i < group.inside.size(); ++i)
        if (group.inside[i])
          most = std::max(most, static_cast<std::int64_t>(i) * pixel_step + (group.first + group.count - 1) * tap_step);
    return most;
  }

  std::int64_t x_bytes() const {
    std::int64_t reduction = 0;
    for (auto const& s : t_.sections)
      reduction = std::max(reduction, s.x_offset + (s.chunks - 1) * s.x_chunk + (s.channels - 1) * t_.x_channel);
    return t_.x_origin + furthest(t_.taps_y, t_.x_row, t_.x_tap_row) + furthest(t_.taps_x, t_.x_col, t_.x_tap_col) +
           reduction + 4;
  }

  std::int64_t w_bytes() const {
    std::int64_t reduction = 0;
    for (auto const& s : t_.sections)
      reduction = std::max(reduction,
                           s.w_offset + (s.chunks * t_.kernel_rows * t_.kernel_cols * s.channels - 1) * t_.w_channel);
    return reduction + t_.w_blocks.back() + (t_.dense_weights ? 64 : t_.last_lanes * 4);
  }

  void start_accumulators() {
    accumulators_.resize(static_cast<std::size_t>(pixels()) * registers());
    for (std::size_t r = 0; r < registers(); ++r) {
      auto const first = t_.bias ? b_.load(bias_.at(register_offset(r, 64))) : b_.zero();
      accumulator(0, r) = first;
      for (std::int64_t p = 1; p < pixels(); ++p) accumulator(p, r) = t_.bias ? b_.mov(first) : b_.zero();
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
    b_.loop(turns, {{x_, unroll * t_.x_channel}, {w_, unroll * t_.w_channel}}, [&] {
      for (std::int64_t c = 0; c < unroll; ++c) channel(y, x, x_at + c * t_.x_channel, w_at + c * t_.w_channel);
    });
    for (auto c = turns * unroll; c < s.channels; ++c) channel(y, x, x_at + c * t_.x_channel, w_at + c * t_.w_channel);
  }

  /// Channels in a loop body: enough to hide the loop, little enough for the instruction cache and a quick emission.
  std::int64_t channels_a_turn(reduction_section const& s) const {
    auto const instructions = contraction_instructions(pixels(), static_cast<std::int64_t>(registers()));
    std::int64_t unroll = 16;
    while (unroll > 1 && unroll * instructions > 200) unroll /= 2;
    unroll = std::min(unroll, s.channels);
    bool const is_loop = s.channels / unroll > 1;
    if (!is_loop && s.channels > 1 && s.channels * instructions * taps_in_a_row() > vector::longest_innermost_body)
      return s.channels / 2;
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

  void channel(tap_group const& y, tap_group const& x, std::int64_t x_at, std::int64_t w_at) {
    bool const stream_weights = pixels() == 1 && t_.dense_weights;
    std::vector<vector::reg>& w = weights_;
    w.clear();
    for (std::size_t r = 0; r < registers() && !stream_weights; ++r) w.push_back(load_weight(r, w_at));
    for (std::int64_t row = 0; row < t_.rows; ++row)
      for (std::int64_t col = 0; col < t_.cols; ++col) {
        if (!y.inside[static_cast<std::size_t>(row)] || !x.inside[static_cast<std::size_t>(col)]) continue;
        auto const at = x_.broadcast(x_at + row * t_.x_row + col * t_.x_col);
        auto const pixel = row * t_.cols + col;
        if (registers() == 1 && !stream_weights) {
          b_.fma_to(accumulator(pixel, 0), w[0], at);
          continue;
        }
        auto const broadcast = b_.load(at);
        for (std::size_t r = 0; r < registers(); ++r) {
          if (stream_weights)
            b_.fma_to(accumulator(pixel, r), broadcast, w_.at(w_at + weight_offset(r)));
          else
            b_.fma_to(accumulator(pixel, r), w[r], broadcast);
        }
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
    each_result([&](std::size_t r, std::int64_t pixel, std::int64_t at) {
      auto const value = in_registers ? accumulator(pixel, r) : b_.load(y_.at(at), lanes_of(r));
      put(r, at, t_.epilogue.apply(b_, extras_, value, at, register_offset(r, 64), lanes_of(r)));
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

  void put(std::size_t r, std::int64_t at, vector::reg value) { b_.store(y_.at(at), value, lanes_of(r)); }

  contraction_tile const& t_;
  int per_block_;
  vector::builder b_;
  vector::pointer x_, w_, bias_, y_;
  std::vector<vector::pointer> extras_;
  std::vector<vector::reg> accumulators_;
  std::vector<vector::reg> weights_;
};

}  // namespace detail

/// All of a tile but its name.
inline std::string key_of(contraction_tile const& tile, target const& machine) {
  vector::recipe_key key;
  auto const add_taps = [](vector::recipe_key& k, tap_group const& taps) {
    auto const& [first, count, inside] = taps;
    k.add(first).add(count).add_all(inside);
  };
  auto const add_section = [](vector::recipe_key& k, reduction_section const& section) {
    auto const& [chunks, channels, x_offset, x_chunk, w_offset] = section;
    k.add(chunks).add(channels).add(x_offset).add(x_chunk).add(w_offset);
  };
  auto const& [name, rows, cols, x_origin, x_row, x_col, x_tap_row, x_tap_col, x_channel, taps_y, taps_x, kernel_rows,
               kernel_cols, sections, w_channel, w_blocks, y_row, y_col, y_block, last_lanes, dense_weights, bias,
               epilogue] = tile;
  key.add(machine.lanes()).add(machine.registers()).add(rows).add(cols);
  key.add(x_origin).add(x_row).add(x_col).add(x_tap_row).add(x_tap_col);
  key.add(x_channel).add_all(taps_y, add_taps).add_all(taps_x, add_taps).add(kernel_rows).add(kernel_cols);
  key.add_all(sections, add_section).add(w_channel).add_all(w_blocks).add(y_row).add(y_col).add(y_block);
  key.add(last_lanes).add(dense_weights).add(bias);
  epilogue.add_to(key);
  return std::move(key).take();
}

/// The vector program of a tile. Arguments: x, w, bias if any, the epilogue's extras, y.
inline vector::recipe contraction_recipe(contraction_tile tile, target const& machine) {
  auto key = key_of(tile, machine);
  return {std::move(key),
          [tile = std::move(tile), machine] { return detail::contraction_builder(tile, machine).build(); }};
}

}  // namespace sinter
