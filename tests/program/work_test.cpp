#include <sinter/program/work.hpp>
#include <sinter/vector/builder.hpp>

#include "catch.hpp"
#include <utility>

using namespace sinter;

namespace {

/// Squares a register `turns` times, between a load and a store.
vector::program squares_kernel(std::int64_t turns) {
  vector::builder b("squares", 16);
  auto const x = b.argument("x", vector::access::in, 64);
  auto const y = b.argument("y", vector::access::out, 64);
  auto const value = b.load(x.at(0));
  b.loop(turns, {}, [&] { b.binary_to(value, vector::opcode::mul, value, value); });
  b.store(y.at(0), value);
  return std::move(b).take();
}

/// Kernels: 2 + 5 instructions, 2 + 700 instructions; both read and write 64 bytes.
program with_squares() {
  program p;
  p.kernels = {share(squares_kernel(5)), share(squares_kernel(700))};
  return p;
}

/// `n` tasks that each work on a register of their own.
region registers(std::uint32_t kernel, extent n) {
  address x{.in = space::input, .stride = {0, 0, 0, 64}}, y{.in = space::output, .stride = {0, 0, 0, 64}};
  return {{{.extents = {1, 1, 1, n}, .body = {{.kernel = {kernel}, .arguments = {x, y}}}}}};
}

auto about(double value) { return Approx(value).epsilon(1e-9); }

}  // namespace

TEST_CASE("a region takes time for its instructions, and for bytes, of which those that tasks share count once") {
  auto const p = with_squares();
  work_estimate const work(p.kernels);
  CHECK(work(registers(0, 10)).ns == about(10 * 7 / 14.0 + 2 * 640 / 100.0));
  CHECK(work(registers(0, extent::growing(2)), 5).ns == work(registers(0, 10)).ns);

  auto r = registers(0, 10);
  auto& arguments = r.grids[0].body[0].arguments;
  arguments[0].stride = {};
  CHECK(work(r).ns == about(5 + (64 + 640) / 100.0));
  arguments[0].stride = {0, 0, 0, 4096};  // of these bytes what is read
  CHECK(work(r).ns == about(5 + 2 * 640 / 100.0));
  arguments[0].in = space::scratch;
  CHECK(work(r).ns == about(5 + 640 / 100.0));

  using enum statement::kind;
  auto looped = registers(0, 10);
  looped.grids[0].body.insert(looped.grids[0].body.begin(), {.what = loop, .turns = 3});
  looped.grids[0].body.push_back({.what = end});
  CHECK(work(looped).ns == about(3 * 5 + 2 * 640 / 100.0));
}

TEST_CASE("of activations it is said which move with the axis that threads divide") {
  auto const p = with_squares();
  work_estimate const work(p.kernels);
  auto r = registers(0, 10);
  CHECK(work(r).tasks == 10);
  CHECK(work(r).divided == 640);
  CHECK(work(r).common == 0);
  r.grids[0].extents[0] = 2;  // threads divide this one, along which nothing moves
  CHECK(work(r).divided == 0);
  CHECK(work(r).common == 640);
  r.grids[0].body[0].arguments[0].in = space::weight;
  CHECK(work(r).common == 0);
}

TEST_CASE("regions of little work or of one task are not shared, others in pieces of half a microsecond") {
  auto p = with_squares();
  work_estimate const work(p.kernels);
  p.steps = {{.action = registers(0, 100)}, {.action = registers(1, 50)}};
  CHECK(work.grains(p) == std::vector<std::int64_t>{0, 0});
  p.steps.push_back({.action = registers(1, 10000)});
  auto const of_task = work(registers(1, 10000)).ns / 10000;
  auto const grain = work.grains(p)[2];
  CHECK(grain > 1);
  CHECK(of_task * static_cast<double>(grain) <= 500);
  CHECK(of_task * static_cast<double>(grain + 1) > 500);
  program heavy;
  heavy.kernels = {share(squares_kernel(1000000))};
  heavy.steps = {{.action = registers(0, 1)}, {.action = registers(0, 2)}};
  CHECK(work_estimate(heavy.kernels).grains(heavy) == std::vector<std::int64_t>{0, 1});
}

TEST_CASE("what sharing saves of a program decides whether threads are woken") {
  auto p = with_squares();
  work_estimate const work(p.kernels);
  p.steps = {{.action = registers(1, 200)}};  // 10 us
  CHECK(work.grains(p)[0] == 0);
  p.steps = {{.action = registers(1, 1000)}};
  CHECK(work.grains(p)[0] > 0);
}

TEST_CASE("a step is shared or not by where the steps before it left what it reads") {
  auto p = with_squares();
  work_estimate const work(p.kernels);
  auto const steps = [](std::uint32_t kernel, std::int64_t tasks,
                        std::int64_t lines) {  // each task reads `lines` lines
    using enum statement::kind;
    auto r = registers(kernel, tasks);
    auto& body = r.grids[0].body;
    body[0].arguments[0].stride = {0, 0, 0, 64 * lines, 64};
    body.insert(body.begin(), {.what = loop, .turns = lines});
    body.push_back({.what = end});
    return program_step{.action = std::move(r)};
  };
  auto const large = steps(1, 100, 20), copying = steps(0, 20, 500);  // 100 us; 8 us, 640 kB read
  auto const shared = [&](std::vector<program_step> these) {
    p.steps = std::move(these);
    std::vector<bool> result;
    for (auto const grain : work.grains(p)) result.push_back(grain > 0);
    return result;
  };
  CHECK(shared({copying}) == std::vector{false});
  CHECK(shared({large, copying}) == std::vector{true, true});
  auto const alone = steps(1, 1, 2000);  // one task, 128 kB read
  CHECK(shared({alone, copying, copying}) == std::vector{false, false, false});
  auto const same = [&](space from) {  // 20 us, of which each task reads the same 128 kB
    auto s = steps(0, 20, 2000);
    std::get<region>(s.action).grids[0].body[1].arguments[0] = {.in = from, .stride = {0, 0, 0, 0, 64}};
    return s;
  };
  CHECK(shared({same(space::input)}) == std::vector{false});
  CHECK(shared({same(space::weight)}) == std::vector{true});
  auto const little = steps(0, 1, 10);
  CHECK(shared({large, little, copying}) == std::vector{true, false, true});
}
