#pragma once

#include <sinter/schedules/tasks.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

/// Any selection of channels in blocked layout: concatenations, slices and shuffles, at multiples of 16 or not.
///
///     for item, run of output blocks that are made alike, run of pixels:      (grid)
///       for pixel, register of the block:
///         or together: lanes of each source block, loaded from the first one that is needed and shuffled into place
///
/// Lanes past the last channel become 0. Bits are moved, never computed with.
namespace sinter::detail {

/// Where an output channel comes from.
struct channel_source {
  std::uint32_t input = 0;
  std::int64_t channel = 0;
};

/// `count` lanes of a source block from `first` on; lane i of the result is lane `table[i]` of those, where lanes from
/// `count` on are 0. The block is `distance` blocks after the output's.
struct lane_piece {
  std::uint32_t input = 0;
  std::int64_t distance = 0;
  std::int32_t first = 0, count = 0;
  std::int32_t lanes = 0;  ///< of the table
  std::array<std::int8_t, channel_block> table{};

  std::span<std::int8_t const> used() const { return std::span(table).first(static_cast<std::size_t>(lanes)); }
  bool in_place() const {
    for (std::int32_t i = 0; i < lanes; ++i) {
      auto const from = table[static_cast<std::size_t>(i)];
      if (from != i && (from < count || i < count)) return false;
    }
    return true;
  }
  friend bool operator==(lane_piece const&, lane_piece const&) = default;
};

/// The pieces of each register of one output block.
using block_pieces = std::vector<std::vector<lane_piece>>;

/// Where a lane of an output block comes from: ordered by blocks, then by lanes in them.
struct lane_move {
  std::uint32_t input = 0;
  std::int64_t block = 0;
  std::int32_t from = 0, to = 0;
  friend auto operator<=>(lane_move const&, lane_move const&) = default;
  bool same_block(lane_move const& other) const { return input == other.input && block == other.block; }
};

/// The pieces of the `lanes` output channels from `first` on.
inline std::vector<lane_piece> register_pieces(std::vector<channel_source> const& map, std::int64_t first,
                                               std::int32_t lanes) {
  std::array<lane_move, channel_block> all;
  std::size_t count = 0;
  for (std::int32_t i = 0; i < lanes && first + i < static_cast<std::int64_t>(map.size()); ++i) {
    auto const& from = map[static_cast<std::size_t>(first + i)];
    all[count++] = {from.input, from.channel / channel_block, static_cast<std::int32_t>(from.channel % channel_block),
                    i};
  }
  auto const moves = std::span(all).first(count);
  std::ranges::sort(moves);
  bool const everything = static_cast<std::int32_t>(count) == lanes && moves.front().same_block(moves.back()) &&
                          moves.back().from - moves.front().from < lanes;
  auto const most = everything ? lanes : lanes - 1;  // a lane stays free to be 0
  std::vector<lane_piece> pieces;
  for (std::size_t i = 0; i < count;) {
    auto const& start = moves[i];
    lane_piece piece{
        .input = start.input, .distance = start.block - first / channel_block, .first = start.from, .lanes = lanes};
    std::fill_n(piece.table.begin(), lanes, static_cast<std::int8_t>(lanes - 1));
    for (; i < count && moves[i].same_block(start) && moves[i].from - start.from < most; ++i) {
      auto const from = moves[i].from - start.from;
      piece.table[static_cast<std::size_t>(moves[i].to)] = static_cast<std::int8_t>(from);
      piece.count = from + 1;
    }
    pieces.push_back(piece);
  }
  return pieces;
}

/// A kernel for one output block and `pixels` pixels, and the source blocks that are its arguments before the output.
struct channel_kernel {
  block_pieces pieces{};
  std::int64_t pixels = 1;
  vector::element element = vector::element::i32;

  std::int64_t block_bytes() const { return channel_block * vector::size_of(element); }
  std::vector<std::pair<std::uint32_t, std::int64_t>> sources() const {
    std::vector<std::pair<std::uint32_t, std::int64_t>> blocks;
    for (auto const& part : pieces)
      for (auto const& piece : part) blocks.emplace_back(piece.input, piece.distance);
    std::ranges::sort(blocks);
    blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
    return blocks;
  }

  vector::recipe recipe(target const& t) const {
    vector::recipe_key key("channels", t);
    auto const blocks = sources();
    auto const add_piece = [&](vector::recipe_key& k, lane_piece const& piece) {
      k.add(which(blocks, piece)).add(piece.first).add(piece.count).add_all(piece.used());
    };
    key.add(pixels)
        .add(element)
        .add(blocks.size())
        .add_all(pieces,
                 [&](vector::recipe_key& k, std::vector<lane_piece> const& part) { k.add_all(part, add_piece); });
    return {key.take(), [kernel = *this, t] { return kernel.build(t); }};
  }

 private:
  /// The number of a piece's block among the sources.
  static std::size_t which(std::vector<std::pair<std::uint32_t, std::int64_t>> const& blocks, lane_piece const& piece) {
    return static_cast<std::size_t>(std::ranges::find(blocks, std::pair(piece.input, piece.distance)) - blocks.begin());
  }

  vector::program build(target const& t) const {
    vector::builder b("channels", t.lanes());
    auto const blocks = sources();
    std::vector<vector::pointer> from;
    auto const unroll = std::min<std::int64_t>(pixels, 4);
    std::vector<std::pair<vector::pointer, std::int64_t>> steps;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      from.push_back(b.argument("x" + std::to_string(i), vector::access::in, pixels * block_bytes(), element,
                                vector::size_of(element)));
      steps.emplace_back(from.back(), unroll * block_bytes());
    }
    auto const size = vector::size_of(element);
    auto const to = b.argument("y", vector::access::out, pixels * block_bytes(), element, size);
    steps.emplace_back(to, unroll * block_bytes());
    auto const move = [&](std::int64_t pixel) {
      for (std::size_t part = 0; part < pieces.size(); ++part) {
        vector::reg value;
        for (auto const& piece : pieces[part]) {
          auto const p = from[which(blocks, piece)];
          auto x = b.load(p.at(pixel * block_bytes() + std::int64_t{size} * piece.first), piece.count,
                          vector::register_type::i32);
          if (!piece.in_place()) x = b.shuffle(x, {piece.used().begin(), piece.used().end()});
          value = value ? b.binary(vector::opcode::ior, value, x, vector::register_type::i32) : x;
        }
        if (!value) value = b.constant_i32(0);
        b.store(to.at(pixel * block_bytes() + static_cast<std::int64_t>(part) * b.lanes() * size), value);
      }
    };
    b.loop(pixels / unroll, steps, [&] {
      for (std::int64_t p = 0; p < unroll; ++p) move(p);
    });
    for (auto p = pixels / unroll * unroll; p < pixels; ++p) move(p);
    return std::move(b).take();
  }
};

/// Adds grids that make output `output` of `n`, blocked, from channels of the blocked inputs. Blocks of inputs that are
/// placed in the output are left alone.
inline void move_channels(fragment& code, scheduled_node const& n, std::uint32_t output,
                          std::vector<channel_source> const& map, target const& t) {
  auto const& out = n.outputs[output];
  auto const pixels = pixels_of(out.shape());
  std::vector<std::pair<tile_run, block_pieces>> runs;
  for (std::int64_t block = 0; block < channel_blocks_of(out.shape()); ++block) {
    auto const first = static_cast<std::size_t>(block * 16);
    if (first < map.size() && n.inputs[map[first].input].placed) continue;
    block_pieces pieces;
    for (std::int32_t lane = 0; lane < 16; lane += t.lanes())
      pieces.push_back(register_pieces(map, block * 16 + lane, t.lanes()));
    if (!runs.empty() && runs.back().second == pieces && runs.back().first.first + runs.back().first.count == block)
      ++runs.back().first.count;
    else
      runs.emplace_back(tile_run{block, 1, 1}, std::move(pieces));
  }
  for (auto const& [blocks, pieces] : runs)
    for (auto const& piece : equal_runs(pixels, task_bytes / 64)) {
      channel_kernel const kernel{.pieces = pieces, .pixels = piece.length, .element = moved_element(out)};
      auto const pixel = kernel.block_bytes();
      std::vector<address> arguments;
      for (auto const& [input, distance] : kernel.sources())
        arguments.push_back({.in = space::input,
                             .index = input,
                             .offset = ((blocks.first + distance) * pixels + piece.first) * pixel,
                             .stride = {item_stride(n.inputs[input]), pixels * pixel, piece.length * pixel}});
      arguments.push_back({.in = space::output,
                           .index = output,
                           .offset = (blocks.first * pixels + piece.first) * pixel,
                           .stride = {item_stride(out), pixels * pixel, piece.length * pixel}});
      code.add(kernel.recipe(t), {out.shape()[0], blocks.count, piece.count}, std::move(arguments));
    }
}

}  // namespace sinter::detail
