#include <sinter/graph/text.hpp>
#include <sinter/passes/pass.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/program/verify.hpp>

#include "catch.hpp"
#include <string>

using namespace sinter;

TEST_CASE("a chain of convolutions needs no more than is alive at once", "[plan]") {
  auto const set = GENERATE(isa::avx512, isa::avx2);
  auto g = parse(R"(
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
})");
  optimize(g);
  auto const p = plan(g, {.machine = {.set = set}});
  verify(p);
  CHECK(p.arena_bytes == p.arena_bound);
}

TEST_CASE("an arena above the limit is refused before it is taken", "[plan]") {
  auto g = parse(R"(
graph opset 13 {
  input x: float[1000000]
  y = Exp(x)
  output y
})");
  optimize(g);
  plan_options options{.machine = {.set = isa::avx2}};
  options.bounds.arena_bytes = 1'000'000;
  CHECK_THROWS_WITH(plan(g, options), says("limits.arena_bytes"));
}
