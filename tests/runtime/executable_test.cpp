#include <sinter/program/verify.hpp>
#include <sinter/runtime/executable.hpp>
#include <sinter/runtime/thread_pool.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "held_up_pool.hpp"
#include "runtime/programs.hpp"
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

std::vector<float> run(executable const& e, std::vector<float> const& x, std::int64_t n) {
  workspace w(e.memory());
  tensor_view const in{dtype::float32, {n, row}, x.data()};
  e.run(w, {&in, 1});
  auto const y = w.results[0].as<float>();
  return {y.begin(), y.end()};
}

/// An executor that splits in its own way: three workers one after the other, last tasks first.
struct backwards final : executor {
  int calls = 0;
  void parallel_for(std::int64_t tasks, range_body body, void* context) noexcept override {
    ++calls;
    for (int w = 2; w >= 0; --w)
      if (tasks * w / 3 < tasks * (w + 1) / 3) body(context, tasks * w / 3, tasks * (w + 1) / 3, w);
  }
  int workers() const noexcept override { return 3; }
};

operator_entry const negate{.schema = {.name = "Negate"},
                            .parse = nullptr,
                            .infer = [](inputs const& in, void const*) -> types { return {in[0]}; },
                            .element = nullptr,
                            .kernel = nullptr,
                            .evaluate =
                                [](input_views in, output_views out, void const*) {
                                  auto const x = in[0].as<float>();
                                  if (x[0] == 666) fail(error_code::malformed_model, "666 is not supported");
                                  if (x[0] == 667) throw std::bad_alloc();
                                  for (std::size_t i = 0; i < x.size(); ++i) out[0].as<float>()[i] = -x[i];
                                },
                            .execute = nullptr,
                            .expression = nullptr};

program host_program(std::int64_t n) {
  auto p = affine_program(n);
  p.steps.push_back({.nodes = {node_id{0}},
                     .action = host_call{.op = {&negate, {}},
                                         .inputs = {{.type = rows(n), .where = {space::arena, 2}}},
                                         .outputs = {{.type = rows(n), .where = {space::arena, 3}}}}});
  p.nodes = {{.name = "neg", .op = "Negate"}};
  p.outputs[0].where.index = 3;
  p.allocations.push_back({"neg", n * row * 4, n * row * 4, 3, 4});
  return p;
}

std::string message_of(executable const& e, float first) {
  return test::message_of([&] { run(e, counting(row, first), 1); }, std::nullopt);
}

}  // namespace

TEST_CASE("a program runs region by region") {
  weight_store store;
  for (bool const direct : {false, true}) {
    executable const e(affine_program(3, direct), interpreted(), store);
    auto const x = counting(3 * row);
    CHECK(run(e, x, 3) == affine(x));
    CHECK(run(e, x, 3) == affine(x));
  }
}

TEST_CASE("grids step through four axes and side by side") {
  program p;
  vector::builder b("copy", 16);
  auto const x = b.argument("x", vector::access::in, 4), y = b.argument("y", vector::access::out, 4);
  b.store(y.at(0), b.load(x.at(0), 1), 1);
  p.kernels = {share(std::move(b).take())};
  tensor_type const type{dtype::float32, shape{2, 3, 4, 5}};
  // A transpose of all four axes, whose last item of axis 0 is a grid of its own.
  grid g{.extents = {1, 3, 4, 5}};
  g.body = {{.arguments = {{.in = space::input, .stride = {240, 80, 20, 4}},
                           {.in = space::output, .stride = {4, 8, 24, 96}}}}};
  auto h = g;
  h.body[0].arguments[0].offset = 240;
  h.body[0].arguments[1].offset = 4;
  p.steps = {{.action = region{{g, h}}}};
  p.inputs = {{.type = type, .where = {space::input, 0}, .constant = {}}};
  p.outputs = {{.type = type, .where = {space::output, 0}, .constant = {}}};
  weight_store store;
  executable const e(std::move(p), interpreted(), store);
  auto const in = counting(120);
  workspace w(e.memory());
  tensor_view const view{dtype::float32, *type.shape, in.data()};
  e.run(w, {&view, 1});
  auto const out = w.results[0].as<float>();
  for (int a = 0; a < 2; ++a)
    for (int c = 0; c < 3; ++c)
      for (int i = 0; i < 4; ++i)
        for (int j = 0; j < 5; ++j) {
          auto const from = static_cast<std::size_t>(60 * a + 20 * c + 5 * i + j);
          auto const to = static_cast<std::size_t>(a + 2 * c + 6 * i + 24 * j);
          if (out[to] != in[from]) FAIL(a << c << i << j);
        }
}

TEST_CASE("any number of threads and any executor give equal bits") {
  std::int64_t const n = 5000;
  auto const x = counting(n * row);
  auto const expected = affine(x);
  weight_store store;
  for (int const threads : {1, 2, 3, 4, 7}) {
    thread_pool pool(threads);
    executable const e(affine_program(n), interpreted(), store, &pool);
    CHECK(run(e, x, n) == expected);
  }
  for (int const threads : {2, 3, 4}) {
    test::held_up_pool pool(threads);
    executable const e(affine_program(n), interpreted(), store, &pool);
    for (int turn = 0; turn < 1000 && pool.stolen() < 5; ++turn) CHECK(run(e, x, n) == expected);
    CHECK(pool.stolen() >= 5);
  }
  backwards mine;
  executable const e(affine_program(n), interpreted(), store, &mine);
  mine.calls = 0;
  CHECK(run(e, x, n) == expected);
  CHECK(mine.calls == 3);
}

TEST_CASE("regions of little work stay on the calling thread") {
  weight_store store;
  backwards mine;
  executable const e(affine_program(2), interpreted(), store, &mine);
  mine.calls = 0;
  run(e, counting(2 * row), 2);
  CHECK(mine.calls == 0);
}

TEST_CASE("a body runs calls and loops in order, for any number of threads") {
  vector::builder b("add", 16);
  auto const from = b.argument("x", vector::access::in, 4), to = b.argument("y", vector::access::out, 4);
  b.store(to.at(0), b.binary(vector::opcode::add, b.load(from.at(0), 1), b.load(to.at(0), 1)), 1);
  vector::builder c("set", 16);
  auto const value = c.argument("x", vector::access::in, 4), cell = c.argument("y", vector::access::out, 4);
  c.store(cell.at(0), c.load(value.at(0), 1), 1);
  program p;
  p.kernels = {share(std::move(b).take()), share(std::move(c).take())};
  std::int64_t const n = 50;
  // y[i][k] = x[i][k] + the sum over j, l of x[i][3j + l], in scratch first
  address const x{.in = space::input, .stride = {24}}, y{.in = space::output, .stride = {24}}, s{.in = space::scratch};
  auto const along = [](address a, std::int64_t outer, std::int64_t inner) {
    a.stride[grid_rank] = outer, a.stride[grid_rank + 1] = inner;
    return a;
  };
  using enum statement::kind;
  grid g{.extents = {n}};
  g.body = {{.kernel = {1}, .arguments = {x, s}},
            {.what = loop, .turns = 2},
            {.what = loop, .turns = 3},
            {.arguments = {along(x, 12, 4), s}},
            {.what = end},
            {.what = end},
            {.what = loop, .turns = 6},
            {.kernel = {1}, .arguments = {along(x, 4, 0), along(y, 4, 0)}},
            {.arguments = {s, along(y, 4, 0)}},
            {.what = end}};
  p.steps = {{.action = region{{g}}}};
  tensor_type const type{dtype::float32, shape{n, 6}};
  p.inputs = {{.type = type, .where = {space::input, 0}, .constant = {}}};
  p.outputs = {{.type = type, .where = {space::output, 0}, .constant = {}}};
  p.scratch_bytes = 64;
  CHECK_NOTHROW(verify(p));
  auto const in = counting(n * 6);
  thread_pool pool(3);
  for (auto* threads : {static_cast<executor*>(nullptr), static_cast<executor*>(&pool)}) {
    weight_store store;
    executable const e(p, interpreted(), store, threads);
    workspace w(e.memory());
    tensor_view const view{dtype::float32, *type.shape, in.data()};
    e.run(w, {&view, 1});
    auto const out = w.results[0].as<float>();
    for (std::size_t i = 0; i < out.size(); ++i) {
      auto const first = i / 6 * 6;
      float sum = in[first];
      for (std::size_t k = 0; k < 6; ++k) sum += in[first + k];
      CHECK(out[i] == in[i] + sum);
    }
  }
}

TEST_CASE("every worker has scratch memory of its own") {
  program p;
  vector::builder b("through_scratch", 16);
  auto const x = b.argument("x", vector::access::in, 64), s = b.argument("s", vector::access::scratch, 64);
  auto const y = b.argument("y", vector::access::out, 64);
  b.store(s.at(0), b.load(x.at(0)));
  b.loop(20, {}, [&] { b.store(s.at(0), b.binary(vector::opcode::add, b.load(s.at(0)), b.constant(1))); });
  b.store(y.at(0), b.load(s.at(0)));
  p.kernels = {share(std::move(b).take())};
  std::int64_t const n = 2000;
  auto all = every_register(0, n, {space::input, 0}, {space::scratch, 0, 64}, {space::output, 0});
  all.grids[0].body[0].arguments[1].stride = {};
  p.steps = {{.action = all}};
  p.inputs = {{.type = rows(n), .where = {space::input, 0}, .constant = {}}};
  p.outputs = {{.type = rows(n), .where = {space::output, 0}, .constant = {}}};
  p.scratch_bytes = 128;
  weight_store store;
  thread_pool pool(3);
  auto expected = counting(n * row);
  for (auto& v : expected) v += 20;
  for (auto const guard : {memory_guard::plain, memory_guard::guarded}) {
    executable const e(p, interpreted(), store, &pool, guard);
    CHECK(run(e, counting(n * row), n) == expected);
  }
}

TEST_CASE("threads run one executable at once, each with its workspace") {
  std::int64_t const n = 600;
  weight_store store;
  thread_pool pool(2);
  executable const e(affine_program(n), interpreted(), store, &pool);
  std::vector<std::thread> threads;
  std::vector<int> good(4, 0);
  for (std::size_t i = 0; i < good.size(); ++i)
    threads.emplace_back([&, i] {
      auto const x = counting(n * row, static_cast<float>(i));
      auto const expected = affine(x);
      for (int k = 0; k < 5; ++k) good[i] += run(e, x, n) == expected;
    });
  for (auto& t : threads) t.join();
  CHECK(good == std::vector<int>(4, 5));
}

TEST_CASE("outputs go where the caller wants them") {
  weight_store store;
  for (bool const direct : {false, true}) {
    executable const e(affine_program(2, direct), interpreted(), store);
    auto const x = counting(2 * row);
    workspace w(e.memory());
    tensor_view const in{dtype::float32, {2, row}, x.data()};
    std::vector<float> y(2 * row + 1);
    mutable_tensor_view out{dtype::float32, {2, row}, y.data()};
    e.run(w, {&in, 1}, {&out, 1});
    CHECK(w.results[0].data == y.data());
    y.pop_back();
    CHECK(y == affine(x));
  }
}

TEST_CASE("operands that are not aligned for their kernels are copied") {
  auto p = affine_program(1, true);
  for (auto& k : p.kernels) {
    auto aligned = *k;
    for (auto& a : aligned.arguments) a.alignment = 64;
    k = share(std::move(aligned));
  }
  weight_store store;
  executable const e(std::move(p), interpreted(), store);
  auto const x = counting(row);
  alignas(64) std::byte memory[2 * row * 4 + 2];
  std::memcpy(memory + 1, x.data(), row * 4);
  workspace w(e.memory());
  tensor_view const in{dtype::float32, {1, row}, memory + 1};
  mutable_tensor_view const out{dtype::float32, {1, row}, memory + row * 4 + 1};
  e.run(w, {&in, 1}, {&out, 1});
  std::vector<float> y(row);
  std::memcpy(y.data(), out.data, row * 4);
  CHECK(y == affine(x));
}

TEST_CASE("host calls run on planned memory, their errors name the node") {
  weight_store store;
  for (auto const guard : {memory_guard::plain, memory_guard::guarded}) {
    executable const e(host_program(2), interpreted(), store, nullptr, guard);
    auto const x = counting(2 * row);
    auto expected = affine(x);
    for (auto& v : expected) v = -v;
    CHECK(run(e, x, 2) == expected);
  }
  executable const e(host_program(1), interpreted(), store);
  CHECK(message_of(e, 669) == "666 is not supported\n  in node 'neg' (Negate)");
  CHECK(message_of(e, 670) == "the system has no memory left\n  in node 'neg' (Negate)");
}

TEST_CASE("constants and inputs can be outputs") {
  program p;
  p.inputs = {{.type = rows(1), .where = {space::input, 0}, .constant = {}}};
  auto const constant = any_tensor::of<std::int64_t>({2}, {7, 8});
  p.outputs = {p.inputs[0], {.type = {dtype::int64, shape{2}}, .where = {}, .constant = constant}};
  weight_store store;
  executable const e(std::move(p), interpreted(), store);
  auto const x = counting(row);
  workspace w(e.memory());
  tensor_view const in{dtype::float32, {1, row}, x.data()};
  std::int64_t y[2]{};
  mutable_tensor_view const out[]{{}, {dtype::int64, {2}, y}};
  e.run(w, {&in, 1}, out);
  CHECK(w.results[0].as<float>()[5] == 5);
  CHECK(y[1] == 8);
}

TEST_CASE("a guarded arena gives equal bits and catches what a plain one hides") {
  weight_store store;
  auto const x = counting(3 * row);
  executable const good(affine_program(3), interpreted(), store, nullptr, memory_guard::guarded);
  CHECK(run(good, x, 3) == affine(x));
  workspace w(good.memory());
  CHECK(good.memory().guarded.size() == 3);
  CHECK(w.table(0)[0] == nullptr);
}

TEST_CASE("the arena is charged before it is taken") {
  weight_store store;
  executable const e(affine_program(3), interpreted(), store);
  CHECK_THROWS_AS(workspace(e.memory(), 700), error);
  CHECK_NOTHROW(workspace(e.memory(), 768));
}
