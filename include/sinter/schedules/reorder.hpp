#pragma once

#include <sinter/schedules/schedule.hpp>
#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// Changes of layout, row-major [N,C,spatial…] to and from blocked.
///
///     for item, channel block, run of pixels:                        (grid)
///       for half of the block (one half if a register holds 16):
///         for square of `lanes` pixels:
///           load a row a channel, transpose, store a vector a pixel   (or the other way round)
///
/// Rows past the last channel are zeros in the blocked tensor. With one pixel a channel it is a copy of runs.
namespace sinter {

namespace detail {

/// One task: `channels` <= 16 rows of `length` pixels, rows `row_bytes` apart.
struct reorder_task {
  bool to_blocked = true;
  std::int64_t channels = 16, length = 1, row_bytes = 4;
  vector::element element = vector::element::f32;  ///< what fits float32

  std::int64_t size() const { return vector::size_of(element); }
  std::int64_t block_bytes() const { return channel_block * size(); }
  std::int64_t rows_reach() const { return (channels - 1) * row_bytes + length * size(); }
  vector::program build(target const& t) const;

 private:
  void square(vector::builder& b, vector::pointer rows, vector::pointer pixels, std::int64_t first,
              std::int64_t count) const;
};

/// Channels `first` … `first + lanes - 1` of `count` <= lanes pixels at the streams' positions.
inline void reorder_task::square(vector::builder& b, vector::pointer rows, vector::pointer pixels, std::int64_t first,
                                 std::int64_t count) const {
  auto const lanes = b.lanes();
  std::vector<vector::reg> r;
  for (int i = 0; i < lanes; ++i) {
    bool const inside = to_blocked ? first + i < channels : i < count;
    if (!inside)
      r.push_back(b.zero());
    else if (to_blocked)
      r.push_back(b.load(rows.at((first + i) * row_bytes), static_cast<std::int32_t>(count)));
    else
      r.push_back(b.load(pixels.at(i * block_bytes() + first * size())));
  }
  b.transpose(r);
  for (int i = 0; i < lanes; ++i) {
    auto const value = r[static_cast<std::size_t>(i)];
    if (to_blocked && i < count) b.store(pixels.at(i * block_bytes() + first * size()), value);
    if (!to_blocked && first + i < channels)
      b.store(rows.at((first + i) * row_bytes), value, static_cast<std::int32_t>(count));
  }
}

inline vector::program reorder_task::build(target const& t) const {
  vector::builder b(to_blocked ? "to_blocked" : "to_row_major", t.lanes());
  auto const all = length * block_bytes();
  auto const alignment = static_cast<std::int32_t>(size());
  auto const from = b.argument("x", vector::access::in, to_blocked ? rows_reach() : all, element, alignment);
  auto const to = b.argument("y", vector::access::out, to_blocked ? all : rows_reach(), element, alignment);
  auto const rows = b.stream("rows", to_blocked ? from : to, 0), pixels = b.stream("pixels", to_blocked ? to : from, 0);
  auto const squares = length / t.lanes(), rest = length % t.lanes();
  auto const last_rows = b.stream("last_rows", rows, squares * size() * t.lanes());
  auto const last_pixels = b.stream("last_pixels", pixels, squares * block_bytes() * t.lanes());
  auto const halves = [&](vector::pointer at_rows, vector::pointer at_pixels, std::int64_t count) {
    for (std::int64_t first = 0; first < 16; first += t.lanes())
      if (to_blocked || first < channels) square(b, at_rows, at_pixels, first, count);
  };
  if (squares > 0)
    b.loop(squares, {{rows, size() * t.lanes()}, {pixels, block_bytes() * t.lanes()}},
           [&] { halves(rows, pixels, t.lanes()); });
  if (rest > 0) halves(last_rows, last_pixels, rest);
  return std::move(b).take();
}

/// Copies `count` elements; zeros up to `filled`.
inline vector::program copy_row(std::int64_t count, std::int64_t filled, vector::element e, target const& t) {
  vector::builder b("copy", t.lanes());
  std::int64_t const size = vector::size_of(e), bytes = size * t.lanes();
  auto const x = b.argument("x", vector::access::in, count * size, e, static_cast<std::int32_t>(size));
  auto const y = b.argument("y", vector::access::out, filled * size, e, static_cast<std::int32_t>(size));
  auto const turns = count / t.lanes(), done = turns * t.lanes(), rest = count - done;
  if (turns > 0) b.loop(turns, {{x, bytes}, {y, bytes}}, [&] { b.store(y.at(0), b.load(x.at(0))); });
  auto at = done;
  if (rest > 0) {
    auto const value = b.load(x.at(done * size), static_cast<std::int32_t>(rest));
    auto const written = std::min<std::int64_t>(t.lanes(), filled - done);
    b.store(y.at(done * size), value, static_cast<std::int32_t>(written));
    at += written;
  }
  for (; at < filled; at += t.lanes())
    b.store(y.at(at * size), b.zero(), static_cast<std::int32_t>(std::min<std::int64_t>(t.lanes(), filled - at)));
  return std::move(b).take();
}

/// The elements that go through registers of float32 as they are.
inline vector::element reordered_element(dtype type) {
  switch (type) {
    case dtype::int8: return vector::element::s8;
    case dtype::uint8: return vector::element::u8;
    default: SINTER_ASSERT(type == dtype::float32); return vector::element::f32;
  }
}

/// One pixel a channel: rows of channels, padded in the blocked tensor.
inline fragment reorder_rows(operand_info const& from, operand_info const& to, target const& t) {
  auto const& s = from.shape();
  auto const padded = round_up(s[1], channel_block);
  auto const filled = to.how == layout::blocked ? padded : s[1];
  address const in{.in = space::input, .stride = {item_stride(from)}};
  address const out{.in = space::output, .stride = {item_stride(to)}};
  fragment code;
  code.add(copy_row(s[1], filled, reordered_element(from.type.element), t), {s[0]}, {in, out});
  return code;
}

}  // namespace detail

/// Code that copies a tensor of float32, int8 or uint8 and rank >= 2 into another layout; input 0 to output 0.
inline fragment build_reorder(operand_info const& from, operand_info const& to, target const& t) {
  SINTER_ASSERT(from.how != to.how && from.shape() == to.shape() && from.shape().rank() >= 2);
  auto const element = detail::reordered_element(from.type.element);
  std::int64_t const size = vector::size_of(element), block_bytes = channel_block * size;
  auto const& s = from.shape();
  auto const pixels = pixels_of(s);
  if (pixels == 1) return detail::reorder_rows(from, to, t);
  bool const to_blocked = to.how == layout::blocked;
  fragment code;
  // Runs of pixels start at multiples of 16, so that whole squares prevail.
  auto const length = round_up(ceil_div(pixels, ceil_div(pixels, task_bytes / 64)), 16);
  for (auto const& blocks : full_runs(s[1], channel_block))
    for (auto const& piece : full_runs(pixels, length)) {
      detail::reorder_task const task{.to_blocked = to_blocked,
                                      .channels = blocks.length,
                                      .length = piece.length,
                                      .row_bytes = pixels * size,
                                      .element = element};
      auto const block = blocks.first / channel_block;
      address const rows{.offset = (blocks.first * pixels + piece.first) * size,
                         .stride = {item_stride(to_blocked ? from : to), pixels * block_bytes, piece.length * size}};
      address const vectors{
          .offset = (block * pixels + piece.first) * block_bytes,
          .stride = {item_stride(to_blocked ? to : from), pixels * block_bytes, piece.length * block_bytes}};
      auto in = to_blocked ? rows : vectors, out = to_blocked ? vectors : rows;
      in.in = space::input, out.in = space::output;
      code.add(task.build(t), {s[0], blocks.count, piece.count, 1}, {in, out});
    }
  return code;
}

}  // namespace sinter
