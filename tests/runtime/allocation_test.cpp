#include <sinter/compile.hpp>
#include <sinter/graph/text.hpp>
#include <sinter/model_state.hpp>
#include <sinter/runtime/executable.hpp>
#include <sinter/runtime/thread_pool.hpp>

#include "catch.hpp"
#include "counted_allocations.hpp"
#include "runtime/growing_models.hpp"
#include "runtime/programs.hpp"
#include "runtime/state_models.hpp"
#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

// Runs allocate nothing.
#if SINTER_COUNTS_ALLOCATIONS
using namespace sinter;
using namespace sinter::test;

namespace {

model affine_net(executor* pool) {
  graph g;
  auto const x = g.add_value("x", {dtype::float32, std::nullopt}), y = g.add_value("y", {dtype::float32, std::nullopt});
  g.inputs = {{x, {{{-1, "N"}, {row, {}}}}}};
  g.outputs = {{y, {{{-1, "N"}, {row, {}}}}}};
  options how;
  how.executor = pool;
  how.threads = 1;
  return model_state::make(
      std::move(g), how, [](rewritten_graph const&, signature const& s, compile_environment const& e) {
        auto const n = (*s.shapes[0])[0];
        return executable(affine_program(n), {.interpret = [](vector::program const&, std::byte* const*) {}},
                          e.store->weights, e.pool);
      });
}

}  // namespace

TEST_CASE("allocations are counted") {
  CHECK(counted([] { std::vector<int>(100).at(5) = 1; }) >= 1);
  CHECK(counted([] { memory_block(100); }) == 1);
}

TEST_CASE("planned subgraphs allocate nothing") {
  model_store store;
  auto const code = compile(parse(R"(graph opset 17 {
  input h: float[1x16]
  input x: float[5x1x16]
  last, all = Scan(h, x) {num_scan_inputs = 1, body = graph opset 17 {
    input before: float[1x16]
    input now: float[1x16]
    const w = float[16x16] random(1)
    a = MatMul(now, w)
    s = Mul(a, before)
    after = Tanh(s)
    output after
    output after
  }}
  output last
  output all
})"),
                            {.machine = target("avx2")}, store, nullptr);
  any_tensor const h(dtype::float32, {1, 16}), x(dtype::float32, {5, 1, 16});
  std::array const in{h.view(), x.view()};
  workspace w(code.memory());
  code.run(w, in);
  CHECK(counted([&] { code.run(w, in); }) == 0);
}

TEST_CASE("a workspace allocates nothing from the second run on") {
  weight_store store;
  thread_pool pool(3);
  std::int64_t const n = 5000;
  executable const e(affine_program(n), {.interpret = [](vector::program const&, std::byte* const*) {}}, store, &pool);
  auto const x = counting(n * row);
  workspace w(e.memory());
  tensor_view const in{dtype::float32, {n, row}, x.data()};
  e.run(w, {&in, 1});
  CHECK(counted([&] {
          for (int i = 0; i < 50; ++i) e.run(w, {&in, 1});
        }) == 0);
}

TEST_CASE("values whose size depends on data are made without allocations, if they have a bound") {
  auto const g = parse(R"(
graph opset 13 {
  input x: float[8x32]
  input m: bool[32]
  input k: int64[1]
  input s: float[2x4x8]
  input b: float[2x8x4]
  i = NonZero(x)
  c = Compress(x, m) {axis = 1}
  u, f, p, n = Unique(x)
  v, j = TopK(x, k)
  r = NonMaxSuppression(b, s, k)
  output i
  output c
  output u
  output p
  output v
  output r
})");
  std::vector<float> x(256);
  std::array<bool, 32> m{};
  std::int64_t k = 0;
  std::vector<float> const s(64, 0.5f), b(64, 1);
  std::array<tensor_view, 5> const in{{{dtype::float32, {8, 32}, x.data()},
                                       {dtype::boolean, {32}, m.data()},
                                       {dtype::int64, {1}, &k},
                                       {dtype::float32, {2, 4, 8}, s.data()},
                                       {dtype::float32, {2, 8, 4}, b.data()}}};
  model_store store;
  for (target const set : {"none", "native"}) {
    auto const e = compile(g, {.machine = runnable_here(set)}, store, nullptr);
    workspace w(e.memory());
    e.run(w, in);
    for (std::size_t const count : {0u, 5u, 31u}) {
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = i < count ? static_cast<float>(i + 1) : 0;
      for (std::size_t i = 0; i < m.size(); ++i) m[i] = i < count;
      k = static_cast<std::int64_t>(count);
      CHECK(counted([&] { e.run(w, in); }) == 0);
      CHECK(w.results[0].shape == shape{2, k});
      CHECK(w.results[1].shape == shape{8, k});
      CHECK(w.results[2].shape == shape{k + 1});
      CHECK(w.results[4].shape == shape{8, k});
      CHECK(w.results[5].shape == shape{8 * std::min<std::int64_t>(k, 8), 3});
    }
  }
}

TEST_CASE("a model allocates nothing on inputs of the last shape, a context never") {
  for (int const threads : {1, 2}) {
    thread_pool pool(threads);
    auto const net = affine_net(&pool);
    tensor<float> const x({4, row}), other({5, row});
    auto const run = [&] {
      auto const out = net.run({{"x", x}});
      return out["y"].as<float>()[0] + out[0].as<float>()[1];
    };
    run();
    CHECK(counted([&] {
            for (int i = 0; i < 50; ++i) run();
          }) == 0);
    net.run({{"x", other}});
    CHECK(counted([&] { run(); }) > 0);

    auto c = net.context({{"x", {4, row}}});
    tensor<float> y({4, row});
    c.set_input("x", x);
    c.run();
    CHECK(counted([&] {
            for (int i = 0; i < 50; ++i) {
              c.set_input(0, x);
              c.set_output("y", y);
              c.run();
            }
          }) == 0);
  }
}

TEST_CASE("a context that keeps state allocates nothing") {
  std::vector<float> const x(16, 0.5f);
  auto c = model_of(lstm_text(1), {.state = {{"h", "h_next"}, {"c", "c_next"}}}).context();
  c.set_input("x", {dtype::float32, {1, 1, 16}, x.data()});
  c.run();
  CHECK(counted([&] {
          for (int i = 0; i < 50; ++i) c.run();
          c.reset_state();
          c.run();
        }) == 0);
}

TEST_CASE("a context whose state grows allocates nothing from one capacity to the next") {
  auto const text = GENERATE(decoder_text(), guarded_decoder_text(1));
  auto const net = model_of(text, {.state = {{"k", "k_next"}, {"v", "v_next"}}, .bounds = {{"past", 200}}});
  auto c = net.context();
  std::vector<float> const x(24, 0.5f);
  c.set_input("x", {dtype::float32, {1, 1, 24}, x.data()});
  c.run();
  CHECK(counted([&] {
          for (int i = 0; i < 199; ++i) c.run();
          c.reset_state();
          c.run();
        }) == 0);
}
#else
TEST_CASE("allocations are counted") { WARN("SKIPPED: sanitizers bring their own malloc"); }
#endif
