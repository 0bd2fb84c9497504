#pragma once

#include <sinter/schedules/schedule.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// The kernel behind MaxPool and AveragePool in blocked layout.
///
///     for channel block:
///       for run of rows with the same taps inside the plane, for row:
///         for run of pixels with the same taps inside the plane, for pixel:
///           fold the taps in row-major order; store
///
/// Padding has no taps. Where a window has many taps its rows are a loop.
namespace sinter::detail {

/// Output positions of one axis, `length` from `first` on, that use the taps [begin, end) and divide by `count`.
struct pool_run {
  std::int64_t first = 0, length = 1;
  std::int64_t begin = 0, end = 0, count = 0;
  std::int64_t taps() const { return end - begin; }
};

/// One axis of a pool, in elements.
struct pool_axis {
  std::int64_t in = 1, out = 1, kernel = 1, stride = 1, dilation = 1, pad_begin = 0, pad_end = 0;

  std::int64_t position(std::int64_t o, std::int64_t k) const { return o * stride + k * dilation - pad_begin; }

  /// Neighbouring positions with the same taps inside the plane as runs. `count_padding`: the taps in declared padding
  /// count as well.
  std::vector<pool_run> runs(bool count_padding) const {
    std::vector<pool_run> result;
    for (std::int64_t o = 0; o < out; ++o) {
      pool_run r{.first = o};
      while (r.begin < kernel && position(o, r.begin) < 0) ++r.begin;
      for (r.end = r.begin; r.end < kernel && position(o, r.end) < in;) ++r.end;
      r.count = r.taps();
      if (count_padding)
        for (r.count = 0; r.count < kernel && position(o, r.count) < in + pad_end;) ++r.count;
      if (!result.empty() && result.back().begin == r.begin && result.back().end == r.end &&
          result.back().count == r.count)
        ++result.back().length;
      else
        result.push_back(r);
    }
    return result;
  }
};

/// What a pool does with the elements of a window.
enum class pooling_kind : std::uint8_t { max, average };

class pooling_kernel {
 public:
  pooling_kind kind = pooling_kind::max;
  pool_axis y{}, x{};
  std::vector<pool_run> rows{}, columns{};
  std::int64_t blocks = 1, channels = channel_block;  ///< and those of a block
  vector::element element = vector::element::f32;     ///< of input and result: what fits float32

  std::int64_t block_bytes() const { return channels * vector::size_of(element); }
  std::int64_t first_input_row() const {
    auto first = y.in;
    for (auto const& r : rows) first = std::min(first, y.position(r.first, r.begin));
    return first;
  }
  std::int64_t last_input_row() const {
    std::int64_t last = 0;
    for (auto const& r : rows) last = std::max(last, y.position(r.first + r.length - 1, r.end - 1));
    return last;
  }

  vector::program build(target const& t) const {
    vector::builder b(kind == pooling_kind::max ? "max_pool" : "average_pool", t.lanes());
    auto const rows_out = rows.back().first + rows.back().length - rows.front().first;
    auto const in_block = y.in * x.in * block_bytes(), out_block = y.out * x.out * block_bytes();
    auto const in =
        b.argument("x", vector::access::in,
                   (blocks - 1) * in_block + (last_input_row() - first_input_row() + 1) * x.in * block_bytes(), element,
                   vector::size_of(element));
    auto const out = b.argument("y", vector::access::out, (blocks - 1) * out_block + rows_out * x.out * block_bytes(),
                                element, vector::size_of(element));
    auto const pixels_in = b.stream("pixels_in", in, 0), pixels_out = b.stream("pixels_out", out, 0);
    auto const taps = b.stream("taps", in, 0);
    steps const every{in, out, pixels_in, pixels_out, taps};
    b.loop(blocks, every.moves(in_block, out_block), [&] {
      for (auto const& row : rows) row_run(b, every, row);
    });
    return std::move(b).take();
  }

 private:
  /// Streams over the same memory, one for each level of loops.
  struct steps {
    vector::pointer in, out, pixels_in, pixels_out, taps;
    std::vector<std::pair<vector::pointer, std::int64_t>> moves(std::int64_t in_bytes, std::int64_t out_bytes) const {
      return {{in, in_bytes}, {out, out_bytes}, {pixels_in, in_bytes}, {pixels_out, out_bytes}, {taps, in_bytes}};
    }
  };
  static constexpr std::int64_t most_unrolled_taps = 32;

  void row_run(vector::builder& b, steps const& s, pool_run const& row) const {
    auto const from = (y.position(row.first, row.begin) - first_input_row()) * x.in * block_bytes();
    auto const to = (row.first - rows.front().first) * x.out * block_bytes();
    b.loop(row.length, s.moves(y.stride * x.in * block_bytes(), x.out * block_bytes()), [&] {
      for (auto const& column : columns) {
        auto const unroll = std::min<std::int64_t>(column.length, row.taps() * column.taps() <= 9 ? 4 : 1);
        auto const turns = column.length / unroll;
        b.loop(turns, s.moves(unroll * x.stride * block_bytes(), unroll * block_bytes()), [&] {
          for (std::int64_t i = 0; i < unroll; ++i) pixel(b, s, row, column, column.first + i, from, to);
        });
        for (auto i = turns * unroll; i < column.length; ++i) pixel(b, s, row, column, column.first + i, from, to);
      }
    });
  }

  void pixel(vector::builder& b, steps const& s, pool_run const& row, pool_run const& column, std::int64_t at,
             std::int64_t from, std::int64_t to) const {
    auto const start = from + x.position(at, column.begin) * block_bytes();
    for (std::int64_t within = 0; within < block_bytes(); within += b.lanes() * vector::size_of(element)) {
      auto value = row.taps() * column.taps() <= most_unrolled_taps ? unrolled(b, s, row, column, start + within)
                                                                    : looped(b, s, row, column, start + within);
      if (kind == pooling_kind::average) {
        auto const scale = b.constant(1.0f / static_cast<float>(row.count * column.count));
        value = b.binary(vector::opcode::mul, value, scale);
      }
      b.store(s.out.at(to + at * block_bytes() + within), value);
    }
  }

  vector::opcode fold() const { return kind == pooling_kind::max ? vector::opcode::max : vector::opcode::add; }

  vector::reg unrolled(vector::builder& b, steps const& s, pool_run const& row, pool_run const& column,
                       std::int64_t start) const {
    auto const value = b.load(s.in.at(start));
    for (std::int64_t ky = 0; ky < row.taps(); ++ky)
      for (std::int64_t kx = ky == 0 ? 1 : 0; kx < column.taps(); ++kx)
        b.binary_to(value, fold(), value, s.in.at(start + (ky * y.dilation * x.in + kx * x.dilation) * block_bytes()));
    return value;
  }

  vector::reg looped(vector::builder& b, steps const& s, pool_run const& row, pool_run const& column,
                     std::int64_t start) const {
    // The first tap starts the maximum and is met once more; a sum starts at 0.
    auto const value = kind == pooling_kind::max ? b.load(s.taps.at(start)) : b.zero();
    b.loop(row.taps(), {{s.taps, y.dilation * x.in * block_bytes()}}, [&] {
      for (std::int64_t kx = 0; kx < column.taps(); ++kx)
        b.binary_to(value, fold(), value, s.taps.at(start + kx * x.dilation * block_bytes()));
    });
    return value;
  }
};

}  // namespace sinter::detail
