#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/runtime/compiled_graph.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include "passes/random_inputs.hpp"
#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

/// Items of x that m selects, then a convolution and what surrounds it.
std::string const selected_items = R"(
graph opset 13 {
  input x: float[8x16x6x6]
  input m: float[8]
  const w = float[16x16x3x3] random(1)
  const first = int64[1] {0}
  i = NonZero(m)
  j = Squeeze(i, first) as squeeze
  r = Gather(x, j) {axis = 0} as gather
  c = Conv(r, w) {pads = [1, 1, 1, 1]} as conv
  d = Relu(c)
  y = Add(d, r)
  output y
})";

/// The first `count` of eight are selected.
any_tensor mask(std::size_t count) {
  any_tensor m(dtype::float32, shape{8});
  std::fill_n(static_cast<float*>(m.data()), count, 1.0f);
  return m;
}

/// An executable that notes what it compiles while it runs.
struct recorder {
  std::mutex mutex;
  std::vector<std::string> compiled;  ///< for each part and list of shapes its steps, a line each
  std::size_t regions = 0;            ///< of all parts
  compile_options how;
  std::size_t kept = 32;
  executor* pool = nullptr;
  model_store store{};

  executable make(graph g) {
    optimize(g);
    auto p = plan(g, {.machine = how.machine, .bounds = how.bounds, .kernels = &store.kernels});
    auto k = store.code.emit(p.kernels, how.machine);
    return executable(std::move(p), std::move(k), store.weights, pool, memory_guard::plain,
                      [this](std::shared_ptr<graph const> part) {
                        return std::make_shared<compiled_graph>(
                            std::move(part), [this](graph typed) { return note(make(std::move(typed))); }, kept,
                            how.bounds);
                      });
  }

  executable note(executable e) {
    std::string steps;
    for (auto const& s : e.plan().steps) steps += describe(e.plan(), s) + "\n";
    std::scoped_lock lock(mutex);
    for_each_action<region>(e.plan(), [&](region const&, std::size_t) { ++regions; });
    compiled.push_back(steps);
    return e;
  }
};

std::vector<any_tensor> run(executable const& e, std::vector<any_tensor> const& operands) {
  workspace w(e.memory());
  std::vector<tensor_view> in;
  for (auto const& t : operands) in.push_back(t.view());
  e.run(w, in);
  std::vector<any_tensor> results;
  for (auto const& r : w.results) results.push_back(own(r));
  return results;
}

}  // namespace

TEST_CASE("what hangs on a size that depends on data runs as machine code, compiled once for each size") {
  auto const g = parse(selected_items);
  target const set = GENERATE("avx512", "avx2");
  if (!native_target().covers(set)) return;
  recorder r;
  r.how.machine = set;
  auto const e = r.make(g);
  CHECK(std::ranges::count_if(e.plan().steps, [](auto const& s) { return std::holds_alternative<island>(s.action); }) ==
        1);
  auto inputs = random_inputs(g);
  for (std::size_t const count : {3u, 8u, 0u, 1u, 3u, 8u, 1u, 0u}) {
    inputs[1] = mask(count);
    auto const expected = evaluate(g, inputs), got = run(e, inputs);
    REQUIRE(got[0].shape() == shape{static_cast<std::int64_t>(count), 16, 6, 6});
    CHECK(largest_difference(expected, got) <= 1e-5);
  }
  CHECK(r.compiled.size() == 4);
  CHECK(r.regions >= 3 * 2);
  CHECK(std::ranges::count_if(r.compiled, [](std::string const& steps) {
          return steps.find("node 'conv' (sinter.Conv): ") != std::string::npos;
        }) >= 3);
  CHECK(e.code_bytes() > 0);
  CHECK(e.bytes() > e.code_bytes());
}

TEST_CASE("executables of parts are dropped beyond the number kept") {
  auto const g = parse(selected_items);
  recorder r;
  r.how.machine = runnable_here("native");
  r.kept = 1;
  auto const e = r.make(g);
  auto inputs = random_inputs(g);
  for (std::size_t const count : {3u, 3u, 5u, 5u, 3u}) {
    inputs[1] = mask(count);
    run(e, inputs);
  }
  CHECK(r.compiled.size() == (r.how.machine.device() == device_kind::none ? 0 : 3));
}

TEST_CASE("threads share the executables of parts") {
  auto const g = parse(selected_items);
  thread_pool pool(2);
  recorder r;
  r.how.machine = runnable_here("native");
  r.pool = &pool;
  auto const e = r.make(g);
  auto const x = random_inputs(g)[0];
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t turn = 0; turn < 6; ++turn) {
        std::vector<any_tensor> const inputs{x, mask(1 + (t + turn) % 3)};
        if (largest_difference(evaluate(g, inputs), run(e, inputs)) > 1e-5) ++wrong;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
  CHECK(r.compiled.size() == (r.how.machine.device() == device_kind::none ? 0 : 3));
}

TEST_CASE("mistakes that only the data shows name the node, limits hold, and later runs go on") {
  auto text = selected_items;
  text.replace(text.find("{axis = 0}"), 10, "{axis = 1}");
  text.replace(text.find("float[8]"), 8, "float[16]");
  auto const g = parse(text);
  model_store store;
  compile_options how{.machine = runnable_here("native")};
  auto const e = compile(g, how, store, nullptr);
  auto inputs = random_inputs(g);
  inputs[1] = any_tensor::of<float>({16}, std::vector<float>(16, 1.0f));
  CHECK(largest_difference(evaluate(g, inputs), run(e, inputs)) <= 1e-5);
  static_cast<float*>(inputs[1].data())[3] = 0;
  CHECK_THROWS_WITH(run(e, inputs), says("node 'conv' ("));
  static_cast<float*>(inputs[1].data())[3] = 1;
  CHECK_NOTHROW(run(e, inputs));

  if (how.machine.device() == device_kind::none) return;
  auto const small = parse(selected_items);
  how.bounds.arena_bytes = 20000;
  auto const bounded = compile(small, how, store, nullptr);
  inputs = random_inputs(small);
  inputs[1] = mask(1);
  CHECK_NOTHROW(run(bounded, inputs));
  inputs[1] = mask(8);
  CHECK_THROWS_WITH(run(bounded, inputs), says("limits.arena_bytes"));
}

TEST_CASE("parts go on in parts, and half precision widens in them") {
  auto const g = parse(R"(
graph opset 13 {
  input x: float16[4x16]
  const w = float16[16x16] random(1)
  const zero = int64[1] {0}
  const column = int64[1] {0}
  i = NonZero(x)
  p, q = Split(i) {axis = 0}
  r = Squeeze(p, zero)
  s = Gather(x, r) {axis = 0}
  a = MatMul(s, w) as first
  n = Relu(a)
  t = NonZero(n)
  u, v = Split(t) {axis = 0}
  o = Squeeze(u, column)
  c = Gather(n, o) {axis = 0}
  y = MatMul(c, w) as second
  output y
})");
  model_store store;
  compile_options how{.machine = runnable_here("native")};
  how.bounds.depth = GENERATE(0u, 1u, 64u);
  auto const e = compile(g, how, store, nullptr);
  auto const inputs = random_inputs(g);
  for (int turn = 0; turn < 2; ++turn) CHECK(largest_difference(evaluate(g, inputs), run(e, inputs)) <= 4 * 0x1p-11);
}

TEST_CASE("a chain of sizes that depend on data ends in plain loops where it is too deep") {
  std::string text = R"(
graph opset 13 {
  input a0: float[4x8]
  const w = float[8x8] fill(0.125)
  const zero = int64[1] {0}
)";
  int const levels = 100;
  for (int i = 0; i < levels; ++i)
    text += fmt::format(R"(  m{0} = ReduceMax(a{0}) {{axes = [1], keepdims = 0}}
  i{0} = NonZero(m{0})
  j{0} = Squeeze(i{0}, zero)
  g{0} = Gather(a{0}, j{0}) {{axis = 0}}
  a{1} = MatMul(g{0}, w)
)",
                        i, i + 1);
  text += fmt::format("  output a{}\n}}", levels);
  auto const g = parse(text);
  model_store store;
  compile_options how{.machine = runnable_here("native")};
  how.bounds.depth = 12;
  auto const e = compile(g, how, store, nullptr);
  auto const inputs = random_inputs(g);
  CHECK(largest_difference(evaluate(g, inputs), run(e, inputs)) <= 1e-4);
}

TEST_CASE("the plan goes on where a shape is known again") {
  auto const g = parse(R"(
graph opset 13 {
  input x: float[4x4]
  const s = int64[4] {1, 1, 2, 8}
  const w = float[16x1x3x3] random(1)
  i = NonZero(x)
  r = Reshape(i, s) as reshape
  f = Cast(r) {to = 1}
  c = Conv(f, w) {pads = [1, 1, 1, 1]} as conv
  y = Relu(c)
  output y
})");
  target const set = GENERATE("none", "avx512", "avx2");
  if (!native_target().covers(set)) return;
  model_store store;
  auto const e = compile(g, {.machine = set}, store, nullptr);
  auto const& steps = e.plan().steps;
  bool const in_code = std::ranges::any_of(steps, [&](auto const& s) {
    return std::holds_alternative<region>(s.action) && describe(e.plan(), s).find("'conv'") != std::string::npos;
  });
  CHECK(in_code == (set.device() != device_kind::none));
  CHECK(e.plan().slots == 1);
  std::vector<any_tensor> inputs{any_tensor::of<float>({4, 4}, {1, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0})};
  for (int turn = 0; turn < 2; ++turn) CHECK(largest_difference(evaluate(g, inputs), run(e, inputs)) <= 1e-5);
  static_cast<float*>(inputs[0].data())[2] = 1;
  CHECK_THROWS_WITH(run(e, inputs), says("node 'reshape' (Reshape)"));
}
