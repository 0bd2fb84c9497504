#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include "cuda/encoder.hpp"
#include <string>
#include <string_view>

using namespace sinter;
using namespace sinter::test;

namespace {

struct attention_case {
  std::string_view name;
  std::size_t launches;
  std::string_view text;
};

attention_case const written_out[] = {
    {"heads as they are", 1, R"(
  input q: float[2x3x5x8]
  input k: float[2x3x7x8]
  input v: float[2x3x7x12]
  kt = Transpose(k) {perm = [0, 1, 3, 2]}
  s = MatMul(q, kt)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, v)
)"},
    {"three axes, a scale before the product, a transposed result", 1, R"(
  input q: float[3x5x8]
  input k: float[3x33x8]
  input v: float[3x33x8]
  const root = float[] {0.6}
  a = Mul(q, root)
  t = Transpose(k) {perm = [0, 2, 1]}
  b = Mul(t, root)
  s = MatMul(a, b)
  p = Softmax(s) {axis = 2}
  m = MatMul(p, v)
  y = Transpose(m) {perm = [1, 0, 2]}
)"},
    {"a mask for each head, one key head for all", 1, R"(
  input q: float[2x5x4x8]
  input k: float[2x1x6x8]
  input v: float[2x1x6x8]
  input mask: float[4x5x6]
  const root = float[] {3}
  a = Transpose(q) {perm = [0, 2, 1, 3]}
  t = Transpose(k) {perm = [0, 1, 3, 2]}
  s = MatMul(a, t)
  d = Div(s, root)
  e = Add(mask, d)
  p = Softmax(e) {axis = -1}
  m = MatMul(p, v)
  n = Transpose(m) {perm = [0, 2, 1, 3]}
  const flat = int64[3] {2, 5, 32}
  y = Reshape(n, flat)
)"},
    {"products of two tensors", 3, R"(
  input x: float[2x5x16]
  input z: float[2x6x12]
  const wq = float[16x32] random(1)
  const wk = float[12x32] random(2)
  const wv = float[12x32] random(3)
  const bv = float[32] random(4)
  const split = int64[4] {0, 0, 2, 16}
  q0 = MatMul(x, wq)
  k0 = MatMul(z, wk)
  v0 = MatMul(z, wv)
  v1 = Add(v0, bv)
  q1 = Reshape(q0, split)
  k1 = Reshape(k0, split)
  v2 = Reshape(v1, split)
  q = Transpose(q1) {perm = [0, 2, 1, 3]}
  k = Transpose(k1) {perm = [0, 2, 3, 1]}
  v = Transpose(v2) {perm = [0, 2, 1, 3]}
  s = MatMul(q, k)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, v)
)"},
    {"keys whose elements are no neighbours", 3, R"(
  input q: float[2x5x8]
  input k: float[2x8x6]
  input v: float[2x6x8]
  s = MatMul(q, k)
  p = Softmax(s) {axis = -1}
  y = MatMul(p, v)
)"},
};

attention_case const operators[] = {
    {"four axes, causal", 1, R"(
  input q: float[2x3x5x8]
  input k: float[2x3x5x8]
  input v: float[2x3x5x4]
  y = Attention(q, k, v) {is_causal = 1, scale = 0.7}
)"},
    {"three axes, shared heads, a mask that hides all keys of a query", 1, R"(
  input q: float[2x3x32]
  input k: float[2x5x16]
  input v: float[2x5x8]
  const mask = float[3x5] {0, 1, -2, 0, 0, -inf, -inf, -inf, -inf, -inf, 0, -inf, 0, 3, 0}
  y = Attention(q, k, v, mask) {q_num_heads = 4, kv_num_heads = 2}
)"},
    {"capped scores, seen through a window", 1, R"(
  input q: float[2x3x5x8]
  input k: float[2x3x5x8]
  input v: float[2x3x5x4]
  y = Attention(q, k, v) {softcap = 2.0, left_window_size = 1, right_window_size = 2}
)"},
    {"a mask of booleans that ends before the keys", 1, R"(
  input q: float[2x3x5x8]
  input k: float[2x3x7x8]
  input v: float[2x3x7x4]
  const mask = bool[5x3] {1, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1}
  y = Attention(q, k, v, mask)
)"},
    {"a cache of keys and values that the host reads", 5, R"(
  input q: float[2x5x32]
  input k: float[2x5x16]
  input v: float[2x5x8]
  input past_k: float[2x2x3x8]
  input past_v: float[2x2x3x4]
  y, all_k, all_v = Attention(q, k, v, _, past_k, past_v) {q_num_heads = 4, kv_num_heads = 2, is_causal = 1}
  output all_k
  output all_v
)"},
    {"a cache that nobody reads, a mask, a window", 5, R"(
  input q: float[1x2x1x8]
  input k: float[1x2x1x8]
  input v: float[1x2x1x8]
  input mask: float[1x9]
  input past_k: float[1x2x8x8]
  input past_v: float[1x2x8x8]
  y = Attention(q, k, v, mask, past_k, past_v) {left_window_size = 4}
)"},
    {"weights that are read", 0, R"(
  input q: float[2x3x5x8]
  input k: float[2x3x5x8]
  input v: float[2x3x5x4]
  y, _, _, weights = Attention(q, k, v) {qk_matmul_output_mode = 3}
  output weights
)"},
};

graph graph_of(attention_case const& c) { return parse("graph opset 24 {" + std::string(c.text) + "  output y\n}\n"); }

}  // namespace

TEST_CASE("attention written out is one launch") {
  for (auto const& c : written_out) {
    INFO(c.name);
    CHECK(count_launches(plan_for_cuda(graph_of(c))) == c.launches);
    CHECK(emulated_difference(graph_of(c)) == "");
  }
}

TEST_CASE("the operator Attention is one launch, or runs on the host") {
  for (auto const& c : operators) {
    INFO(c.name);
    CHECK(count_launches(plan_for_cuda(graph_of(c))) == c.launches);
    CHECK(emulated_difference(graph_of(c)) == "");
  }
}

TEST_CASE("weights of attention that somebody else reads are computed") {
  auto g = graph_of(written_out[0]);
  for (std::size_t i = 0; i < g.value_count(); ++i)
    if (value_id const v{static_cast<std::int32_t>(i)}; g.at(v).name == "p") g.outputs.push_back({v, {}});
  CHECK(count_launches(plan_for_cuda(g)) == 4);
  CHECK(emulated_difference(g) == "");
}

TEST_CASE("an encoder agrees with the CPU") {
  bool const fused = GENERATE(false, true);
  CHECK(emulated_difference(encoder_graph({.batch = 2, .fused = fused})) == "");
}

TEST_CASE("attention rounds factors where that is asked for") {
  auto const g = graph_of(written_out[3]);
  auto const precision = GENERATE(precision::tf32, precision::float16, precision::bfloat16);
  auto const operands = random_inputs(g);
  CHECK(count_launches(plan_for_cuda(g, precision)) == 3);
  auto const got = run_emulated(g, operands, {}, {.precision = precision});
  CHECK(largest_difference(got, run_compiled(g, operands, {})) < 3e-2);
}

TEST_CASE("an encoder of the size of BERT base takes at most 91 launches a run") {
  bool const fused = GENERATE(false, true);
  auto const p = plan_for_cuda(
      encoder_graph({.layers = 12, .hidden = 768, .heads = 12, .tokens = 128, .words = 100, .fused = fused}));
  CHECK(count_launches(p) <= 91);
  CHECK(count_steps<transfer>(p) == 0);
}
