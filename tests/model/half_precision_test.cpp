#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include "passes/random_inputs.hpp"
#include <string>

using namespace sinter;
using namespace sinter::test;

TEST_CASE("half precision models agree with evaluation within the rounding of their type") {
  std::string const type = GENERATE("float16", "bfloat16");
  std::string text = R"(
graph opset 13 {
  input x: half[2x3x16x16]
  const w1 = half[16x3x3x3] random(1)
  const w2 = half[16x16x3x3] random(2)
  const scales = float[4] {1, 1, 2, 2}
  a = Conv(x, w1) {pads = [1, 1, 1, 1]}
  b = Relu(a)
  c = Resize(b, _, scales) {mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"}
  d = Conv(c, w2)
  e = Cast(d) {to = 1}
  f = Cast(e) {to = to_half}
  g = GlobalAveragePool(f)
  y = Add(f, g)
  output y
})";
  for (auto at = text.find("half["); at != std::string::npos; at = text.find("half[")) text.replace(at, 4, type);
  text.replace(text.find("to_half"), 7, type == "float16" ? "10" : "16");
  auto const g = parse(text);
  auto const inputs = random_inputs(g);
  auto const expected = evaluate(g, inputs);
  auto const rounding = type == "float16" ? 0x1p-11 : 0x1p-8;
  auto const interpreted = run_compiled(g, inputs, {.interpret = true});
  CHECK(expected[0].type() == (type == "float16" ? dtype::float16 : dtype::bfloat16));
  CHECK(largest_difference(expected, interpreted) <= 4 * rounding);
  if (!native_target().covers("avx512")) return;
  CHECK(equal_bits(interpreted, run_compiled(g, inputs, {.set = "avx512"})));
}

TEST_CASE("float32 models whose factors are rounded to bfloat16 agree with evaluation within that") {
  auto const g = parse(R"(
graph opset 13 {
  input x: float[2x3x32x32]
  const w1 = float[32x3x3x3] random(1)
  const w2 = float[64x32x3x3] random(2)
  const w3 = float[256x64x1x1] random(3)
  const w4 = float[256x1024] random(4)
  const b4 = float[1024] random(5)
  a = Conv(x, w1) {pads = [1, 1, 1, 1]}
  b = Relu(a)
  c = Conv(b, w2) {pads = [1, 1, 1, 1]}
  d = Relu(c)
  e = Conv(d, w3)
  f = GlobalAveragePool(e)
  h = Flatten(f)
  y = Gemm(h, w4, b4)
  output y
})");
  auto const inputs = random_inputs(g);
  auto const expected = evaluate(g, inputs);
  for (target const set : {"x86-64:avx512f,avx512bf16", "avx2"}) {
    preferences const rounded{.precision = precision::bfloat16};
    auto const interpreted = run_compiled(g, inputs, {.set = set, .prefer = rounded, .interpret = true});
    auto const difference = largest_difference(expected, interpreted);
    CHECK(difference <= 0.03);
    if (set.has(feature::avx512bf16)) CHECK(difference > 1e-4);  // constants of texts are exact
    if (native_target().covers(set))
      CHECK(equal_bits(interpreted, run_compiled(g, inputs, {.set = set, .prefer = rounded})));
    auto const exact = run_compiled(g, inputs, {.set = set, .interpret = true});
    CHECK(largest_difference(expected, exact) < 1e-5);
  }
}
