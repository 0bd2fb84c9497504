// Subgraphs whose steps are planned with the graph around them, against `evaluate`.
#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/program/print.hpp>
#include <sinter/runtime/thread_pool.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include "model/subgraphs.hpp"
#include <string>
#include <string_view>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

int count_of(std::string const& text, std::string_view part) {
  int found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

/// Compares with `evaluate` on every target, with guarded memory and threads; machine code has the interpreter's bits.
/// Programs have `branches` and `turns`, and no islands.
void check(std::string const& text, std::vector<any_tensor> const& in, int branches, int turns) {
  auto const g = parse(text);
  auto const expected = evaluate(g, in);
  thread_pool pool(2);
  for (auto const* set : {"avx2", "avx512", "none"}) {
    pipeline const net(g, {.set = target(set)});
    auto const program = print(net.code.plan());
    INFO(program);
    CHECK(count_of(program, "  branch ") == branches);
    CHECK(count_of(program, "  repeat ") == turns);
    CHECK(count_of(program, "island") == 0);
    auto const got = net.run(in);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(close(got[i], expected[i]));
    CHECK(equal_bits(run_compiled(g, in, {.set = target(set), .guard = memory_guard::guarded}), got));
    CHECK(equal_bits(run_compiled(g, in, {.set = target(set), .pool = &pool}), got));
    if (set != std::string_view("none"))
      CHECK(equal_bits(run_compiled(g, in, {.set = target(set), .interpret = true}), got));
  }
}

/// h = tanh(x W * h R) for each x, which is no recurrent operator, written as a Scan.
std::string recurrence(std::string_view attributes, std::string_view sequence) {
  return R"(graph opset 17 {
  input h: float[1x16]
  input x: float[)" +
         std::string(sequence) + R"(]
  r = Constant() {value = float[16x16] random(2)}
  last, all = Scan(h, x, r) {)" +
         std::string(attributes) + R"(num_scan_inputs = 1, body = graph opset 17 {
    input before: float[1x16]
    input now: float[1x16]
    capture k: float[16x16]
    const w = float[16x16] random(1)
    a = MatMul(now, w)
    b = MatMul(before, k)
    s = Mul(a, b)
    after = Tanh(s)
    seen = Identity(after)
    output after
    output seen
  }}
  output last
  output all
})";
}

constexpr auto branches = R"(graph opset 17 {
  input yes: bool[]
  input x: float[1x4x6x6]
  y, same = If(yes, x) {else_branch = graph opset 17 {
    capture x: float[1x4x6x6]
    const w = float[8x4x3x3] random(1)
    c = Conv(x, w) {pads = [1, 1, 1, 1]}
    output c
    output x
  }, then_branch = graph opset 17 {
    capture x: float[1x4x6x6]
    const w = float[8x4x1x1] random(2)
    c = Conv(x, w)
    r = Relu(c)
    n = Neg(x)
    output r
    output n
  }}
  z = Neg(y)
  output z
  output same
})";

/// Turns that exchange what they carry, count, stop when the sum of an element passes a bound, and choose in each turn.
constexpr auto turns = R"(graph opset 17 {
  input n: int64[]
  input a: float[2x8]
  input b: float[2x8]
  input most: float[]
  const start = bool[] {1}
  x, y, done = Loop(n, start, a, b, most) {body = graph opset 17 {
    input i: int64[]
    input goes: bool[]
    input p: float
    input q: float
    input left: float
    const zero = float[] {0}
    const one = float[] {1}
    const even = int64[] {2}
    r = Mod(i, even)
    odd = Cast(r) {to = 9}
    t = If(odd, p, q) {then_branch = graph opset 17 {
      capture p: float
      capture q: float
      s = Add(p, q)
      output s
    }, else_branch = graph opset 17 {
      capture p: float
      capture q: float
      s = Sub(p, q)
      output s
    }}
    rest = Sub(left, one)
    again = Greater(rest, zero)
    output again
    output q
    output t
    output rest
  }}
  output x
  output y
  output done
})";

/// A constant count: what the turns stack has a shape.
constexpr auto stacks = R"(graph opset 17 {
  input x: float[3x4]
  const n = int64[] {5}
  y, before, numbers = Loop(n, _, x) {body = graph opset 17 {
    input i: int64[]
    input goes: bool[]
    input v: float
    w = Sin(v)
    m = Mul(v, w)
    again = Identity(goes)
    output again
    output m
    output v
    output i
  }}
  output y
  output before
  output numbers
})";

}  // namespace

TEST_CASE("a recurrence written as Scan is planned, along any axes and directions") {
  check(recurrence("", "5x1x16"), {numbers({1, 16}, 0), numbers({5, 1, 16}, 3)}, 0, 1);
  check(recurrence("scan_input_axes = [1], scan_output_axes = [-1], ", "1x5x16"),
        {numbers({1, 16}, 0), numbers({1, 5, 16}, 3)}, 0, 1);
  check(recurrence("scan_input_directions = [1], scan_output_directions = [1], scan_output_axes = [1], ", "5x1x16"),
        {numbers({1, 16}, 0), numbers({5, 1, 16}, 3)}, 0, 1);
}

TEST_CASE("both branches are planned, and one runs") {
  for (bool const yes : {true, false}) check(branches, {any_tensor::scalar(yes), numbers({1, 4, 6, 6}, 1)}, 1, 0);
}

TEST_CASE("turns exchange what they carry, end by a condition and choose among branches") {
  for (std::int64_t const count : {0, 1, 2, 5})
    for (float const most : {0.5f, 3.0f, 9.0f})
      check(turns, {any_tensor::scalar(count), numbers({2, 8}, 1), numbers({2, 8}, 5), any_tensor::scalar(most)}, 1, 1);
}

TEST_CASE("sequences of different lengths are an error, not turns") {
  auto const g = parse(R"(graph opset 17 {
  input x: float[5x4]
  input z: float[3x4]
  all = Scan(x, z) {num_scan_inputs = 2, body = graph opset 17 {
    input a: float[4]
    input b: float[4]
    s = Add(a, b)
    output s
  }}
  output all
})");
  pipeline const net(g, {});
  CHECK_THROWS_WITH(net.run({numbers({5, 4}, 0), numbers({3, 4}, 1)}), says("a scan input has 3 slices, another 5"));
}

TEST_CASE("a constant number of turns gives what they stack a shape") { check(stacks, {numbers({3, 4}, 1)}, 0, 1); }
