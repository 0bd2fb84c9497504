#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include "cuda/encoder.hpp"
#include "cuda/residual_network.hpp"
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

/// Programs whose tensors are stored in 16 bits.
using namespace sinter;
using namespace sinter::test;

namespace {

struct stored_case {
  std::string_view name;
  std::string_view text;
};

stored_case const cases[] = {
    {"convolutions of all kinds", R"(
  input x: float[2x3x9x9]
  const w0 = float[16x3x3x3] random(1)
  const b0 = float[16] random(2)
  const w1 = float[16x1x3x3] random(3)
  const w2 = float[16x4x3x3] random(4)
  const w3 = float[16x8x4x4] random(5)
  const w4 = float[8x2x1x1] random(6)
  a = Conv(x, w0, b0) {pads = [1, 1, 1, 1], strides = [2, 2]}
  b = Conv(a, w1) {pads = [1, 1, 1, 1], group = 16}
  c = Conv(b, w2) {pads = [1, 1, 1, 1], group = 4}
  d = Relu(c)
  e = Add(d, a)
  f = ConvTranspose(e, w3) {strides = [2, 2], pads = [1, 1, 1, 1]}
  y = Conv(f, w4) {group = 4}
)"},
    {"pools, resizing, parts and a reduction", R"(
  input x: float[1x3x8x8]
  const w = float[16x3x1x1] random(1)
  const side = float[1x2x4x4] random(2)
  const one = float[4] {1, 1, 2, 2}
  const first = int64[1] {3}
  const end = int64[1] {21}
  const axis = int64[1] {1}
  a = Conv(x, w)
  b = MaxPool(a) {kernel_shape = [2, 2], strides = [2, 2]}
  c = AveragePool(a) {kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]}
  d = Concat(b, side, c) {axis = 1}
  e = Resize(d, _, one) {mode = "linear"}
  f = Slice(e, first, end, axis)
  g = GlobalAveragePool(f)
  y = Mul(f, g)
)"},
    {"channels that are cut, joined and shuffled", R"(
  input x: float[1x3x8x8]
  const w0 = float[16x3x1x1] random(1)
  const w1 = float[8x8x1x1] random(2)
  const w2 = float[8x1x3x3] random(3)
  const split = int64[5] {1, 2, 8, 8, 8}
  const joined = int64[4] {1, 16, 8, 8}
  a = Conv(x, w0)
  b, c = Split(a) {axis = 1, num_outputs = 2}
  d = Conv(c, w1)
  e = Conv(d, w2) {pads = [1, 1, 1, 1], group = 8}
  f = Concat(b, e) {axis = 1}
  g = Reshape(f, split)
  h = Transpose(g) {perm = [0, 2, 1, 3, 4]}
  i = Reshape(h, joined)
  j, k = Split(i) {axis = 1, num_outputs = 2}
  l = Conv(j, w1)
  m = Concat(k, l) {axis = 1}
  y = GlobalMaxPool(m)
)"},
    {"rows, products of activations and a transposed result", R"(
  input x: float[3x5x32]
  const w = float[32x24] random(1)
  const wt = float[24x32] random(2)
  const scale = float[24] random(3)
  const shift = float[24] random(4)
  a = MatMul(x, w)
  b = LayerNormalization(a, scale, shift) {axis = -1}
  c = MatMul(b, wt)
  d = Transpose(c) {perm = [0, 2, 1]}
  e = MatMul(c, d)
  f = Softmax(e) {axis = 1}
  g = MatMul(f, b)
  const flat = int64[2] {15, 24}
  y = Reshape(g, flat)
)"},
    {"groups that are normalized", R"(
  input x: float[2x4x3x3]
  const w = float[8x4x1x1] random(1)
  const scale = float[8] random(2)
  const shift = float[8] random(3)
  a = Conv(x, w)
  y = InstanceNormalization(a, scale, shift)
)"},
    {"a layer of LSTM", R"(
  input x: float[3x2x8]
  const narrow = float[8x8] random(4)
  const w = float[1x64x8] random(1)
  const r = float[1x64x16] random(2)
  const b = float[1x128] random(3)
  a = MatMul(x, narrow)
  y, h, c = LSTM(a, w, r, b) {hidden_size = 16}
  output h
  output c
)"},
    {"a layer of GRU", R"(
  input x: float[3x2x8]
  const narrow = float[8x8] random(4)
  const w = float[1x48x8] random(1)
  const r = float[1x48x16] random(2)
  const b = float[1x96] random(3)
  a = MatMul(x, narrow)
  y = GRU(a, w, r, b) {hidden_size = 16, linear_before_reset = 1}
)"},
    {"filters that are computed", R"(
  input x: float[1x3x6x6]
  input u: float[8x16x3x3]
  input v: float[8x2x2x2]
  const w = float[16x3x1x1] random(1)
  a = Conv(x, w)
  b = Relu(u)
  c = Conv(a, b)
  d = Relu(v)
  y = ConvTranspose(c, d) {group = 2}
)"},
    {"numbers of 16 bits that are quantized", R"(
  input x: float[4x16]
  const w = float[16x16] random(1)
  const scale = float[] {0.0003}
  const zero = int16[] {5}
  a = MatMul(x, w)
  b = QuantizeLinear(a, scale, zero)
  c = DequantizeLinear(b, scale, zero)
  y = MatMul(c, w)
)"},
    {"rows that indices choose", R"(
  input rows: int64[5]
  const table = float[9x16] random(1)
  const w = float[16x16] random(2)
  const few = int64[3] {0, 2, 4}
  a = Gather(table, rows)
  b = MatMul(a, w)
  c = Gather(b, few)
  y = MatMul(c, w)
)"},
    {"heads that matrix units do not take", R"(
  input x: float[2x5x8]
  const w = float[8x8] random(1)
  q = MatMul(x, w)
  k = Transpose(q) {perm = [0, 2, 1]}
  s = MatMul(q, k)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, q)
)"},
    {"a host call between", R"(
  input x: float[2x3x3]
  const w = float[3x3] random(1)
  a = MatMul(x, w)
  b = Det(a)
  y = Neg(b)
)"},
};

graph graph_of(stored_case const& c) { return parse("graph opset 21 {" + std::string(c.text) + "  output y\n}\n"); }

std::vector<std::string> schedules_of(program const& p) {
  std::vector<std::string> names;
  for (auto const& step : p.steps) names.push_back(step.by);
  return names;
}

/// Of the activations of a graph with precision `how`, in units of those in float32.
double arena_ratio(graph const& g, precision how) {
  return static_cast<double>(plan_for_cuda(g, how).arena_bytes) / static_cast<double>(plan_for_cuda(g).arena_bytes);
}

}  // namespace

TEST_CASE("graphs that are stored in 16 bits agree with the CPU") {
  for (auto const& c : cases)
    for (auto const how : {precision::float16, precision::bfloat16}) {
      INFO(c.name << ", " << name(stored_element(how)));
      auto const g = graph_of(c);
      auto const operands = random_inputs(g);
      auto const got = run_emulated(g, operands, {}, {.precision = how});
      CHECK(largest_difference(got, run_compiled(g, operands, {})) < (how == precision::float16 ? 0.01 : 0.08));
    }
}

TEST_CASE("what is stored in 16 bits is computed by the same schedules") {
  for (auto const& c : cases) {
    INFO(c.name);
    auto const g = graph_of(c);
    auto const rounded = schedules_of(plan_for_cuda(g, precision::float16)), exact = schedules_of(plan_for_cuda(g));
    if (c.name.starts_with("a host"))
      CHECK(rounded.size() == exact.size() + 1);  // a cast
    else if (!c.name.starts_with("heads"))        // which become products by matrix units
      CHECK(rounded == exact);
  }
}

TEST_CASE("graphs that are stored in 16 bits agree under every order of threads") {
  auto const g = graph_of(cases[0]);
  auto const operands = random_inputs(g);
  auto const expected = run_emulated(g, operands, {}, {.precision = precision::float16});
  for (auto const& how : emulator::every_option)
    CHECK(equal_bits(run_emulated(g, operands, how, {.precision = precision::float16}), expected));
}

TEST_CASE("an encoder that is stored in 16 bits agrees with the CPU") {
  auto const how = GENERATE(precision::float16, precision::bfloat16);
  auto const g = encoder_graph({.batch = 2});
  auto const operands = random_inputs(g);
  auto const got = run_emulated(g, operands, {}, {.precision = how});
  CHECK(largest_difference(got, run_compiled(g, operands, {})) < (how == precision::float16 ? 0.02 : 0.2));
}

TEST_CASE("quantized tensors keep their type") {
  auto const of = std::ranges::find(cases, "numbers of 16 bits that are quantized", &stored_case::name);
  auto const p = plan_for_cuda(graph_of(*of), precision::float16);
  CHECK(std::ranges::any_of(p.device_kernels,
                            [](device_kernel const& k) { return k.arguments.back().element == dtype::int16; }));
}

TEST_CASE("numbers beyond float16 stay finite") {
  auto const g = parse(R"(graph opset 18 {
  input x: float[2x16]
  const great = float[] {-1e30}
  a = Mul(x, great)
  b = Concat(a, x, a) {axis = 0}
  y = Div(b, great)
  output y
}
)");
  auto const operands = random_inputs(g);
  auto const got = run_emulated(g, operands, {}, {.precision = precision::float16});
  CHECK(largest_difference(got, run_compiled(g, operands, {})) < 0.01);
  CHECK(plan_for_cuda(g, precision::float16).arena_bytes == plan_for_cuda(g).arena_bytes);
}

TEST_CASE("a model of float16 is stored so without conversions") {
  auto const g = parse(R"(graph opset 18 {
  input x: float16[2x16]
  const w = float16[16x16] random(1)
  a = MatMul(x, w)
  y = Relu(a)
  output y
}
)");
  auto const p = plan_for_cuda(g, precision::float16);
  CHECK(count_launches(p) == 1);
  auto const operands = random_inputs(g);
  auto const got = run_emulated(g, operands, {}, {.precision = precision::float16});
  CHECK(largest_difference(got, run_compiled(g, operands, {})) < 0.01);
}

TEST_CASE("ResNet-50 in float16 takes at most 60 launches and little more than half of the memory") {
  auto const g = residual_graph({});
  CHECK(count_launches(plan_for_cuda(g, precision::float16)) <= 60);
  CHECK(arena_ratio(g, precision::float16) <= 0.55);
  auto const weights = [&](precision how) {
    std::int64_t bytes = 0;
    for (auto const& w : plan_for_cuda(g, how).weights) bytes += w.bytes;
    return static_cast<double>(bytes);
  };
  CHECK(weights(precision::float16) <= 0.51 * weights(precision::exact));
}

TEST_CASE("an encoder of the size of BERT base in float16 takes at most 91 launches") {
  bool const fused = GENERATE(false, true);
  auto const g = encoder_graph({.layers = 12, .hidden = 768, .heads = 12, .tokens = 128, .words = 100, .fused = fused});
  CHECK(count_launches(plan_for_cuda(g, precision::float16)) <= 91);
  CHECK(schedules_of(plan_for_cuda(g, precision::float16)) == schedules_of(plan_for_cuda(g)));
  CHECK(arena_ratio(g, precision::float16) <= 0.6);
}
