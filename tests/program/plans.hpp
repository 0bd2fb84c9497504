#pragma once

#include <sinter/graph/text.hpp>
#include <sinter/passes/pass.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/program/verify.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

/// Graphs whose programs have all that programs can have.
namespace sinter::test {

struct planned_graph {
  char const* what;
  char const* text;
};

inline constexpr std::array planned_graphs{
    planned_graph{"convolutions and a residual", R"(
graph opset 13 {
  input x: float[1x3x32x32]
  const w1 = float[32x3x3x3] random(1)
  const w2 = float[32x32x3x3] random(2)
  a = Conv(x, w1) {pads = [1, 1, 1, 1]} as "first one"
  b = Conv(a, w2) {pads = [1, 1, 1, 1]}
  c = Add(b, a)
  y = GlobalAveragePool(c)
  z = Flatten(y)
  output z
})"},
    planned_graph{"Winograd in chunks", R"(
graph opset 13 {
  input x: float[2x64x56x56]
  const w = float[64x64x3x3] random(1)
  const v = float[64x64x1x1] random(2)
  a = Conv(x, v)
  y = Conv(a, w) {pads = [1, 1, 1, 1]}
  output y
})"},
    planned_graph{"Winograd with V in the arena", R"(
graph opset 13 {
  input x: float[1x512x7x7]
  const w = float[512x512x3x3] random(1)
  const v = float[512x512x1x1] random(2)
  a = Conv(x, v)
  y = Conv(a, w) {pads = [1, 1, 1, 1]}
  output y
})"},
    planned_graph{"a recurrence", R"(
graph opset 14 {
  input x: float[5x2x16]
  const w = float[1x64x16] random(1)
  const r = float[1x64x16] random(2)
  y, h, c = LSTM(x, w, r) {hidden_size = 16}
  output y
  output h
})"},
    planned_graph{"host calls with a workspace, constants and omitted operands", R"(
graph opset 18 {
  input x: double[1x2x4x4]
  input k: int64[1]
  const scales = float[4] {1, 1, 2, 2}
  const most = double[] {2}
  a = Resize(x, _, scales) {mode = "cubic"}
  b = Clip(a, _, most)
  v, i = TopK(b, k)
  d = Det(x)
  output b
  output d
})"},
    planned_graph{"an island of several nodes", R"(
graph opset 13 {
  input x: float[8x16]
  const w = float[16x16] random(1)
  const zero = int64[1] {0}
  const s = int64[2] {4, 16}
  a = Relu(x)
  i = NonZero(a)
  p, q = Split(i) {axis = 0}
  j = Squeeze(p, zero)
  g = Gather(a, j) {axis = 0}
  m = MatMul(g, w)
  r: float = Reshape(m, s)
  y = MatMul(r, w)
  output m
  output y
})"},
    planned_graph{"islands", R"(
graph opset 13 {
  input x: float[4]
  const c = float[3] {1, 2, 3}
  a = Relu(x)
  i = NonZero(a)
  y = Transpose(i)
  output y
  output a
  output x
  output c
})"},
};

inline char const* planned_text(std::string_view what) {
  return std::ranges::find(planned_graphs, what, &planned_graph::what)->text;
}

/// Optimises and plans a graph in text form; every plan is validated.
inline program plan_of(std::string const& text, target const& set = "avx512") {
  auto g = parse(text);
  optimize(g);
  auto p = plan(g, {.machine = set});
  verify(p);
  return p;
}

}  // namespace sinter::test
