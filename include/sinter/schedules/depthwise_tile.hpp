#pragma once

#include <sinter/schedules/spatial_tiles.hpp>
#include <sinter/vector/builder.hpp>

#include <cstdint>
#include <utility>
#include <vector>

/// The register tile behind depthwise convolutions: `rows x columns` pixels of one register's channels.
///
///     for row of the input:
///       w = load weights of the kernel rows by which rows of the tile read it
///       for pixel of the row: x = load; for tap that reads it: acc[pixel of the tile] += w[tap] * x
///
/// Each input is loaded once, and each pixel adds its taps in order. Taps in the padding are left out, or read a
/// register.
namespace sinter::detail {

template <typename Input, typename Weight>
class depthwise_emitter {
 public:
  /// `input(row, column)`, counted from tap (0,0) of the tile's first pixel, and `weight(ky, kx)` are memory operands;
  /// `sums` are the pixels of the tile.
  /// `padding`, if it is a register, is what taps in the padding read.
  depthwise_emitter(vector::builder& b, window2d const& window, tile_class const& tile, int registers, Input input,
                    Weight weight, vector::reg padding = {})
      : b_(b),
        w_(window),
        tile_(tile),
        registers_(registers),
        input_(std::move(input)),
        weight_(std::move(weight)),
        padding_(padding) {}

  void emit(std::vector<vector::reg> const& sums) {
    std::vector<std::vector<reader>> columns;
    for (std::int64_t col = 0; col < w_.x.inputs(tile_.x.length); ++col)
      columns.push_back(padding_ || is_inside(w_.x, tile_.x, col) ? readers_of(w_.x, tile_.x, col)
                                                                  : std::vector<reader>{});
    for (std::int64_t row = 0; row < w_.y.inputs(tile_.y.length); ++row) {
      bool const row_inside = is_inside(w_.y, tile_.y, row);
      if (!row_inside && !padding_) continue;
      auto const readers = readers_of(w_.y, tile_.y, row);
      weights_.assign(readers.size() * static_cast<std::size_t>(w_.x.kernel), {});
      auto const kept = sums.size() + weights_.size() + (padding_ ? 1 : 0);
      bool const fits = kept < static_cast<std::size_t>(registers_);
      for (std::int64_t col = 0; col < w_.x.inputs(tile_.x.length); ++col)
        add_input(sums, readers, columns[static_cast<std::size_t>(col)], row, col,
                  row_inside && is_inside(w_.x, tile_.x, col), fits);
    }
  }

 private:
  /// Position `result` of the tile reads an input by tap `k`.
  struct reader {
    std::int64_t result, k;
  };

  static bool is_inside(window_axis const& axis, tile_run const& tile, std::int64_t input) {
    auto const at = axis.position(tile.first, 0) + input;
    return at >= 0 && at < axis.in;
  }

  /// By tap.
  static std::vector<reader> readers_of(window_axis const& axis, tile_run const& tile, std::int64_t input) {
    std::vector<reader> all;
    for (std::int64_t k = 0; k < axis.kernel; ++k) {
      auto const from = input - k * axis.dilation;
      if (from >= 0 && from % axis.stride == 0 && from / axis.stride < tile.length)
        all.push_back({from / axis.stride, k});
    }
    return all;
  }

  void add_input(std::vector<vector::reg> const& sums, std::vector<reader> const& rows,
                 std::vector<reader> const& columns, std::int64_t row, std::int64_t col, bool inside,
                 bool weights_fit) {
    if (rows.empty() || columns.empty()) return;
    auto const x = inside ? b_.load(input_(row, col)) : padding_;
    for (std::size_t i = 0; i < rows.size(); ++i)
      for (auto const& c : columns) {
        auto const sum = sums[static_cast<std::size_t>(rows[i].result * tile_.x.length + c.result)];
        auto& w = weights_[i * static_cast<std::size_t>(w_.x.kernel) + static_cast<std::size_t>(c.k)];
        if (!weights_fit)
          b_.fma_to(sum, x, weight_(rows[i].k, c.k));
        else if (w.id < 0)
          w = b_.load(weight_(rows[i].k, c.k)), b_.fma_to(sum, w, x);
        else
          b_.fma_to(sum, w, x);
      }
  }

  vector::builder& b_;
  window2d const& w_;
  tile_class const& tile_;
  int registers_;
  Input input_;
  Weight weight_;
  vector::reg padding_;
  std::vector<vector::reg> weights_;  ///< of a row of the input: those that are loaded
};

}  // namespace sinter::detail
