#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include "passes/random_inputs.hpp"
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

using namespace sinter;
using namespace sinter::test;

namespace {

/// Attention written out, how many groups of nodes are computed as one, and whether something is copied besides.
struct written_attention {
  std::string_view name;
  std::size_t groups;
  std::string_view text;
  bool copies = false;
};

written_attention const written[] = {
    {"heads as they are, keys turned", 1, R"(
  input q: float[2x3x5x8]
  input k: float[2x3x37x8]
  input v: float[2x3x37x12]
  kt = Transpose(k) {perm = [0, 1, 3, 2]}
  s = MatMul(q, kt)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, v)
)"},
    {"heads cut out of rows, a scale and a mask of the keys", 1, R"(
  input x: float[2x19x32]
  input mask: float[2x1x1x19]
  const wq = float[32x32] random(1)
  const wk = float[32x32] random(2)
  const wv = float[32x32] random(3)
  const split = int64[4] {2, 19, 4, 8}
  const flat = int64[3] {2, 19, 32}
  const root = float[] {2.5}
  q0 = MatMul(x, wq)
  k0 = MatMul(x, wk)
  v0 = MatMul(x, wv)
  q1 = Reshape(q0, split)
  k1 = Reshape(k0, split)
  v1 = Reshape(v0, split)
  q = Transpose(q1) {perm = [0, 2, 1, 3]}
  k = Transpose(k1) {perm = [0, 2, 3, 1]}
  v = Transpose(v1) {perm = [0, 2, 1, 3]}
  s = MatMul(q, k)
  d = Div(s, root)
  a = Add(d, mask)
  p = Softmax(a) {axis = -1}
  m = MatMul(p, v)
  n = Transpose(m) {perm = [0, 2, 1, 3]}
  y = Reshape(n, flat)
)"},
    {"scales before the product, a bias of each head, one key head for all", 1, R"(
  input q: float[2x5x4x8]
  input k: float[2x1x6x8]
  input v: float[2x1x6x8]
  const bias = float[4x5x6] random(4)
  const root = float[] {0.6}
  t = Transpose(q) {perm = [0, 2, 1, 3]}
  a = Mul(t, root)
  u = Transpose(k) {perm = [0, 1, 3, 2]}
  b = Mul(u, root)
  s = MatMul(a, b)
  d = Add(s, bias)
  p = Softmax(d) {axis = -1}
  m = MatMul(p, v)
  y = Transpose(m) {perm = [0, 2, 1, 3]}
)"},
    {"results of which rows are no runs", 0, R"(
  input q: float[1x5x8]
  input k: float[1x8x6]
  input v: float[1x6x12]
  s = MatMul(q, k)
  p = Softmax(s) {axis = -1}
  m = MatMul(p, v)
  y = Transpose(m) {perm = [2, 0, 1]}
)"},
    {"a mask that hides all keys of a query, whose weights are then 0", 1, R"(
  input q: float[2x3x8]
  input k: float[2x4x8]
  input v: float[2x4x8]
  const mask = float[3x4] {0, -inf, 1, 0, -inf, -inf, -inf, -inf, 2, 0, 0, -inf}
  const none = float[] {0}
  t = Transpose(k) {perm = [0, 2, 1]}
  s = MatMul(q, t)
  d = Add(s, mask)
  p = Softmax(d) {axis = -1}
  b = IsNaN(p)
  w = Where(b, none, p)
  y = MatMul(w, v)
)"},
    {"queries, keys and values stacked in the columns of one product", 1, R"(
  input x: float[3x7x16]
  const w = float[16x48] random(1)
  const split = int64[5] {3, 7, 3, 2, 8}
  const flat = int64[3] {3, 7, 16}
  const first = int64[] {0}
  const second = int64[] {1}
  const third = int64[] {2}
  const root = float[] {0.6}
  a = MatMul(x, w)
  b = Reshape(a, split)
  c = Transpose(b) {perm = [2, 0, 3, 1, 4]}
  q = Gather(c, first) {axis = 0}
  k = Gather(c, second) {axis = 0}
  v = Gather(c, third) {axis = 0}
  d = Mul(q, root)
  t = Transpose(k) {perm = [0, 1, 3, 2]}
  s = MatMul(d, t)
  p = Softmax(s) {axis = -1}
  m = MatMul(p, v)
  n = Transpose(m) {perm = [0, 2, 1, 3]}
  y = Reshape(n, flat)
)"},
    {"parts of rows, an axis of one element before all others, a scale between Transposes", 1, R"(
  input x: float[1x3x7x40]
  const bias = float[1x1x2x7x7] random(4)
  const sizes = int64[3] {16, 16, 8}
  const wide = int64[5] {1, 3, 7, 2, 8}
  const narrow = int64[5] {1, 3, 7, 2, 4}
  const root = float[] {0.6}
  q, k, v = Split(x, sizes) {axis = 3}
  qs = Reshape(q, wide)
  ks = Reshape(k, wide)
  vs = Reshape(v, narrow)
  qt = Transpose(qs) {perm = [0, 1, 3, 2, 4]}
  kt = Transpose(ks) {perm = [0, 1, 3, 2, 4]}
  vt = Transpose(vs) {perm = [0, 1, 3, 2, 4]}
  kr = Mul(kt, root)
  kc = Transpose(kr) {perm = [0, 1, 2, 4, 3]}
  s = MatMul(qt, kc)
  b = Add(s, bias)
  p = Softmax(b) {axis = -1}
  m = MatMul(p, vt)
  y = Transpose(m) {perm = [0, 1, 3, 2, 4]}
)"},
    {"a part that something else needs, too", 1, R"(
  input x: float[2x7x24]
  const sizes = int64[3] {8, 8, 8}
  q, k, v = Split(x, sizes) {axis = 2}
  t = Transpose(k) {perm = [0, 2, 1]}
  s = MatMul(q, t)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, v)
  z = Neg(v)
  output z
)",
     true},
    {"a part of which two axes are one", 1, R"(
  input x: float[2x3x4x6]
  input k: float[2x8x6]
  const zero = int64[1] {0}
  const two = int64[1] {2}
  const axis = int64[1] {1}
  const rows = int64[3] {2, 8, 6}
  c = Slice(x, zero, two, axis)
  v = Reshape(c, rows)
  t = Transpose(k) {perm = [0, 2, 1]}
  s = MatMul(k, t)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, v)
)"},
    {"parts of which an axis crosses runs", 1, R"(
  input x: float[4x3x2x6]
  input k: float[2x8x6]
  const zero = int64[1] {0}
  const two = int64[1] {2}
  const axis = int64[1] {1}
  const rows = int64[3] {2, 8, 6}
  c = Slice(x, zero, two, axis)
  v = Reshape(c, rows)
  t = Transpose(k) {perm = [0, 2, 1]}
  s = MatMul(k, t)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, v)
)",
     true},
    {"weights that are an output, too", 0, R"(
  input q: float[2x3x5x8]
  input k: float[2x3x8x6]
  input v: float[2x3x6x8]
  s = MatMul(q, k)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, v)
  output p
)"},
};

/// Steps of the program of a graph by a schedule.
std::size_t steps_by(graph g, std::string_view schedule) {
  optimize(g);
  auto const p = plan(g, {.machine = target("avx512")});
  return static_cast<std::size_t>(
      std::ranges::count_if(p.steps, [&](program_step const& s) { return s.by == schedule; }));
}

}  // namespace

TEST_CASE("attention written out is computed as one and agrees with evaluation") {
  for (auto const& c : written) {
    INFO(c.name);
    auto const g = parse("graph opset 17 {" + std::string(c.text) + "  output y\n}\n");
    CHECK((steps_by(g, "attention") > 0) == (c.groups > 0));
    CHECK((steps_by(g, "copy") > 0) == c.copies);
    auto const inputs = random_inputs(g);
    auto const interpreted = run_compiled(g, inputs, {.interpret = true});
    CHECK(difference(interpreted, evaluate(g, inputs)) == "");
    for (auto const set : {"avx512", "avx2"})
      if (native_target().covers(set)) CHECK(equal_bits(interpreted, run_compiled(g, inputs, {.set = set})));
  }
}
