#include <sinter/graph/text.hpp>
#include <sinter/passes/pass.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/program/verify.hpp>

#include "catch.hpp"
#include "halves.hpp"
#include "program/plans.hpp"
#include <algorithm>
#include <string>

using namespace sinter;
using namespace sinter::test;

namespace {

std::ptrdiff_t steps_named(program const& p, std::string const& part) {
  return std::ranges::count_if(p.steps,
                               [&](program_step const& s) { return describe(p, s).find(part) != std::string::npos; });
}

template <typename Action>
std::ptrdiff_t steps_of(program const& p) {
  return std::ranges::count_if(p.steps, [](program_step const& s) { return std::holds_alternative<Action>(s.action); });
}

}  // namespace

TEST_CASE("a chain of convolutions needs no more than is alive at once", "[plan]") {
  target const set = GENERATE("avx512", "avx2");
  auto const p = plan_of(R"(
graph opset 13 {
  input x: float[1x3x32x32]
  const w1 = float[32x3x3x3] random(1)
  const w2 = float[32x32x3x3] random(2)
  a = Conv(x, w1) {pads = [1, 1, 1, 1]}
  b = Conv(a, w2) {pads = [1, 1, 1, 1]}
  c = Conv(b, w2) {pads = [1, 1, 1, 1]}
  d = Add(c, a)
  e = Relu(d)
  y = GlobalAveragePool(e)
  z = Flatten(y)
  output z
})",
                         set);
  CHECK(p.arena_bytes == p.arena_bound);
}

TEST_CASE("half precision models run as machine code", "[plan]") {
  std::string const type = GENERATE("float16", "bfloat16");
  target const set = GENERATE("avx512", "avx2");
  auto const p = plan_of(with_halves_of(type, R"(
graph opset 13 {
  input x: half[1x3x16x16]
  const w1 = half[16x3x3x3] random(1)
  const w2 = half[16x16x3x3] random(2)
  const scales = float[4] {1, 1, 2, 2}
  a = Conv(x, w1) {pads = [1, 1, 1, 1]}
  b = Relu(a)
  c = Resize(b, _, scales) {mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"}
  d = Conv(c, w2)
  e = Cast(d) {to = 1}
  f = Softmax(e)
  y = Cast(f) {to = 10}
  output y
})"),
                         set);
  CHECK(steps_of<region>(p) == static_cast<std::ptrdiff_t>(p.steps.size()));
  CHECK(steps_named(p, "(Resize)") == 1);
  CHECK(steps_named(p, "Conv)") >= 2);
  CHECK(p.outputs[0].type.element == dtype::float16);
}

TEST_CASE("what hangs on sizes that depend on data is one island if it contracts", "[plan]") {
  auto const p = plan_of(planned_text("an island of several nodes"));
  REQUIRE(steps_of<island>(p) == 1);
  island const* tail = nullptr;
  for_each_action<island>(p, [&](island const& i, std::size_t) { tail = &i; });
  REQUIRE(tail->body);
  CHECK(tail->body->topological_order().size() == 5);
  REQUIRE(tail->inputs.size() == 2);   // what NonZero found, through a slot, and a
  REQUIRE(tail->outputs.size() == 2);  // m in a slot, and r, whose shape is known again
  CHECK(std::ranges::count_if(tail->outputs, [](auto const& o) { return o.slot < 0; }) == 1);
  CHECK(steps_of<region>(p) == 2);  // Relu and the last MatMul
  CHECK(p.slots == 2);
}

TEST_CASE("preferences give up ways that round more or take more memory", "[plan]") {
  std::string const text = R"(
graph opset 13 {
  input x: float[1x64x56x56]
  const halves = float[64x64x3x3] random(1)
  const third = float[1] {0.3333}
  w = Mul(halves, third)
  y = Conv(x, w) {pads = [1, 1, 1, 1]}
  z = Conv(x, halves) {pads = [1, 1, 1, 1]}
  output )";
  auto const weights = [&](preferences const& prefer, char const* output = "y }") {
    auto g = parse(text + output);
    optimize(g);
    auto const p = plan(g, {.machine = "avx512", .prefer = prefer});
    std::int64_t bytes = 0;
    for (auto const& w : p.weights) bytes += w.bytes;
    return static_cast<double>(bytes) / (64 * 64 * 9 * 4);
  };
  CHECK(weights({}) == 4);                                // F(4,3)
  CHECK(weights({.precise = true}) == Approx(16.0 / 9));  // F(2,3)
  CHECK(weights({.small_weights = true}) == Approx(16.0 / 9));
  CHECK(weights({.precision = precision::float16}) == 2);
  // The model has 2 bytes for each, of which Winograd's packed weights take more than twice as much.
  CHECK(weights({}, "z }") == 4);
  CHECK(weights({.small_weights = true}, "z }") == 0.5);
}

TEST_CASE("an arena above the limit is refused before it is taken", "[plan]") {
  auto g = parse(R"(
graph opset 13 {
  input x: float[1000000]
  y = Exp(x)
  output y
})");
  optimize(g);
  plan_options options{.machine = "avx2"};
  options.bounds.arena_bytes = 1'000'000;
  CHECK_THROWS_WITH(plan(g, options), says("limits.arena_bytes"));
}
