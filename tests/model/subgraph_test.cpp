// Subgraphs that are compiled because all that they take has one shape, against `evaluate`.
#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/program/print.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include <cmath>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

any_tensor numbers(shape const& s, float first) {
  any_tensor t(dtype::float32, s);
  auto const values = t.mutable_view().as<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(first + static_cast<float>(i));
  return t;
}

bool close(any_tensor const& a, any_tensor const& b) {
  if (a.type() != b.type() || a.shape() != b.shape()) return false;
  auto const x = a.as<float>(), y = b.as<float>();
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!(std::abs(x[i] - y[i]) <= 1e-5f * (1 + std::abs(y[i])))) return false;
  return true;
}

/// Compares with `evaluate`; `compiled` islands must be in the program.
void check(std::string_view text, std::vector<any_tensor> const& in, int compiled) {
  auto const g = parse(std::string(text));
  auto const expected = evaluate(g, in);
  for (auto const* set : {"avx2", "avx512"}) {
    pipeline const net(g, {.set = target(set)});
    auto const program = print(net.code.plan());
    int found = 0;
    for (auto at = program.find("island compiled"); at != std::string::npos;
         at = program.find("island compiled", at + 1))
      ++found;
    CHECK(found == compiled);
    auto const got = net.run(in);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(close(got[i], expected[i]));
  }
}

/// h = tanh(x W * h R) for each x, which is no recurrent operator, written as a Scan.
constexpr auto recurrence = R"(graph opset 17 {
  input h: float[1x16]
  input x: float[5x1x16]
  const w = float[16x16] random(1)
  r = Constant() {value = float[16x16] random(2)}
  last, all = Scan(h, x, r) {num_scan_inputs = 1, body = graph opset 17 {
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

constexpr auto branches = R"(graph opset 17 {
  input yes: bool[]
  input x: float[1x4x6x6]
  y = If(yes, x) {else_branch = graph opset 17 {
    capture x: float[1x4x6x6]
    const w = float[8x4x3x3] random(1)
    c = Conv(x, w) {pads = [1, 1, 1, 1]}
    output c
  }, then_branch = graph opset 17 {
    capture x: float[1x4x6x6]
    const w = float[8x4x1x1] random(2)
    c = Conv(x, w)
    r = Relu(c)
    output r
  }}
  z = Neg(y)
  output z
})";

/// The carried value is as the first one, or longer after each turn.
std::string loop(std::string_view next) {
  return R"(graph opset 17 {
  input n: int64[]
  input x: float[2x16]
  y = Loop(n, _, x) {body = graph opset 17 {
    input i: int64[]
    input goes: bool[]
    input v: float
    const w = float[16x16] random(1)
    m = MatMul(v, w)
    )" + std::string(next) +
         R"(
    again = Identity(goes)
    output again
    output t
  }}
  output y
})";
}

}  // namespace

TEST_CASE("a recurrence written as Scan runs compiled") {
  check(recurrence, {numbers({1, 16}, 0), numbers({5, 1, 16}, 3)}, 1);
}

TEST_CASE("code of subgraphs counts, once they have run") {
  pipeline const net(parse(recurrence), {});
  CHECK(net.code.code_bytes() == 0);
  net.run({numbers({1, 16}, 0), numbers({5, 1, 16}, 3)});
  CHECK(net.code.code_bytes() > 0);
}

TEST_CASE("the branch that is taken runs compiled") {
  for (bool const yes : {true, false}) check(branches, {any_tensor::scalar(yes), numbers({1, 4, 6, 6}, 1)}, 1);
}

TEST_CASE("a loop runs compiled where what it carries keeps its shape") {
  for (std::int64_t const turns : {0, 1, 4})
    check(loop("t = Tanh(m)"), {any_tensor::scalar(turns), numbers({2, 16}, 2)}, 1);
  check(loop("t = Concat(v, m) {axis = 0}"), {any_tensor::scalar<std::int64_t>(3), numbers({2, 16}, 2)}, 0);
}

TEST_CASE("subgraphs that do little are evaluated") {
  check(R"(graph opset 17 {
  input yes: bool[]
  input x: float[4]
  y = If(yes, x) {else_branch = graph opset 17 {
    capture x: float[4]
    c = Neg(x)
    output c
  }, then_branch = graph opset 17 {
    capture x: float[4]
    c = Exp(x)
    output c
  }}
  output y
})",
        {any_tensor::scalar(false), numbers({4}, 1)}, 0);
}

TEST_CASE("threads that run one model share its compiled subgraphs") {
  auto const g = parse(recurrence);
  pipeline const net(g, {});
  std::vector<any_tensor> const in{numbers({1, 16}, 0), numbers({5, 1, 16}, 3)};
  auto const expected = evaluate(g, in);
  std::vector<std::vector<any_tensor>> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& g_of_thread : got) threads.emplace_back([&] { g_of_thread = net.run(in); });
  }
  for (auto const& results : got)
    CHECK((results.size() == 2 && close(results[0], expected[0]) && close(results[1], expected[1])));
}
