#include <sinter/compile.hpp>
#include <sinter/graph/text.hpp>
#include <sinter/graph/verify.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include <algorithm>
#include <limits>
#include <string>
#include <thread>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

/// A convolution with what can go into its weights, a window and shape arithmetic; the input's shape is open.
constexpr auto open_model = R"(graph opset 17 {
  input x: float
  const w = float[2x1x3x3] {1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1}
  const scale = float[2] {2, 3}
  const shift = float[2] {1, -1}
  const mean = float[2] {0.5, 0.25}
  const variance = float[2] {1, 4}
  const half = float[1x2x1x1] {0.5, 0.25}
  const zero = int64[1] {0}
  const rest = int64[1] {-1}
  c = Conv(x, w) {pads = [1, 1, 1, 1]}
  n = BatchNormalization(c, scale, shift, mean, variance)
  m = Mul(n, half)
  r = Relu(m)
  i = Identity(r)
  s = Shape(i)
  batch = Gather(s, zero)
  to = Concat(batch, rest) {axis = 0}
  y = Reshape(i, to)
  output y
})";

int nodes_of(graph const& g, std::string_view op) {
  auto const order = g.topological_order();
  return static_cast<int>(std::ranges::count_if(order, [&](node_id id) { return g.at(id).op == op; }));
}

signature shapes_are(shape s) { return {.shapes = {s}}; }

any_tensor input_of(shape s) {
  any_tensor t(dtype::float32, s);
  auto const x = t.mutable_view().as<float>();
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13) - 6;
  return t;
}

/// The weights of the one convolution.
any_tensor const& weights_of(graph const& g) {
  for (auto const id : g.topological_order())
    if (g.at(id).op == "Conv") return g.at(g.at(id).inputs[1]).constant;
  FAIL("no convolution");
  return g.at(value_id{0}).constant;
}

}  // namespace

TEST_CASE("what needs no shapes is done before shapes are known, and once") {
  auto const prepared = prepare(parse(open_model), {.verify = true});
  verify(prepared.g);
  CHECK(prepared.done.rewrites > 0);
  for (auto const* op : {"BatchNormalization", "Mul", "Identity"}) CHECK(nodes_of(prepared.g, op) == 0);
  CHECK(nodes_of(prepared.g, "Shape") == 1);
  auto const& weights = weights_of(prepared.g);
  CHECK(weights.number() != 0);
  for (std::int64_t const n : {1, 3}) {
    auto const bound = bind(prepared, shapes_are({n, 1, 5, 6}), {.verify = true});
    CHECK(nodes_of(bound.g, "Shape") == 0);
    CHECK(weights_of(bound.g).shares_elements(weights));
    CHECK(weights_of(bound.g).number() == weights.number());
    CHECK(bound.done.rewrites > prepared.done.rewrites);
    CHECK(bound.done.folded_bytes >= prepared.done.folded_bytes);
  }
}

TEST_CASE("what needs no shapes is bound once, for all signatures") {
  auto const prepared = prepare(parse(open_model));
  CHECK(nodes_of(prepared.g, "Relu") == 0);
  auto const bound = bind(prepared, shapes_are({2, 1, 5, 6}));
  for (auto const id : bound.g.topological_order()) {
    auto const& n = bound.g.at(id);
    if (n.op == "Conv") CHECK(bind(n).attributes == bind(prepared.g.at(id)).attributes);
  }
}

TEST_CASE("a prepared graph computes what the graph computes") {
  auto const g = parse(open_model);
  auto const prepared = prepare(g, {.verify = true});
  model_store store;
  std::size_t packed = 0;
  for (std::int64_t const n : {2, 5}) {
    auto const x = input_of({n, 1, 5, 6});
    auto const expected = evaluate(g, {x});
    CHECK(difference(evaluate(prepared.g, {x}), expected) == "");
    auto const code = compile(prepared, shapes_are(x.shape()), {.machine = runnable_here("native")}, store, nullptr);
    workspace w(code.memory());
    std::vector<tensor_view> in{x.view()};
    code.run(w, in);
    CHECK(difference({own(w.results[0])}, expected) == "");
    if (packed == 0) packed = store.weights.bytes();
    CHECK(store.weights.bytes() == packed);
  }
}

TEST_CASE("a graph of known shapes has nothing to prepare") {
  auto g = parse(open_model);
  g.at(g.inputs[0].value).type.shape = shape{1, 1, 5, 6};
  auto const prepared = prepare(g);
  CHECK(prepared.done.rewrites == 0);
  CHECK(print(prepared.g) == print(g));
  auto open = parse(open_model);
  open.inputs[0].declared = {{{1, ""}, {1, ""}, {5, ""}, {6, ""}}};
  CHECK(prepare(open).done.rewrites == 0);
  auto whole = g;
  auto const rewrites = optimize(whole).rewrites;
  CHECK(bind(prepared, signature_of(g)).done.rewrites == rewrites);
  CHECK(print(bind(prepared, signature_of(g)).g) == print(whole));
}

TEST_CASE("the rewrites of all chapters count") {
  auto const prepared = prepare(parse(open_model));
  auto const whole = bind(prepared, shapes_are({2, 1, 5, 6}));
  auto const x = input_of({2, 1, 5, 6});
  auto const expected = evaluate(parse(open_model), {x});
  for (std::int64_t most = 0; most <= whole.done.rewrites; ++most) {
    optimize_options const how{.stop_after = most, .verify = true};
    auto const first = prepare(parse(open_model), how);
    CHECK(first.done.rewrites == std::min(most, prepared.done.rewrites));
    auto const second = bind(first, shapes_are({2, 1, 5, 6}), how);
    CHECK(second.done.rewrites == most);
    CHECK(difference(evaluate(second.g, {x}), expected) == "");
  }
}

TEST_CASE("what prepare folds is charged to the same bound") {
  auto const folded = bind(prepare(parse(open_model)), shapes_are({2, 1, 5, 6})).done.folded_bytes;
  REQUIRE(folded > 0);
  optimize_options how;
  how.fold_bytes = folded;
  CHECK_NOTHROW(bind(prepare(parse(open_model), how), shapes_are({2, 1, 5, 6}), how));
  how.fold_bytes = folded - 1;
  CHECK_THROWS_AS(bind(prepare(parse(open_model), how), shapes_are({2, 1, 5, 6}), how), error);
}

TEST_CASE("a default that a signature replaces is no constant") {
  auto g = parse(R"(graph opset 17 {
  input x: float
  const w = float[1x1x1x1] {3}
  const b = float[1] {2}
  c = Conv(x, w)
  y = Mul(c, b)
  output y
})");
  for (std::size_t i = 0; i < g.value_count(); ++i)
    if (g.at(value_id{static_cast<std::int32_t>(i)}).name == "b")
      g.inputs.push_back({value_id{static_cast<std::int32_t>(i)}, {{{1, ""}}}});
  REQUIRE(g.inputs.size() == 2);
  auto const prepared = prepare(g, {.verify = true});
  CHECK(nodes_of(prepared.g, "Mul") == 0);
  auto const kept = bind(prepared, {.shapes = {shape{1, 1, 2, 2}, std::nullopt}});
  signature const both{.shapes = {shape{1, 1, 2, 2}, shape{1}}};
  auto const replaced = bind(prepared, both);
  auto const x = input_of({1, 1, 2, 2});
  auto const two = any_tensor::of<float>({1}, {2}), five = any_tensor::of<float>({1}, {5});
  CHECK(difference(evaluate(kept.g, {x, two}), evaluate(g, {x, two})) == "");
  CHECK(difference(evaluate(replaced.g, {x, five}), evaluate(specialize(g, both), {x, five})) == "");
}

TEST_CASE("malformed operators are refused whatever is known of shapes") {
  for (auto const* wrong : {"c = Conv(x, w) {pads = [1, 1]}", "c = Conv(x, w, long)", "c = Conv(x, w) {group = 2}",
                            "c = Conv(x, w) {strides = [1, 1, 1]}", "d = Conv(x, w)\n  c = Add(d, long)"}) {
    auto const text = std::string(
                          "graph opset 17 {\n  input x: float\n  const w = float[2x2x1x1] {1, 2, 3, 4}\n"
                          "  const long = float[3] {1, 2, 3}\n  ") +
                      wrong + "\n  output c\n}";
    INFO(text);
    CHECK_THROWS_AS(bind(prepare(parse(text), {.verify = true}), shapes_are({1, 2, 2, 2})), error);
  }
}

TEST_CASE("unsupported operators are listed before anything is done") {
  auto const text = "graph opset 17 {\n  input x: float\n  a = Abc(x)\n  y = Xyz(a)\n  output y\n}";
  CHECK_THROWS_WITH(prepare(parse(text)), says("Abc") && says("Xyz"));
}

namespace {

executable compiled_for(rewritten_graph const& prepared, std::int64_t batch, model_store& store) {
  return compile(prepared, shapes_are({batch, 1, 5, 6}), {.machine = runnable_here("native")}, store, nullptr);
}

any_tensor run_batch(executable const& code, std::int64_t batch) {
  workspace w(code.memory());
  auto const x = input_of({batch, 1, 5, 6});
  std::vector<tensor_view> in{x.view()};
  code.run(w, in);
  return own(w.results[0]);
}

}  // namespace

TEST_CASE("another batch size has the kernels and the code of the first one") {
  auto const prepared = prepare(parse(open_model));
  model_store store;
  auto const first = compiled_for(prepared, 2, store);
  auto const kernels = store.kernels.size(), code = store.code.bytes();
  REQUIRE(kernels == first.plan().kernels.size());
  auto const second = compiled_for(prepared, 5, store);
  CHECK(second.plan().kernels == first.plan().kernels);
  CHECK(store.kernels.size() == kernels);
  CHECK(store.code.bytes() == code);
  model_store other;
  auto const alone = compiled_for(prepared, 5, other);
  CHECK(equal_bits({run_batch(second, 5)}, {run_batch(alone, 5)}));
}

TEST_CASE("another batch size neither packs nor reads the weights") {
  auto const prepared = prepare(parse(open_model));
  auto const expected = evaluate(parse(open_model), {input_of({3, 1, 5, 6})});
  model_store store;
  auto const first = compiled_for(prepared, 1, store);
  auto const packed = store.weights.bytes();
  auto const& weights = weights_of(prepared.g);
  auto* const bytes = static_cast<float*>(const_cast<void*>(weights.data()));
  std::fill_n(bytes, weights.elements(), std::numeric_limits<float>::quiet_NaN());
  auto const second = compiled_for(prepared, 3, store);
  CHECK(store.weights.bytes() == packed);
  CHECK(difference({run_batch(second, 3)}, expected) == "");
}

TEST_CASE("what signatures share lives as long as one of them") {
  auto const prepared = prepare(parse(open_model));
  model_store store;
  {
    auto second = [&] {
      auto const first = compiled_for(prepared, 1, store);
      return compiled_for(prepared, 4, store);
    }();
    CHECK(store.kernels.size() == second.plan().kernels.size());
    CHECK(difference({run_batch(second, 4)}, evaluate(parse(open_model), {input_of({4, 1, 5, 6})})) == "");
  }
  CHECK(store.kernels.size() == 0);
  CHECK(store.code.bytes() == 0);
  CHECK(store.weights.bytes() == 0);
}

TEST_CASE("signatures are compiled side by side") {
  auto const prepared = prepare(parse(open_model));
  model_store store;
  std::vector<std::vector<any_tensor>> results(8);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = t; i < results.size(); i += 4)
        for (int again = 0; again < 3; ++again) {
          auto const batch = static_cast<std::int64_t>(i) + 1;
          results[i] = {run_batch(compiled_for(prepared, batch, store), batch)};
        }
    });
  for (auto& t : threads) t.join();
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const x = input_of({static_cast<std::int64_t>(i) + 1, 1, 5, 6});
    CHECK(difference(results[i], evaluate(parse(open_model), {x})) == "");
  }
}

TEST_CASE("the code of all signatures is charged") {
  auto const prepared = prepare(parse(open_model));
  std::size_t bytes = 0;
  {
    model_store store;
    auto const code = compiled_for(prepared, 1, store);
    bytes = store.code.bytes();
  }
  if (bytes == 0) {
    WARN("no machine code for this machine");
    return;
  }
  model_store exact(limits{.code_bytes = bytes});
  auto const first = compiled_for(prepared, 1, exact);
  CHECK_NOTHROW(compiled_for(prepared, 2, exact));
  CHECK_THROWS_WITH(compile(prepared, shapes_are({1, 1, 9, 7}), {.machine = runnable_here("native")}, exact, nullptr),
                    says("machine code"));
}
