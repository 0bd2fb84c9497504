#pragma once

#include <sinter/expr/cost.hpp>
#include <sinter/schedules/contraction.hpp>
#include <sinter/schedules/depthwise_tile.hpp>
#include <sinter/schedules/pack_weights.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/recipe.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Kernels that compute some rows of a tensor in NCHW16c, all channels at a time: what strips of rows are made of.
namespace sinter {

/// A convolution of 1x1 on `pixels` neighbouring pixels. Distances are in bytes.
///
///     for group of output blocks, tile of pixels: contraction tile
struct strip_pointwise {
  std::string name{};
  std::int64_t pixels = 1, in_channels = 1, out_blocks = 1;
  std::int64_t x_block = 0, y_block = 0;
  std::int64_t interleave = 2;  ///< output blocks that are packed side by side
  bool half_tail = false;       ///< as in contraction_tile
  bool bias = false;
  epilogue_code epilogue{};
};

/// A depthwise convolution for `rows` rows of the result, whose input rows are arguments of their own; those outside of
/// the image are left out.
///
///     for block of channels, tile of columns: as in depthwise.hpp
struct strip_depthwise {
  std::string name{};
  std::int64_t rows = 1, kernel_rows = 3, stride = 1;
  std::int64_t first_inside = 0, end_inside = 3;  ///< of the input rows: those inside the image
  window_axis x{};
  std::int64_t blocks = 1;
  std::int64_t x_block = 0, y_row = 0, y_block = 0;
  bool bias = false;
  epilogue_code epilogue{};

  std::int64_t input_rows() const { return (rows - 1) * stride + kernel_rows; }
  std::int64_t taps() const { return kernel_rows * x.kernel; }
  /// The rows, those of the input that lie inside the image counted from `first_inside` on.
  window_axis y() const {
    return {.in = end_inside - first_inside,
            .out = rows,
            .kernel = kernel_rows,
            .stride = stride,
            .pad_begin = first_inside};
  }
  /// Instructions for a tile of `columns` columns, about.
  std::int64_t instructions(std::int64_t columns, target const& machine) const {
    auto const each = taps() + 2 + (epilogue.empty() ? 0 : instructions_to_apply(epilogue.function));
    auto const loads = input_rows() * x.inputs(columns) + rows * taps();
    return (rows * columns * each + loads) * machine.registers_per_block();
  }
  /// Columns of a tile: as many as registers allow and make innermost bodies that are worth their place in the
  /// instruction cache; 0: no number does.
  std::int64_t tile_columns(target const& machine) const {
    auto columns = std::max<std::int64_t>(1, (machine.registers() == 32 ? 14 : 6) / rows);
    while (columns > 0 && !is_short(columns, machine)) --columns;
    return columns;
  }

  /// Whether tiles of that many columns make innermost bodies of code that are short enough.
  bool is_short(std::int64_t columns, target const& machine) const {
    std::int64_t straight = 0;
    bool loops = false;
    for (auto const& run : tile_between_borders(x, columns)) {
      auto const length = instructions(run.length, machine);
      if (run.count > 1 && length > vector::longest_innermost_body) return false;
      loops = loops || run.count > 1;
      straight += length;
    }
    return loops || straight <= vector::longest_innermost_body;
  }
};

namespace detail {

/// The pointers of an epilogue's extras that move with the pixels, or with the blocks of channels.
inline std::vector<std::pair<vector::pointer, std::int64_t>> extra_steps(epilogue_code const& e,
                                                                         std::vector<vector::pointer> const& pointers,
                                                                         std::int64_t element, std::int64_t channel) {
  std::vector<std::pair<vector::pointer, std::int64_t>> steps;
  for (std::size_t i = 0; i < pointers.size(); ++i) {
    if (e.extras[i] == extra_kind::element) steps.emplace_back(pointers[i], element);
    if (channel != 0 && (e.extras[i] == extra_kind::channel || e.extras[i] == extra_kind::item_channel))
      steps.emplace_back(pointers[i], channel);
  }
  return steps;
}

class strip_pointwise_builder {
 public:
  strip_pointwise_builder(strip_pointwise const& s, target const& machine)
      : s_(s), b_(s.name, machine.lanes()), wide_(machine.registers() == 32 ? 2 : 1) {
    using vector::access;
    auto const last = (s.out_blocks - 1) * s.y_block + s.pixels * pixel;
    o_.x = b_.argument("x", access::in, (ceil_div(s.in_channels, channel_block) - 1) * s.x_block + s.pixels * pixel);
    o_.w = b_.argument("w", access::constant,
                       ceil_div(s.out_blocks, s.interleave) * packed_group_bytes(s.in_channels, s.interleave));
    if (s.bias) o_.bias = b_.argument("b", access::constant, s.out_blocks * pixel);
    o_.extras = s.epilogue.declare(b_, last, s.out_blocks * pixel);
    o_.y = b_.argument("y", access::out, last);
  }

  vector::program build() {
    auto const groups = (s_.out_blocks - (s_.half_tail ? 1 : 0)) / s_.interleave;
    auto const rest = s_.out_blocks - groups * s_.interleave;
    for (std::int64_t first = 0; groups > 0 && first < s_.interleave; first += wide_)
      columns(first, std::min(wide_, s_.interleave - first), groups);
    for (std::int64_t first = 0; first < rest; first += wide_)
      columns(groups * s_.interleave + first, std::min(wide_, rest - first), 1);
    return std::move(b_).take();
  }

 private:
  static constexpr std::int64_t pixel = channel_block * 4;

  /// `blocks` output blocks from `first` on, in each of `groups` groups.
  void columns(std::int64_t first, std::int64_t blocks, std::int64_t groups) {
    auto steps = extra_steps(s_.epilogue, o_.extras, s_.interleave * s_.y_block, s_.interleave * pixel);
    steps.emplace_back(o_.w, packed_group_bytes(s_.in_channels, s_.interleave));
    steps.emplace_back(o_.y, s_.interleave * s_.y_block);
    if (s_.bias) steps.emplace_back(o_.bias, s_.interleave * pixel);
    auto const most = wide_ == 2 ? (blocks == 2 ? 14 : 24) : 6;
    b_.loop(groups, steps, [&] {
      for (auto const& run : equal_runs(s_.pixels, most)) tiles(first, blocks, run);
    });
  }

  void tiles(std::int64_t first, std::int64_t blocks, tile_run const& run) {
    contraction_tile t{.cols = run.length, .x_col = pixel};
    t.taps_y = {{.inside = {true}}};
    t.taps_x = {{.inside = std::vector<bool>(static_cast<std::size_t>(run.length), true)}};
    t.w_channel = s_.interleave * pixel;
    auto const chunks = s_.in_channels / channel_block, rest = s_.in_channels % channel_block;
    if (chunks > 0) t.sections.push_back({.chunks = chunks, .channels = channel_block, .x_chunk = s_.x_block});
    if (rest > 0)
      t.sections.push_back(
          {.channels = rest, .x_offset = chunks * s_.x_block, .w_offset = chunks * channel_block * t.w_channel});
    for (std::int64_t i = 0; i < blocks; ++i) t.w_blocks.push_back(i * pixel);
    t.half_tail = s_.half_tail && first + blocks == s_.out_blocks;
    t.y_col = pixel;
    t.y_block = s_.y_block;
    t.bias = s_.bias;
    t.epilogue = s_.epilogue;
    auto const group = first / s_.interleave, within = first % s_.interleave, along = run.first * pixel;
    contraction_operands o;
    o.x = o_.x + along;
    o.w = o_.w + (group * packed_group_bytes(s_.in_channels, s_.interleave) + within * pixel);
    if (s_.bias) o.bias = o_.bias + first * pixel;
    o.y = o_.y + (first * s_.y_block + along);
    for (std::size_t i = 0; i < o_.extras.size(); ++i) {
      auto const kind = s_.epilogue.extras[i];
      o.extras.push_back(o_.extras[i] + (kind == extra_kind::element  ? first * s_.y_block + along
                                         : kind == extra_kind::scalar ? 0
                                                                      : first * pixel));
    }
    auto steps = extra_steps(s_.epilogue, o_.extras, run.length * pixel, 0);
    steps.emplace_back(o_.x, run.length * pixel);
    steps.emplace_back(o_.y, run.length * pixel);
    b_.loop(run.count, steps, [&] { emit_contraction(t, b_, o); });
  }

  strip_pointwise const& s_;
  vector::builder b_;
  std::int64_t wide_;
  contraction_operands o_{};
};

class strip_depthwise_builder {
 public:
  strip_depthwise_builder(strip_depthwise const& s, target const& machine)
      : s_(s), b_(s.name, machine.lanes()), halves_(machine.registers_per_block()), registers_(machine.registers()) {
    using vector::access;
    for (auto i = s.first_inside; i < s.end_inside; ++i)
      x_.push_back(b_.argument("x" + std::to_string(i), access::in, (s.blocks - 1) * s.x_block + s.x.in * pixel));
    w_ = b_.argument("w", access::constant, s.blocks * s.taps() * pixel);
    if (s.bias) bias_ = b_.argument("b", access::constant, s.blocks * pixel);
    auto const last = (s.blocks - 1) * s.y_block + (s.rows - 1) * s.y_row + s.x.out * pixel;
    extras_ = s.epilogue.declare(b_, last, s.blocks * pixel);
    y_ = b_.argument("y", access::out, last);
    most_ = s.tile_columns(machine);
  }

  vector::program build() {
    auto steps = extra_steps(s_.epilogue, extras_, s_.y_block, pixel);
    for (auto const& x : x_) steps.emplace_back(x, s_.x_block);
    steps.emplace_back(w_, s_.taps() * pixel);
    if (s_.bias) steps.emplace_back(bias_, pixel);
    steps.emplace_back(y_, s_.y_block);
    b_.loop(s_.blocks, steps, [&] {
      for (auto const& run : tile_between_borders(s_.x, most_)) columns(run);
    });
    return std::move(b_).take();
  }

 private:
  static constexpr std::int64_t pixel = channel_block * 4;

  void columns(tile_run const& run) {
    auto steps = extra_steps(s_.epilogue, extras_, run.length * pixel, 0);
    for (auto const& x : x_) steps.emplace_back(x, run.length * s_.x.stride * pixel);
    steps.emplace_back(y_, run.length * pixel);
    b_.loop(run.count, steps, [&] {
      for (int half = 0; half < halves_; ++half) tile(run, half * b_.register_bytes());
    });
  }

  void tile(tile_run const& run, std::int64_t at) {
    auto const start = s_.bias ? b_.load(bias_.at(at)) : b_.zero();
    std::vector<vector::reg> sums{start};
    for (std::int64_t i = 1; i < s_.rows * run.length; ++i) sums.push_back(s_.bias ? b_.mov(start) : b_.zero());
    auto const input = [&](std::int64_t row, std::int64_t col) {
      auto const& x = x_[static_cast<std::size_t>(row - s_.first_inside)];
      return x.at((s_.x.position(run.first, 0) + col) * pixel + at);
    };
    auto const weight = [&](std::int64_t ky, std::int64_t kx) { return w_.at((ky * s_.x.kernel + kx) * pixel + at); };
    detail::depthwise_emitter(b_, {s_.y(), s_.x}, {{.length = s_.rows}, run}, registers_, input, weight).emit(sums);
    applied_epilogue const epilogue(s_.epilogue, b_, extras_);
    std::vector<applied_epilogue::place> places;
    for (std::int64_t i = 0; i < s_.rows * run.length; ++i)
      places.push_back({i / run.length * s_.y_row + (run.first + i % run.length) * pixel + at, at, b_.lanes()});
    epilogue.each(
        places, registers_ - static_cast<int>(sums.size()), [&](std::size_t i) { return sums[i]; },
        [&](std::size_t i, vector::reg v) { b_.store(y_.at(places[i].at), v); });
  }

  strip_depthwise const& s_;
  vector::builder b_;
  int halves_, registers_;
  std::int64_t most_ = 1;
  std::vector<vector::pointer> x_, extras_;
  vector::pointer w_, bias_, y_;
};

}  // namespace detail

inline vector::recipe strip_pointwise_recipe(strip_pointwise s, target const& machine) {
  auto const& [name, pixels, in_channels, out_blocks, x_block, y_block, interleave, half_tail, bias, epilogue] = s;
  vector::recipe_key key("strip_pointwise", machine);
  key.add(pixels).add(in_channels).add(out_blocks).add(x_block).add(y_block);
  epilogue.add_to(key.add(interleave).add(half_tail).add(bias));
  return {key.take(), [s = std::move(s), machine] { return detail::strip_pointwise_builder(s, machine).build(); }};
}

/// Arguments: the input rows, w, the bias if there is one, the epilogue's extras, y.
inline vector::recipe strip_depthwise_recipe(strip_depthwise s, target const& machine) {
  auto const& [name, rows, kernel_rows, stride, first_inside, end_inside, x, blocks, x_block, y_row, y_block, bias,
               epilogue] = s;
  auto const& [in, out, kernel, x_stride, dilation, pad_begin] = x;
  vector::recipe_key key("strip_depthwise", machine);
  key.add(rows)
      .add(kernel_rows)
      .add(stride)
      .add(first_inside)
      .add(end_inside)
      .add(in)
      .add(out)
      .add(kernel)
      .add(x_stride);
  key.add(dilation).add(pad_begin).add(blocks).add(x_block).add(y_row).add(y_block);
  epilogue.add_to(key.add(bias));
  return {key.take(), [s = std::move(s), machine] { return detail::strip_depthwise_builder(s, machine).build(); }};
}

}  // namespace sinter
