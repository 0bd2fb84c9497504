#pragma once

#include <sinter/schedules/interleave.hpp>
#include <sinter/schedules/tile_product.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

/// The products of attention by tiles of bfloat16, on machines with AMX; see attention.hpp. Distances are in bytes.
///
///     q = bfloat16(scale * Q)                       in scratch
///     s = q · packed keys                           float32, in scratch
///     s = bfloat16(e^(s - greatest))                by attention_kernel, in place
///     y = s · packed values
namespace sinter::detail {

inline constexpr std::int64_t bytes_of_tile = tile_rows * 64;

/// Keys of one head as tiles read them: [16 keys][32 elements]: 16 pairs of elements of each key side by side; an even
/// number of blocks of 16 keys, 0 behind the last key and element.
struct tiled_keys {
  std::int64_t keys = 1, width = 1;

  std::int64_t chunks() const { return ceil_div(width, tile_depth); }
  std::int64_t blocks() const { return 2 * ceil_div(keys, tile_depth); }
  std::int64_t block_bytes() const { return chunks() * bytes_of_tile; }
  std::int64_t key_bytes() const { return block_bytes() / channel_block; }
  std::int64_t bytes() const { return blocks() * block_bytes(); }
};

/// Values of one head: [32 keys][16 elements]: pairs of keys of each element side by side, 0 behind the last key.
struct tiled_values {
  std::int64_t keys = 1, width = 1;

  std::int64_t blocks() const { return width / channel_block; }
  std::int64_t chunks() const { return ceil_div(keys, tile_depth); }
  std::int64_t chunk_bytes() const { return blocks() * bytes_of_tile; }
  std::int64_t key_bytes() const { return chunk_bytes() / tile_depth; }
  std::int64_t bytes() const { return chunks() * chunk_bytes(); }
};

/// The bits of 32 numbers at `at` as bfloat16; those from `count`, 16 or 32, on are 0.
inline vector::reg load_rounded(vector::builder& b, vector::pointer from, std::int64_t at, std::int64_t count) {
  auto const low = b.load(from.at(at));
  auto const pairs = b.pack_bf16(low, count > channel_block ? b.load(from.at(at + 64)) : b.zero());
  return b.unary(vector::opcode::floats, pairs);
}

/// Copies `p.keys` keys, rows `row` bytes apart, to where `tiled_keys` says.
inline vector::program pack_key_tiles_kernel(tiled_keys const& p, std::int64_t row, target const& t) {
  vector::builder b("pack_key_tiles", t.lanes());
  auto const k = b.argument("k", vector::access::in, (p.keys - 1) * row + p.width * 4);
  auto const to = b.argument("packed", vector::access::out, p.bytes());
  auto const square = [&](std::int64_t present, std::int64_t at, std::int64_t count, std::int64_t to_at) {
    std::vector<vector::reg> words;
    for (std::int64_t i = 0; i < tile_rows; ++i)
      words.push_back(i < present ? load_rounded(b, k, at + i * row, count) : b.zero());
    b.transpose(words);
    for (std::int64_t i = 0; i < tile_rows; ++i) b.store(to.at(to_at + i * 64), words[static_cast<std::size_t>(i)]);
  };
  auto const block = [&](std::int64_t present, std::int64_t number) {
    auto const whole = p.width / tile_depth, from = number * tile_rows * row, into = number * p.block_bytes();
    if (whole > 0)
      b.loop(whole, {{k, tile_depth * 4}, {to, bytes_of_tile}}, [&] { square(present, from, tile_depth, into); });
    if (whole < p.chunks())
      square(present, from + whole * tile_depth * 4, p.width % tile_depth, into + whole * bytes_of_tile);
  };
  auto const whole = p.keys / tile_rows;
  if (whole > 0) b.loop(whole, {{k, tile_rows * row}, {to, p.block_bytes()}}, [&] { block(tile_rows, 0); });
  for (auto number = whole; number < p.blocks(); ++number)
    block(std::max<std::int64_t>(0, p.keys - number * tile_rows), number);
  return std::move(b).take();
}

/// Copies the values of `p.keys` keys, rows `row` bytes apart, to where `tiled_values` says.
inline vector::program pack_value_tiles_kernel(tiled_values const& p, std::int64_t row, target const& t) {
  vector::builder b("pack_value_tiles", t.lanes());
  auto const v = b.argument("v", vector::access::in, (p.keys - 1) * row + p.width * 4);
  auto const to = b.argument("packed", vector::access::out, p.bytes(), vector::element::i32);
  auto const pair = [&](std::int64_t present, std::int64_t number) {
    auto const from = 2 * number * row, into = number / tile_rows * p.chunk_bytes() + number % tile_rows * 64;
    for (std::int64_t block = 0; block < p.blocks(); ++block) {
      auto const load = [&](std::int64_t i) {
        return i < present ? b.load(v.at(from + i * row + block * 64)) : b.zero();
      };
      auto const first = load(0);
      b.store(to.at(into + block * bytes_of_tile), paired_bfloat16(b, first, load(1)));
    }
  };
  auto const chunks = p.keys / tile_depth;
  if (chunks > 0)
    b.loop(chunks, {{v, tile_depth * row}, {to, p.chunk_bytes()}}, [&] {
      b.loop(tile_rows, {{v, 2 * row}, {to, 64}}, [&] { pair(2, 0); });
    });
  for (auto number = chunks * tile_rows; number < p.chunks() * tile_rows; ++number)
    pair(std::clamp<std::int64_t>(p.keys - 2 * number, 0, 2), number);
  return std::move(b).take();
}

/// A matrix whose tiles lie `next` bytes apart along the sums; `row`: between the rows of a tile, `block`: between
/// tiles side by side.
struct tiled_matrix {
  vector::pointer at{};
  std::int64_t row = 0, block = 0, next = 0;
};

/// The products of up to 32 queries with the keys and values of a head, which are packed.
struct tile_attention {
  std::int64_t rows = 1;
  tiled_keys keys{};
  tiled_values values{};
  std::int64_t q_row = 0, y_row = 0, score_row = 0;
  float scale = 1;

  /// Rounded queries.
  std::int64_t scratch_bytes() const { return rows * keys.chunks() * 64; }

  /// rounded = bfloat16(scale * q)
  void round_queries(vector::builder& b, vector::pointer q, vector::pointer rounded) const {
    auto const factor = b.constant(scale);
    auto const number = [&](std::int64_t first) {
      if (first >= keys.width) return b.zero();
      return b.binary(vector::opcode::mul, factor, q.at(first * 4));
    };
    b.loop(rows, {{q, q_row}, {rounded, keys.chunks() * 64}}, [&] {
      for (std::int64_t chunk = 0; chunk < keys.chunks(); ++chunk) {
        auto const low = number(chunk * tile_depth), high = number(chunk * tile_depth + channel_block);
        b.store(rounded.at(chunk * 64), b.unary(vector::opcode::floats, b.pack_bf16(low, high)));
      }
    });
  }

  /// s = rounded · k
  void scores(vector::builder& b, vector::pointer rounded, vector::pointer k, vector::pointer s) const {
    b.loop(keys.blocks() / 2, {{k, 2 * keys.block_bytes()}, {s, 128}}, [&] {
      multiply(b, {rounded, keys.chunks() * 64, 0, 64}, {k, 64, keys.block_bytes(), bytes_of_tile}, {s, score_row, 64},
               keys.chunks(), 2);
    });
  }

  /// y = s · v
  void mix(vector::builder& b, vector::pointer s, vector::pointer v, vector::pointer y) const {
    auto const add = [&](std::int64_t first, std::int64_t blocks) {
      multiply(b, {s, score_row, 0, 64}, {v + first * bytes_of_tile, 64, bytes_of_tile, values.chunk_bytes()},
               {y + first * 64, y_row, 64}, values.chunks(), blocks);
    };
    auto const whole = values.blocks() / 2;
    if (whole > 0) b.loop(whole, {{v, 2 * bytes_of_tile}, {y, 128}}, [&] { add(0, 2); });
    if (values.blocks() % 2 != 0) add(whole * 2, 1);
  }

 private:
  /// y = x · w, `blocks` blocks of columns.
  void multiply(vector::builder& b, tiled_matrix const& x, tiled_matrix const& w, tiled_matrix const& y,
                std::int64_t chunks, std::int64_t blocks) const {
    struct tile {
      std::int64_t first, rows, block;
      vector::reg sum;
    };
    std::vector<tile> tiles;
    for (std::int64_t block = 0; block < blocks; ++block)
      for (std::int64_t row = 0; row < rows; row += tile_rows) {
        auto const height = std::min(tile_rows, rows - row);
        tiles.push_back({row, height, block, b.tile_zero(height, 64)});
      }
    b.loop(chunks, {{x.at, x.next}, {w.at, w.next}}, [&] {
      std::vector<vector::reg> left;
      vector::reg right{};
      for (auto const& t : tiles) {
        if (t.first == 0) right = b.tile_load(w.at.at(t.block * w.block), tile_rows, 64, w.row);
        if (t.block == 0) left.push_back(b.tile_load(x.at.at(t.first * x.row), t.rows, 64, x.row));
        b.tile_dot_to(t.sum, vector::opcode::tile_dot2_bf16, left[static_cast<std::size_t>(t.first / tile_rows)],
                      right);
      }
    });
    for (auto const& t : tiles) b.tile_store(y.at.at(t.first * y.row + t.block * y.block), t.sum, t.rows, 64, y.row);
  }
};

}  // namespace sinter::detail
