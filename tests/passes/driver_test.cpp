#include <sinter/graph/text.hpp>
#include <sinter/passes/pass.hpp>

#include "catch.hpp"
#include <algorithm>
#include <string>

using namespace sinter;

namespace {

constexpr auto chain = R"(graph opset 17 {
  input x: float[4]
  const one = float[] {1}
  a = Identity(x)
  b = Relu(a)
  c = Add(b, one)
  d = Identity(c)
  y = Neg(d)
  output y
})";

int nodes_of(graph const& g, std::string_view op) {
  auto const order = g.topological_order();
  return static_cast<int>(std::ranges::count_if(order, [&](node_id id) { return g.at(id).op == op; }));
}

}  // namespace

TEST_CASE("optimisation stops after as many rewrites as it is told") {
  auto whole = parse(chain);
  auto const total = optimize(whole).rewrites;
  CHECK(total == 3);  // two identities, one fusion
  for (std::int64_t most = 0; most <= total; ++most) {
    auto g = parse(chain);
    CHECK(optimize(g, {.stop_after = most, .verify = true}).rewrites == most);
    CHECK((print(g) == print(whole)) == (most == total));
  }
}

TEST_CASE("optimisation stops before a pass by name") {
  auto g = parse(chain);
  optimize(g, {.verify = true, .stop_before = "fuse_elementwise"});
  CHECK(nodes_of(g, "Identity") == 0);
  CHECK(nodes_of(g, "Relu") == 1);
  optimize(g, {.verify = true});
  CHECK(nodes_of(g, "Relu") == 0);
}

TEST_CASE("no rewrite at all still infers the types") {
  auto g = parse(chain);
  CHECK(optimize(g, {.stop_after = 0}).rewrites == 0);
  CHECK(g.at(g.outputs[0].value).type.shape == shape{4});
}

TEST_CASE("the declared shape of an output does not count") {
  auto g = parse("graph opset 17 { input x: float[2x3] y: float[7] = Relu(x) output y declared [7] }");
  optimize(g);
  CHECK(g.at(g.outputs[0].value).type.shape == shape{2, 3});
}

TEST_CASE("folding is charged and ends in an error beyond its limit") {
  auto const text = "graph opset 17 { const a = float[64] fill(1) y = Neg(a) output y }";
  auto g = parse(text);
  CHECK_NOTHROW(optimize(g, {.fold_bytes = 256}));
  CHECK(g.topological_order().empty());
  auto h = parse(text);
  try {
    optimize(h, {.fold_bytes = 255});
    FAIL("no error");
  } catch (error const& e) {
    CHECK(e.code() == error_code::limit_exceeded);
    CHECK(std::string(e.what()).find("fold_constants") != std::string::npos);
  }
}

TEST_CASE("large constants are made for weights only, or come from a Constant") {
  auto g = parse(R"(graph opset 13 {
    input x: float[1x512x1x1]
    const extents = int64[4] {1024, 512, 1, 1}
    const flat = int64[1] {524288}
    w = ConstantOfShape(extents)
    y = Conv(x, w)
    z = ConstantOfShape(flat)
    v = Constant() {value = float[524288] fill(2)}
    u = Add(z, v)
    output y
    output u
  })");
  optimize(g, {.verify = true});
  CHECK(nodes_of(g, "ConstantOfShape") == 1);
  CHECK(nodes_of(g, "Constant") == 0);
  CHECK(nodes_of(g, "Conv") == 1);
}

TEST_CASE("what a constant If computes is charged, though its size is not known before") {
  auto const text = R"(graph opset 17 {
    const yes = bool[] {1}
    const n = int64[1] {64}
    y = If(yes, n) {else_branch = graph opset 17 { input n z = Identity(n) output z },
                    then_branch = graph opset 17 { input n m = Add(n, n) z = ConstantOfShape(m) output z }}
    output y
  })";
  auto g = parse(text);
  CHECK_NOTHROW(optimize(g, {.fold_bytes = 1024}));
  CHECK(g.at(g.outputs[0].value).constant.shape() == shape{128});
  auto h = parse(text);
  CHECK_THROWS_AS(optimize(h, {.fold_bytes = 256}), error);
}

TEST_CASE("the larger weights of a focus convolution are charged") {
  auto const text = R"(graph opset 17 {
    input x: float[1x1x64x64]
    const w = float[1x2x1x1] fill(1)
    const a = int64[2] {0, 0}
    const b = int64[2] {0, 1}
    const end = int64[2] {64, 64}
    const axes = int64[2] {2, 3}
    const step = int64[2] {32, 32}
    p = Slice(x, a, end, axes, step)
    q = Slice(x, b, end, axes, step)
    c = Concat(p, q) {axis = 1}
    y = Conv(c, w)
    output y
  })";
  auto g = parse(text);
  optimize(g);
  CHECK(nodes_of(g, "Slice") == 0);
  auto h = parse(text);
  CHECK_THROWS_AS(optimize(h, {.fold_bytes = 4095}), error);
}

TEST_CASE("nodes that name no output go, and passes do not meet them") {
  auto g = parse(R"(graph opset 13 {
    input x: float[2x3x4x4]
    const w = float[4x4] fill(1)
    const s = int64[1] {96}
    _ = ReduceMean(x) {axes = [2, 3]}
    _ = Transpose(x)
    _ = Reshape(x, s)
    _ = Relu(x)
    e = Identity(w)
    _ = Identity(e)
    y = MatMul(x, e)
    output y
  })");
  optimize(g, {.verify = true});
  CHECK(g.topological_order().size() == 1);
}

TEST_CASE("quantised weights are not folded") {
  auto g = parse(R"(graph opset 13 {
    const w = int8[4] {1, 2, 3, 4}
    const scale = float[] {0.5}
    y = DequantizeLinear(w, scale)
    output y
  })");
  CHECK(optimize(g).rewrites == 0);
}
