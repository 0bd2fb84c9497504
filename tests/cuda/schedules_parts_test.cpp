#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include <string>
#include <string_view>

using namespace sinter;
using namespace sinter::test;

namespace {

struct parts_case {
  std::string_view name;
  std::size_t launches;
  std::string_view text;
};

parts_case const cases[] = {
    {"ever longer lists, whose parts convolutions and pools write", 8, R"(
  input x: float[2x4x6x6]
  const w0 = float[8x4x1x1] random(1)
  const w1 = float[4x8x3x3] random(2)
  const w2 = float[4x12x3x3] random(3)
  a = Conv(x, w0)
  b = Relu(a)
  c = Conv(b, w1) {pads = [1, 1, 1, 1]}
  d = Concat(b, c) {axis = 1}
  e = Conv(d, w2) {pads = [1, 1, 1, 1]}
  f = Concat(b, c, e) {axis = 1}
  g = MaxPool(f) {kernel_shape = [2, 2], strides = [2, 2]}
  h = AveragePool(f) {kernel_shape = [2, 2], strides = [2, 2]}
  i = Concat(g, h) {axis = 1}
  j = GlobalAveragePool(i)
  y = Sigmoid(j)
)"},
    {"parts of odd lengths", 4, R"(
  input x: float[1x3x5x4]
  const w0 = float[5x3x3x3] random(1)
  const w1 = float[3x3x3x3] random(2)
  const w2 = float[4x8x1x1] random(3)
  a = Conv(x, w0)
  b = Conv(x, w1)
  c = Concat(a, b) {axis = 1}
  d = Conv(c, w2)
  y = Mul(d, d)
)"},
    {"a tensor that is joined twice, and one that nobody computes", 5, R"(
  input x: float[2x4x3x3]
  const w = float[4x4x1x1] random(1)
  a = Conv(x, w)
  b = Concat(a, a, x) {axis = 1}
  y = Sigmoid(b)
)"},
    {"channels that are cut, shuffled and joined", 7, R"(
  input x: float[2x4x3x3]
  const w0 = float[8x4x1x1] random(1)
  const w1 = float[4x4x1x1] random(2)
  const zero = int64[1] {0}
  const four = int64[1] {4}
  const eight = int64[1] {8}
  const one = int64[1] {1}
  const cut = int64[5] {2, 2, 4, 3, 3}
  const whole = int64[4] {2, 8, 3, 3}
  a = Conv(x, w0)
  b = Slice(a, zero, four, one)
  c = Slice(a, four, eight, one)
  d = Conv(c, w1)
  e = Concat(b, d) {axis = 1}
  f = Reshape(e, cut)
  g = Transpose(f) {perm = [0, 2, 1, 3, 4]}
  h = Reshape(g, whole)
  y = Relu(h)
)"},
    {"columns that are read in another shape", 5, R"(
  input x: float[3x16]
  const w = float[16x24] random(1)
  const shape = int64[3] {3, 2, 4}
  a = MatMul(x, w)
  b, c, d = Split(a) {axis = 1, num_outputs = 3}
  e = Reshape(b, shape)
  f = Reshape(c, shape)
  g = Add(e, f)
  h = Tanh(g)
  const flat = int64[2] {3, 8}
  i = Reshape(h, flat)
  const v = float[8x5] random(2)
  const u = float[5x3] random(3)
  j = MatMul(i, v)
  k = MatMul(d, v)
  y = Add(j, k)
  z = MatMul(u, d)
  output z
)"},
    {"parts that outputs of the graph and softmax need side by side", 5, R"(
  input x: float[3x16]
  a = Sigmoid(x)
  b, c = Split(a) {axis = 1, num_outputs = 2}
  d = Softmax(b) {axis = 1}
  y = Add(c, d)
  output c
)"},
};

graph graph_of(parts_case const& c) { return parse("graph opset 18 {" + std::string(c.text) + "  output y\n}\n"); }

}  // namespace

TEST_CASE("parts of tensors are written and read where they lie") {
  for (auto const& c : cases) {
    INFO(c.name);
    CHECK(count_launches(plan_for_cuda(graph_of(c))) == c.launches);
    CHECK(emulated_difference(graph_of(c)) == "");
  }
}
