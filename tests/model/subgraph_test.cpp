// Subgraphs that are compiled when they run, because all that they take has one shape but what their node stacks has
// none, against `evaluate`.
#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/program/print.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include "model/subgraphs.hpp"
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

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

/// The carried value is as the first one, or longer after each turn.
std::string loop(std::string_view next) {
  return R"(graph opset 17 {
  input n: int64[]
  input x: float[2x16]
  y, all = Loop(n, _, x) {body = graph opset 17 {
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
    output i
  }}
  output y
  output all
})";
}

}  // namespace

TEST_CASE("code of subgraphs counts, once they have run") {
  pipeline const net(parse(loop("t = Tanh(m)")), {});
  CHECK(net.code.code_bytes() == 0);
  net.run({any_tensor::scalar<std::int64_t>(2), numbers({2, 16}, 2)});
  CHECK(net.code.code_bytes() > 0);
}

TEST_CASE("a loop runs compiled where what it carries keeps its shape") {
  for (std::int64_t const turns : {0, 1, 4})
    check(loop("t = Tanh(m)"), {any_tensor::scalar(turns), numbers({2, 16}, 2)}, 1);
  check(loop("t = Concat(v, m) {axis = 0}"), {any_tensor::scalar<std::int64_t>(3), numbers({2, 16}, 2)}, 0);
}

TEST_CASE("threads that run one model share its compiled subgraphs") {
  auto const g = parse(loop("t = Tanh(m)"));
  pipeline const net(g, {});
  std::vector<any_tensor> const in{any_tensor::scalar<std::int64_t>(3), numbers({2, 16}, 3)};
  auto const expected = evaluate(g, in);
  std::vector<std::vector<any_tensor>> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& g_of_thread : got) threads.emplace_back([&] { g_of_thread = net.run(in); });
  }
  for (auto const& results : got)
    CHECK((results.size() == 2 && close(results[0], expected[0]) && close(results[1], expected[1])));
}
