#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>

/// Layers of decoders with a cache of keys and values, as exporters write them, for tests. Each adds `rows` rows a run:
/// x, k, v to y, k_next, v_next.
namespace sinter::test {

/// Projections and the cache; `positions` are added first, those behind what is cached.
inline std::string cached_heads_text(std::int64_t rows) {
  return fmt::format(R"(
graph opset 18 {{
  input x: float[1x{0}x24]
  input k: float declared [1, 3, past, 8]
  input v: float declared [1, 3, past, 8]
  const table = float[400x24] random(7)
  const w = float[24x72] random(1)
  const o = float[24x24] random(2)
  const heads = int64[4] {{1, {0}, 3, 8}}
  const flat = int64[3] {{1, {0}, 24}}
  const two = int64[] {{2}}
  const one = int64[] {{1}}
  const zero = int64[] {{0}}
  const rows = int64[] {{{0}}}
  const ones = int64[1] {{1}}
  const zero_axis = int64[1] {{0}}
  const one_axis = int64[1] {{1}}
  const unit = bool[] {{1}}
  const root = float[] {{2.83}}
  const nothing = float[] {{0}}
  const hidden = float[] {{-3.4e38}}
  s = Shape(k)
  n = Gather(s, two) {{axis = 0}}
  total = Add(n, rows)
  places = Range(n, total, one)
  position = Gather(table, places)
  placed = Add(x, position)
  qkv = MatMul(placed, w)
  q0, k0, v0 = Split(qkv) {{axis = 2, num_outputs = 3}}
  q1 = Reshape(q0, heads)
  k1 = Reshape(k0, heads)
  v1 = Reshape(v0, heads)
  q = Transpose(q1) {{perm = [0, 2, 1, 3]}}
  k2 = Transpose(k1) {{perm = [0, 2, 1, 3]}}
  v2 = Transpose(v1) {{perm = [0, 2, 1, 3]}}
  k_next = Concat(k, k2) {{axis = 2}}
  v_next = Concat(v, v2) {{axis = 2}}
)",
                     rows);
}

inline constexpr std::string_view merged_heads_text = R"(
  m = MatMul(p, v_next)
  merged = Transpose(m) {perm = [0, 2, 1, 3]}
  rows_of_heads = Reshape(merged, flat)
  y = MatMul(rows_of_heads, o)
  output y
  output k_next
  output v_next
})";

/// One row a run sees all.
inline std::string decoder_text(std::int64_t rows = 1) {
  return cached_heads_text(rows) + R"(
  kt = Transpose(k_next) {perm = [0, 1, 3, 2]}
  scores = MatMul(q, kt)
  scaled = Div(scores, root)
  p = Softmax(scaled) {axis = -1}
)" + std::string(merged_heads_text);
}

/// Rows see those before them: a triangle, of which the last rows are cut out.
inline std::string masked_decoder_text(std::int64_t rows) {
  return cached_heads_text(rows) + R"(
  extent = Unsqueeze(total, zero_axis)
  square = Concat(extent, extent) {axis = 0}
  all = Expand(unit, square)
  triangle = Trilu(all) {upper = 0}
  first = Unsqueeze(n, zero_axis)
  seen = Slice(triangle, first, extent, zero_axis, ones)
  none = Not(seen)
  kt = Transpose(k_next) {perm = [0, 1, 3, 2]}
  scores = MatMul(q, kt)
  scaled = Div(scores, root)
  visible = Where(none, hidden, scaled)
  p = Softmax(visible) {axis = -1}
)" + std::string(merged_heads_text);
}

/// A mask that is added, made of comparisons, and the keys of all places, transposed.
inline constexpr std::string_view added_mask_text = R"(
  columns = Range(zero, total, one)
  column = Unsqueeze(columns, zero_axis)
  row = Unsqueeze(places, one_axis)
  seen = LessOrEqual(column, row)
  mask = Where(seen, nothing, hidden)
  kt = Transpose(k_next) {perm = [0, 1, 3, 2]}
)";

/// The same with a mask that is added.
inline std::string biased_decoder_text(std::int64_t rows) {
  return cached_heads_text(rows) + std::string(added_mask_text) + R"(
  scores = MatMul(q, kt)
  scaled = Div(scores, root)
  visible = Add(scaled, mask)
  p = Softmax(visible) {axis = -1}
)" + std::string(merged_heads_text);
}

/// Attention as PyTorch writes it: both factors scaled, and zeros where a mask hides all keys.
inline std::string guarded_decoder_text(std::int64_t rows) {
  return cached_heads_text(rows) + std::string(added_mask_text) + R"(
  const half = float[] {0.595}
  qs = Mul(q, half)
  ks = Mul(kt, half)
  scores = MatMul(qs, ks)
  visible = Add(scores, mask)
  weights = Softmax(visible) {axis = -1}
  undefined = IsNaN(weights)
  p = Where(undefined, nothing, weights)
)" + std::string(merged_heads_text);
}

}  // namespace sinter::test
