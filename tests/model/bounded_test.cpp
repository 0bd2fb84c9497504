#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include <array>
#include <string>
#include <vector>

// Values whose size depends on data, with a bound: planned memory, of which runs use as much as there is.

using namespace sinter;
using namespace sinter::test;

namespace {

any_tensor floats(shape s, std::vector<float> const& values) {
  return any_tensor::of<float>(s, std::span<float const>(values));
}
any_tensor bytes(shape s, std::vector<float> const& values) { return convert(floats(s, values), dtype::int8); }
any_tensor ints(shape s, std::initializer_list<std::int64_t> values) { return any_tensor::of<std::int64_t>(s, values); }
any_tensor bools(shape s, std::initializer_list<bool> values) { return any_tensor::of<bool>(s, values); }

/// A graph, and lists of inputs for runs one after the other, which differ in how much the data selects.
struct counting_case {
  char const* what;
  char const* text;
  std::vector<std::vector<any_tensor>> runs;
};

std::vector<counting_case> counting_cases() {
  auto const x = floats({2, 3}, {5, 1, 4, 2, 6, 3});
  auto const boxes = floats({1, 4, 4}, {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 0, 2, 1, 3, 0, 4, 1, 5});
  auto const scores = floats({1, 2, 4}, {0.9f, 0.8f, 0.7f, 0.6f, 0.5f, 0.4f, NAN, 0.2f});
  auto const suppress = [&](std::int64_t most, float overlap, float score) {
    return std::vector{boxes, scores, ints({1}, {most}), floats({1}, {overlap}), floats({1}, {score})};
  };
  return {
      {"NonZero",
       "graph opset 13 {\n  input x: float[2x3]\n  y = NonZero(x)\n  output y\n}",
       {{x}, {floats({2, 3}, {0, 0, 0, 0, 0, 0})}, {floats({2, 3}, {0, 1, 0, 2, 0, NAN})}, {x}}},
      {"NonZero of a scalar",
       "graph opset 13 {\n  input x: float[]\n  y = NonZero(x)\n  output y\n}",
       {{floats({}, {0})}, {floats({}, {3})}}},
      {"NonZero of nothing",
       "graph opset 13 {\n  input x: float[0x3]\n  y = NonZero(x)\n  output y\n}",
       {{floats({0, 3}, {})}, {floats({0, 3}, {})}}},
      {"Compress of elements",
       "graph opset 13 {\n  input x: float[2x3]\n  input m: bool[5]\n  y = Compress(x, m)\n  output y\n}",
       {{x, bools({5}, {true, false, false, true, true})},
        {x, bools({5}, {false, false, false, false, false})},
        {x, bools({5}, {true, true, true, true, true})}}},
      {"Compress along an axis, with more flags than slices",
       "graph opset 13 {\n  input x: float[2x3]\n  input m: bool[4]\n  y = Compress(x, m) {axis = -1}\n  output y\n}",
       {{x, bools({4}, {false, false, true, false})},
        {x, bools({4}, {true, true, true, false})},
        {x, bools({4}, {false, false, false, false})}}},
      {"Unique of elements",
       R"(
graph opset 13 {
  input x: float[2x3]
  y, first, inverse, counts = Unique(x)
  output y
  output first
  output inverse
  output counts
})",
       {{x}, {floats({2, 3}, {7, 7, 7, 7, 7, 7})}, {floats({2, 3}, {1, NAN, 1, 0, NAN, 0})}}},
      {"Unique along an axis, in order of appearance",
       R"(
graph opset 13 {
  input x: int8[2x3]
  y, _, inverse, counts = Unique(x) {axis = 1, sorted = 0}
  output y
  output inverse
  output counts
})",
       {{bytes({2, 3}, {3, 1, 3, 3, 1, 3})}, {bytes({2, 3}, {3, 2, 1, 3, 2, 1})}, {bytes({2, 3}, {3, 3, 3, 1, 1, 1})}}},
      {"TopK",
       R"(
graph opset 13 {
  input x: int8[2x3]
  input k: int64[1]
  y, i = TopK(x, k)
  output y
  output i
})",
       {{bytes({2, 3}, {5, 1, 4, 2, 6, 3}), ints({1}, {2})},
        {bytes({2, 3}, {5, 1, 4, 2, 6, 3}), ints({1}, {0})},
        {bytes({2, 3}, {5, 1, 4, 2, 6, 3}), ints({1}, {3})}}},
      {"TopK whose values nobody reads",
       R"(
graph opset 13 {
  input x: int32[3x2]
  input k: int64[1]
  _, i = TopK(x, k) {axis = 0, largest = 0}
  output i
})",
       {{any_tensor::of<std::int32_t>({3, 2}, {5, 1, 4, 2, 6, 3}), ints({1}, {1})},
        {any_tensor::of<std::int32_t>({3, 2}, {5, 1, 4, 2, 6, 3}), ints({1}, {3})}}},
      {"NonMaxSuppression",
       R"(
graph opset 13 {
  input b: float[1x4x4]
  input s: float[1x2x4]
  input most: int64[1]
  input overlap: float[1]
  input score: float[1]
  y = NonMaxSuppression(b, s, most, overlap, score)
  output y
})",
       {suppress(4, 0.5f, 0), suppress(4, 1, 0), suppress(0, 1, 0), suppress(100, 1, -1), suppress(1, 0.5f, 2)}},
      {"NonMaxSuppression with a constant number of boxes, without thresholds",
       R"(
graph opset 13 {
  input b: float[1x4x4]
  input s: float[1x2x4]
  const most = int64[] {3}
  y = NonMaxSuppression(b, s, most) {center_point_box = 1}
  output y
})",
       {{boxes, scores}, {floats({1, 4, 4}, std::vector<float>(16, 1)), scores}}},
      {"readers behind steps that use other memory",
       R"(
graph opset 13 {
  input x: float[2x3]
  input k: int64[1]
  i = NonZero(x)
  a = Exp(x)
  b = Softmax(a)
  v, j = TopK(b, k)
  c = Sqrt(b)
  t = Transpose(i)
  s = Add(v, v)
  u = Shape(s)
  output t
  output s
  output c
  output u
  output i
})",
       {{x, ints({1}, {2})}, {floats({2, 3}, {0, 0, 0, 0, 0, 0}), ints({1}, {0})}, {x, ints({1}, {3})}}},
  };
}

template <typename Action>
std::size_t steps_of(program const& p) {
  std::size_t count = 0;
  for_each_action<Action>(p, [&](Action const&, std::size_t) { ++count; });
  return count;
}

/// Runs on one workspace, one list of inputs after the other, and compares with `evaluate`.
void check_runs(executable const& e, graph const& g, std::vector<std::vector<any_tensor>> const& runs) {
  workspace w(e.memory());
  for (int turn = 0; turn < 2; ++turn)
    for (auto const& operands : runs) {
      std::vector<tensor_view> in;
      for (auto const& t : operands) in.push_back(t.view());
      e.run(w, in);
      std::vector<any_tensor> got;
      for (auto const& r : w.results) got.push_back(own(r));
      CHECK(difference(got, evaluate(g, operands)) == "");
    }
}

executable compiled_with(graph const& g, compile_options const& how, model_store& store) {
  auto e = compile(g, how, store, nullptr);
  verify(e.plan());
  return e;
}

}  // namespace

TEST_CASE("values with a bound lie in planned memory, whatever the data selects") {
  for (target const set : {"none", "native"})
    for (auto const guard : {memory_guard::plain, memory_guard::guarded})
      for (auto const& c : counting_cases()) {
        INFO(c.what << " on " << to_string(set));
        auto const g = parse(c.text);
        model_store store;
        auto const e = compiled_with(g, {.machine = runnable_here(set), .guard = guard}, store);
        CHECK(e.plan().slots > 0);
        CHECK((steps_of<island>(e.plan()) == 0 || c.what == std::string("readers behind steps that use other memory")));
        check_runs(e, g, c.runs);
      }
}

TEST_CASE("values whose bound is too large for the arena lie on the heap") {
  for (auto const& c : counting_cases()) {
    INFO(c.what);
    auto const g = parse(c.text);
    model_store store;
    compile_options how{.machine = "none"};
    auto const needed = static_cast<std::size_t>(compiled_with(g, how, store).plan().arena_bytes);
    if (needed == 0) continue;
    how.bounds.arena_bytes = 2 * needed - 1;
    auto const e = compiled_with(g, how, store);
    CHECK(steps_of<island>(e.plan()) > 0);
    CHECK(static_cast<std::size_t>(e.plan().arena_bytes) < needed);
    check_runs(e, g, c.runs);
  }
}

TEST_CASE("values without a bound lie on the heap") {
  for (auto const* text : {"graph opset 13 {\n  input x: string[3]\n  y = Unique(x)\n  output y\n}",
                           "graph opset 13 {\n  input x: string[3]\n  y = NonZero(x)\n  output y\n}"}) {
    auto const g = parse(text);
    model_store store;
    auto const e = compiled_with(g, {.machine = "none"}, store);
    CHECK(steps_of<island>(e.plan()) == 1);
    CHECK(e.plan().arena_bytes == 0);
  }
}

TEST_CASE("what only the data shows to be wrong names the node, and later runs go on") {
  auto const x = floats({2, 3}, {5, 1, 4, 2, 6, 3});
  auto const expect_refusal = [](std::string const& text, std::vector<any_tensor> const& wrong,
                                 std::vector<any_tensor> const& right, std::string const& message) {
    auto const g = parse(text);
    model_store store;
    auto const e = compiled_with(g, {.machine = "none"}, store);
    workspace w(e.memory());
    auto const run = [&](std::vector<any_tensor> const& operands) {
      std::vector<tensor_view> in;
      for (auto const& t : operands) in.push_back(t.view());
      e.run(w, in);
    };
    CHECK_THROWS_WITH(run(wrong), says(message) && says("in node 'select' ("));
    CHECK_NOTHROW(run(right));
  };
  std::string const k = R"(
graph opset 13 {
  input x: float[2x3]
  input k: int64[1]
  y, i = TopK(x, k) as select
  output y
})";
  expect_refusal(k, {x, ints({1}, {4})}, {x, ints({1}, {3})}, "4, expected 0 to 3");
  expect_refusal(k, {x, ints({1}, {-1})}, {x, ints({1}, {3})}, "-1, expected 0 to 3");
  expect_refusal(
      "graph opset 13 {\n  input x: float[2x3]\n  input m: bool[3]\n"
      "  y = Compress(x, m) {axis = 0} as select\n  output y\n}",
      {x, bools({3}, {false, false, true})}, {x, bools({3}, {false, true, false})}, "2, expected 0 to 1");
}
