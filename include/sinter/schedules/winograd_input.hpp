#pragma once

#include <sinter/schedules/winograd_integers.hpp>
#include <sinter/schedules/winograd_pairs.hpp>
#include <sinter/schedules/winograd_shape.hpp>
#include <sinter/schedules/winograd_transform.hpp>

#include <fmt/compile.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// The input transform of Winograd convolution, for neighbouring tiles of a row.
///
///     zero the scratch columns outside the image
///     for block of 16 channels:
///       for column of the image: scratch[column] = B^T x[rows, column]     (rows outside the image are zeros)
///       for tile: V[points][block][tile] = scratch[alpha columns] B
///
/// Columns that two tiles share are transformed once, and no tile is a special case.
namespace sinter {

/// Everything that decides the code of an input transform. Distances are in bytes.
struct winograd_input {
  std::string name{};
  std::int64_t m = 4;
  std::int64_t first_row = 0, rows = 6;        ///< of the alpha rows of the tiles: those inside the image
  std::int64_t first_column = 0, columns = 6;  ///< of the columns of the tiles: those inside the image
  std::int64_t tiles = 1, blocks = 1;          ///< side by side; of channels
  std::int64_t x_column = 64, x_row = 0, x_block = 0;
  winograd_planes v{};
  std::optional<winograd_bytes> bytes{};  ///< 8-bit integers, of which V has pairs

  std::int64_t pixel() const { return channel_block * (bytes ? 1 : 4); }
  std::int64_t alpha() const { return m + 2; }
  /// Columns of the row of tiles, zeros included.
  std::int64_t scratch_columns() const { return tiles * m + 2; }
  std::int64_t scratch_column_bytes() const { return alpha() * channel_block * 4; }
  std::int64_t scratch_bytes() const { return checked_mul(scratch_columns(), scratch_column_bytes()); }
};

/// The transform of `x.length` tiles side by side; `y` and `x` are of `tile_axis` of the input axes, `y` of length 1.
inline winograd_input winograd_input_of(winograd_shape const& s, tile_run const& y, tile_run const& x,
                                        winograd_planes const& v, std::optional<winograd_bytes> const& bytes = {}) {
  auto const rows = winograd_part_inside(winograd_input_axis(s.window.y, s.m), y);
  auto const columns = winograd_part_inside(winograd_input_axis(s.window.x, s.m), x);
  winograd_input t{.name = fmt::format(FMT_COMPILE("winograd{}_input"), s.m), .m = s.m, .bytes = bytes};
  t.first_row = rows.first;
  t.rows = rows.count;
  t.first_column = columns.first;
  t.columns = columns.count;
  t.tiles = x.length;
  t.blocks = s.in_blocks();
  t.x_column = t.pixel();
  t.x_row = s.window.x.in * t.pixel();
  t.x_block = s.window.y.in * t.x_row;
  t.v = v;
  return t;
}

namespace detail {

class winograd_input_builder {
 public:
  winograd_input_builder(winograd_input const& t, target const& machine)
      : t_(t), halves_(machine.registers_per_block()), b_(t.name, machine.lanes()), values_(t.bytes, b_) {
    using vector::access;
    x_ = b_.argument("x", access::in,
                     (t.blocks - 1) * t.x_block + (t.rows - 1) * t.x_row + (t.columns - 1) * t.x_column + t.pixel(),
                     values_.input());
    v_ = b_.argument(
        "v", access::out,
        (t.alpha() * t.alpha() - 1) * t.v.point + (steps() - 1) * t.v.block + (t.tiles - 1) * t.v.tile + t.v.tile,
        t.v.pairs() ? vector::element::i32 : values_.element());
    scratch_ = b_.argument("s", access::scratch, t.scratch_bytes(), values_.element());
  }

  vector::program build() {
    auto const last = t_.first_column + t_.columns;
    zero_columns(0, t_.first_column);
    zero_columns(last, t_.scratch_columns() - last);
    if (t_.bytes)
      transform_blocks(winograd_integer_input(b_, t_.m));
    else
      transform_blocks(winograd_input_transform(b_, t_.m));
    return std::move(b_).take();
  }

 private:
  /// Blocks of channels that are transformed at once.
  std::int64_t blocks_a_step() const { return t_.bytes ? 2 : 1; }
  std::int64_t steps() const { return ceil_div(t_.blocks, blocks_a_step()); }

  template <typename Transform>
  void transform_blocks(Transform&& transform) {
    if (t_.rows < t_.alpha()) zero_ = values_.zero();
    auto const whole = t_.blocks / blocks_a_step(), x_step = blocks_a_step() * t_.x_block;
    if (whole > 0)
      b_.loop(whole, {{x_, x_step}, {v_, t_.v.block}}, [&] { transform_block(transform, 0, 0, blocks_a_step() > 1); });
    if (steps() > whole) transform_block(transform, whole * x_step, whole * t_.v.block, false);
  }

  /// The block at byte `x_at`, `pair`: with the next one, to byte `v_at` of V.
  template <typename Transform>
  void transform_block(Transform& transform, std::int64_t x_at, std::int64_t v_at, bool pair) {
    values_.start(pair ? t_.x_block : 0);
    b_.loop(t_.columns, {{x_, t_.x_column}, {scratch_, t_.scratch_column_bytes()}},
            [&] { each_half([&](std::int64_t at) { transform_column(transform, x_at, at); }); });
    b_.loop(t_.tiles, {{scratch_, t_.m * t_.scratch_column_bytes()}, {v_, t_.v.tile}},
            [&] { each_half([&](std::int64_t at) { transform_rows(transform, v_at, at); }); });
  }

  template <typename Emit>
  void each_half(Emit&& emit) {
    for (int half = 0; half < halves_; ++half) emit(half * b_.register_bytes());
  }
  std::int64_t scratch_at(std::int64_t column, std::int64_t row) const {
    return (column * t_.alpha() + row) * channel_block * 4;
  }

  void zero_columns(std::int64_t first, std::int64_t count) {
    if (count <= 0) return;
    auto const zero = values_.zero();
    b_.loop(count, {{scratch_, t_.scratch_column_bytes()}}, [&] {
      for (std::int64_t row = 0; row < t_.alpha(); ++row)
        each_half([&](std::int64_t at) { b_.store(scratch_.at(scratch_at(first, row) + at), zero); });
    });
  }

  template <typename Transform>
  void transform_column(Transform& transform, std::int64_t x_at, std::int64_t at) {
    auto const values = transform([&](std::int64_t row) {
      auto const inside = row - t_.first_row;
      if (inside < 0 || inside >= t_.rows) return zero_;
      return values_.load(x_, x_at + inside * t_.x_row + at * t_.pixel() / (channel_block * 4));
    });
    for (std::int64_t row = 0; row < t_.alpha(); ++row)
      b_.store(scratch_.at(scratch_at(t_.first_column, row) + at), values[static_cast<std::size_t>(row)]);
  }

  template <typename Transform>
  void transform_rows(Transform& transform, std::int64_t v_at, std::int64_t at) {
    for (std::int64_t row = 0; row < t_.alpha(); ++row) {
      auto const values = transform(
          [&](std::int64_t column) { return b_.load(scratch_.at(scratch_at(column, row) + at), 0, values_.type()); });
      for (std::int64_t column = 0; column < t_.alpha(); ++column)
        store(v_.at(v_at + (row * t_.alpha() + column) * t_.v.point + at),
              values_.finish(values[static_cast<std::size_t>(column)]));
    }
  }

  void store(vector::memory to, vector::reg value) {
    if (!t_.v.pairs()) return b_.store(to, value);
    b_.store(to, b_.pack_bf16(value, value), 8);
  }

  winograd_input const& t_;
  int halves_;
  vector::builder b_;
  winograd_values_of values_;
  vector::pointer x_, v_, scratch_;
  vector::reg zero_{};
};

}  // namespace detail

/// All of a transform but its name.
inline std::string key_of(winograd_input const& t, target const& machine) {
  auto const& [name, m, first_row, rows, first_column, columns, tiles, blocks, x_column, x_row, x_block, v, bytes] = t;
  vector::recipe_key key("winograd_input", machine);
  key.add(m).add(first_row).add(rows).add(first_column).add(columns).add(tiles).add(blocks).add(x_column).add(x_row);
  v.add_to(key.add(x_block));
  add_bytes(key, bytes);
  return key.take();
}

/// The kernel of an input transform. Arguments: x, the first row and column of the image that the tiles read; v, the
/// first tile in V; `scratch_bytes` of scratch.
inline vector::recipe winograd_input_recipe(winograd_input t, target const& machine) {
  auto key = key_of(t, machine);
  return {std::move(key), [t = std::move(t), machine] { return detail::winograd_input_builder(t, machine).build(); }};
}

}  // namespace sinter
