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
  CHECK(work.nanoseconds(registers(0, 10)) == about(10 * 7 / 14.0 + 2 * 640 / 100.0));
  CHECK(work.nanoseconds(registers(0, extent::growing(2)), 5) == work.nanoseconds(registers(0, 10)));

  auto r = registers(0, 10);
  auto& arguments = r.grids[0].body[0].arguments;
  arguments[0].stride = {};
  CHECK(work.nanoseconds(r) == about(5 + (64 + 640) / 100.0));
  arguments[0].stride = {0, 0, 0, 4096};  // of these bytes what is read
  CHECK(work.nanoseconds(r) == about(5 + 2 * 640 / 100.0));
  arguments[0].in = space::scratch;
  CHECK(work.nanoseconds(r) == about(5 + 640 / 100.0));

  using enum statement::kind;
  auto looped = registers(0, 10);
  looped.grids[0].body.insert(looped.grids[0].body.begin(), {.what = loop, .turns = 3});
  looped.grids[0].body.push_back({.what = end});
  CHECK(work.nanoseconds(looped) == about(3 * 5 + 2 * 640 / 100.0));
}

TEST_CASE("regions of little work or of one task are not shared, others in pieces of half a microsecond") {
  auto const p = with_squares();
  work_estimate const work(p.kernels);
  CHECK(work.grain(registers(0, 100)) == 0);
  CHECK(work.grain(registers(1, 50)) == 0);
  auto const large = work.nanoseconds(registers(1, 10000));
  auto const grain = work.grain(registers(1, 10000));
  CHECK(grain > 1);
  CHECK(large / 10000 * static_cast<double>(grain) <= 500);
  CHECK(large / 10000 * static_cast<double>(grain + 1) > 500);
  program heavy;
  heavy.kernels = {share(squares_kernel(100000))};
  CHECK(work_estimate(heavy.kernels).grain(registers(0, 1)) == 0);
  CHECK(work_estimate(heavy.kernels).grain(registers(0, 2)) == 1);
}

TEST_CASE("what threads share of a program decides whether they are woken") {
  auto p = with_squares();
  work_estimate const work(p.kernels);
  p.steps = {{.action = registers(1, 50)}, {.action = registers(1, 200)}};
  CHECK_FALSE(work.wakes_threads(p));
  p.steps = {{.action = registers(1, 1000)}};
  CHECK(work.wakes_threads(p));
}
