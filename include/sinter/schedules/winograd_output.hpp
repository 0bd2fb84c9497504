#pragma once

#include <sinter/schedules/contraction_operands.hpp>
#include <sinter/schedules/epilogue.hpp>
#include <sinter/schedules/requantize.hpp>
#include <sinter/schedules/winograd_integers.hpp>
#include <sinter/schedules/winograd_shape.hpp>
#include <sinter/schedules/winograd_transform.hpp>

#include <fmt/compile.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// The output transform of Winograd convolution, for neighbouring tiles of a row.
///
///     for block of 16 output channels:
///       for tile:
///         for column: s[column] = A^T M[points of the column][block][tile]    (in registers, or in scratch)
///         for row: y[row, columns] = epilogue(s[row] A + bias)
///
/// Rows and columns of the last tiles that the output does not have are left out.
namespace sinter {

/// Everything that decides the code of an output transform. Distances are in bytes.
struct winograd_output {
  std::string name{};
  std::int64_t m = 4;
  std::int64_t rows = 4, columns = 4;  ///< of all tiles that the output has
  std::int64_t blocks = 1;
  std::int64_t y_column = 64, y_row = 0, y_block = 0;
  winograd_planes planes{};
  bool bias = false;
  epilogue_code epilogue{};
  std::optional<quantized_tile> quantized{};  ///< M has integers, the results are 8-bit integers

  std::int64_t pixel() const { return channel_block * (quantized ? 1 : 4); }
  std::int64_t alpha() const { return m + 2; }
  /// Whether a tile's values between the two passes stay in registers.
  bool in_registers(target const& machine) const {
    return (m == 2 || machine.registers() == 32) &&
           (!epilogue.fits_in_registers() || epilogue.function.lines.size() <= 12);
  }
  std::int64_t scratch_bytes(target const& machine) const {
    return in_registers(machine) ? 0 : m * alpha() * channel_block * 4;
  }
};

/// The transform of `x.length` tiles side by side and `blocks` output blocks; `y` and `x` are of `tile_axis` of the
/// output axes, `y` of length 1.
inline winograd_output winograd_output_of(winograd_shape const& s, tile_run const& y, tile_run const& x,
                                          winograd_planes const& planes, std::int64_t blocks, bool bias,
                                          epilogue_code epilogue, std::optional<quantized_tile> const& quantized = {}) {
  winograd_output t{.name = fmt::format(FMT_COMPILE("winograd{}_output"), s.m), .m = s.m};
  t.quantized = quantized;
  t.rows = winograd_part_inside(winograd_output_axis(s.window.y, s.m), y).count;
  t.columns = winograd_part_inside(winograd_output_axis(s.window.x, s.m), x).count;
  t.blocks = blocks;
  t.y_column = t.pixel();
  t.y_row = s.window.x.out * t.pixel();
  t.y_block = s.window.y.out * t.y_row;
  t.planes = planes;
  t.bias = bias;
  t.epilogue = std::move(epilogue);
  return t;
}

namespace detail {

class winograd_output_builder {
 public:
  winograd_output_builder(winograd_output const& t, target const& machine)
      : t_(t),
        in_registers_(t.in_registers(machine)),
        halves_(machine.registers_per_block()),
        b_(t.name, machine.lanes()) {
    using vector::access;
    auto const row_tiles = ceil_div(t.columns, t.m);
    auto const values = t.quantized ? vector::element::i32 : vector::element::f32;
    auto const results = t.quantized ? result_element(*t.quantized) : values;
    m_ = b_.argument("m", access::in,
                     (t.alpha() * t.alpha() - 1) * t.planes.point + (t.blocks - 1) * t.planes.block +
                         (row_tiles - 1) * t.planes.tile + block_bytes,
                     values);
    if (t.bias) bias_ = b_.argument("b", access::constant, t.blocks * block_bytes, values);
    if (t.quantized) scale_ = b_.argument("f", access::constant, t.blocks * block_bytes);
    auto const y_bytes = (t.blocks - 1) * t.y_block + (t.rows - 1) * t.y_row + (t.columns - 1) * t.y_column + t.pixel();
    extras_ = t.epilogue.declare(b_, y_bytes, t.blocks * block_bytes,
                                 t.quantized ? t.quantized->addend_element() : vector::element::f32);
    y_ = b_.argument("y", access::out, y_bytes, results, vector::size_of(results));
    if (!in_registers_) scratch_ = b_.argument("s", access::scratch, t.scratch_bytes(machine), values);
  }

  vector::program build() {
    auto advance = along_y(t_.y_block, block_bytes);
    advance.emplace_back(m_, t_.planes.block);
    if (t_.bias) advance.emplace_back(bias_, block_bytes);
    if (t_.quantized) advance.emplace_back(scale_, block_bytes);
    b_.loop(t_.blocks, advance, [&] {
      t_.quantized ? block(winograd_integer_output(b_, t_.m)) : block(winograd_output_transform(b_, t_.m));
    });
    return std::move(b_).take();
  }

 private:
  static constexpr std::int64_t block_bytes = channel_block * 4;  ///< of values that are not stored yet
  using steps = std::vector<std::pair<vector::pointer, std::int64_t>>;

  /// The result and the element extras advance by `bytes`, the extras that have a value for each channel by `channels`.
  steps along_y(std::int64_t bytes, std::int64_t channels) const {
    steps all{{y_, bytes}};
    for (std::size_t i = 0; i < extras_.size(); ++i) {
      auto const kind = t_.epilogue.extras[i];
      if (kind == extra_kind::element) all.emplace_back(extras_[i], bytes);
      if (channels != 0 && (kind == extra_kind::channel || kind == extra_kind::item_channel))
        all.emplace_back(extras_[i], channels);
    }
    return all;
  }

  template <typename Transform>
  void block(Transform&& transform) {
    auto const whole = t_.columns / t_.m, rest = t_.columns % t_.m;
    auto advance = along_y(t_.m * t_.y_column, 0);
    advance.emplace_back(m_, t_.planes.tile);
    if (whole > 0) b_.loop(whole, advance, [&] { tile(transform, 0, t_.m); });
    if (rest > 0) tile(transform, whole, rest);
    if (!t_.epilogue.fits_in_registers()) apply_epilogue();
  }

  /// The tile `index` tiles ahead, of which the output has `columns` columns.
  template <typename Transform>
  void tile(Transform& transform, std::int64_t index, std::int64_t columns) {
    for (int half = 0; half < halves_; ++half) {
      auto const at = half * b_.register_bytes();
      first_pass(transform, index * t_.planes.tile + at);
      auto const y_at = index * t_.m * t_.y_column;
      if (in_registers_) {
        for (std::int64_t row = 0; row < t_.rows; ++row) finish_row(transform, row, y_at + row * t_.y_row, at, columns);
      } else {
        auto advance = along_y(t_.y_row, 0);
        advance.emplace_back(scratch_, t_.alpha() * block_bytes);
        b_.loop(t_.rows, advance, [&] { finish_row(transform, 0, y_at, at, columns); });
      }
    }
  }

  /// A^T M.
  template <typename Transform>
  void first_pass(Transform& transform, std::int64_t m_at) {
    for (std::int64_t column = 0; column < t_.alpha(); ++column) {
      auto const values = transform(t_.rows, [&](std::int64_t row) {
        return b_.load(m_.at((row * t_.alpha() + column) * t_.planes.point + m_at), 0, type());
      });
      for (std::int64_t row = 0; row < t_.rows; ++row) {
        auto const value = values[static_cast<std::size_t>(row)];
        if (in_registers_)
          between_[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = value;
        else
          b_.store(scratch_.at((row * t_.alpha() + column) * block_bytes), value);
      }
    }
  }

  /// One row of the result, at byte `y_at`; `at` is the half of the block.
  template <typename Transform>
  void finish_row(Transform& transform, std::int64_t row, std::int64_t y_at, std::int64_t at, std::int64_t columns) {
    waiting_ = in_registers_ ? static_cast<int>((t_.rows - 1 - row) * t_.alpha()) : 0;
    auto const values = transform(columns, [&](std::int64_t column) {
      return in_registers_ ? between_[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)]
                           : b_.load(scratch_.at((row * t_.alpha() + column) * block_bytes), 0, type());
    });
    finish(transform, {values.begin(), static_cast<std::size_t>(columns)}, y_at + at * t_.pixel() / block_bytes, at);
  }

  void finish(winograd_output_transform&, std::span<vector::reg const> values, std::int64_t to, std::int64_t at) {
    applied_epilogue const epilogue(t_.epilogue, b_, extras_, false);
    for (auto value : values) {
      if (t_.bias) value = b_.binary(vector::opcode::add, value, bias_.at(at));
      if (t_.epilogue.fits_in_registers()) value = epilogue(value, {to, at, b_.lanes()});
      b_.store(y_.at(to), value);
      to += t_.y_column;
    }
  }

  void finish(winograd_integer_output& transform, std::span<vector::reg const> values, std::int64_t to,
              std::int64_t at) {
    constexpr int others = 2;  // the bias, and a constant of the transform
    requantization const scaled(*t_.quantized, b_, waiting_ + static_cast<int>(values.size()) + others);
    auto const bias = b_.load(bias_.at(at), 0, type()), scale = b_.load(scale_.at(at));
    for (auto const value : values) {
      auto const sum = b_.binary(vector::opcode::iadd, transform.whole(value), bias, type());
      b_.store(y_.at(to), scaled(sum, scale, extras_, to, b_.lanes()));
      to += t_.y_column;
    }
  }
  vector::register_type type() const { return t_.quantized ? vector::register_type::i32 : vector::register_type::f32; }

  /// The epilogue of a block's stored result.
  void apply_epilogue() {
    b_.loop(t_.rows, along_y(t_.y_row, 0), [&] {
      b_.loop(t_.columns, along_y(t_.y_column, 0), [&] {
        applied_epilogue const epilogue(t_.epilogue, b_, extras_, false);
        for (int half = 0; half < halves_; ++half) {
          auto const at = half * b_.register_bytes();
          b_.store(y_.at(at), epilogue(b_.load(y_.at(at)), {at, at, b_.lanes()}));
        }
      });
    });
  }

  winograd_output const& t_;
  bool in_registers_;
  int halves_;
  vector::builder b_;
  vector::pointer m_, bias_, scale_, y_, scratch_;
  std::vector<vector::pointer> extras_;
  std::array<winograd_values, 4> between_{};  ///< [row][column]
  int waiting_ = 0;                           ///< those of later rows
};

}  // namespace detail

/// All of a transform but its name.
inline std::string key_of(winograd_output const& t, target const& machine) {
  auto const& [name, m, rows, columns, blocks, y_column, y_row, y_block, planes, bias, epilogue, quantized] = t;
  vector::recipe_key key("winograd_output", machine);
  key.add(m).add(rows).add(columns).add(blocks).add(y_column).add(y_row).add(y_block).add(bias);
  planes.add_to(key);
  epilogue.add_to(key);
  add_quantized(key, quantized);
  return key.take();
}

/// The kernel of an output transform. Arguments: m, the first tile and block in M; the bias of the blocks, if
/// any; of integers the scale of the blocks; the epilogue's extras; y, the first row and column of the output that the
/// tiles write; scratch, if `scratch_bytes` is not 0.
inline vector::recipe winograd_output_recipe(winograd_output t, target const& machine) {
  auto key = key_of(t, machine);
  return {std::move(key), [t = std::move(t), machine] { return detail::winograd_output_builder(t, machine).build(); }};
}

}  // namespace sinter
