#include <sinter/plan/memory.hpp>
#include <sinter/program/verify.hpp>

#include "catch.hpp"
#include <random>

using namespace sinter;

namespace {

allocation lives(std::int64_t bytes, std::int32_t first, std::int32_t last) {
  return {.name = "t", .bytes = bytes, .first = first, .last = last};
}

}  // namespace

TEST_CASE("the lower bound is the fullest step", "[plan]") {
  CHECK(arena_lower_bound({}) == 0);
  CHECK(arena_lower_bound({lives(64, 0, 1), lives(128, 1, 2), lives(64, 2, 3)}) == 192);
  CHECK(arena_lower_bound({lives(1, 0, 0), lives(65, 0, 0)}) == 64 + 128);
}

TEST_CASE("tensors that never meet share bytes", "[plan]") {
  std::vector<allocation> chain{lives(640, 0, 1), lives(640, 1, 2), lives(640, 2, 3), lives(640, 3, 4)};
  CHECK(place_allocations(chain) == 1280);
  CHECK(place_allocations(chain) == arena_lower_bound(chain));
}

TEST_CASE("placements of random lifetimes never overlap", "[plan]") {
  std::mt19937 random(GENERATE(1, 2, 3, 4, 5));
  std::vector<allocation> all;
  for (int i = 0; i < 200; ++i) {
    auto const first = static_cast<std::int32_t>(random() % 100);
    all.push_back(
        lives(static_cast<std::int64_t>(random() % 5000) + 1, first, first + static_cast<std::int32_t>(random() % 8)));
  }
  program p;
  p.arena_bytes = place_allocations(all);
  p.allocations = all;
  CHECK_NOTHROW(verify(p));
  CHECK(p.arena_bytes >= arena_lower_bound(all));
  CHECK(p.arena_bytes <= arena_lower_bound(all) * 3 / 2);
}

TEST_CASE("the validator sees what a plan must not do", "[plan]") {
  program p;
  p.arena_bytes = 256;
  p.allocations = {lives(128, 0, 1), lives(128, 1, 1)};
  p.allocations[1].offset = 128;
  vector::program kernel{.name = "k"};
  kernel.arguments = {{.name = "y", .mode = vector::access::out, .bytes = 64}};
  p.kernels = {share(kernel)};
  grid g{.extents = {1, 1, 2, 1}};
  g.body = {{.arguments = {{.in = space::arena, .stride = {0, 0, 64}}}}};
  p.steps = {{.action = region{{g}}}, {.action = region{{g}}}};
  CHECK_NOTHROW(verify(p));

  SECTION("two tensors on the same bytes") { p.allocations[1].offset = 64; }
  SECTION("a tensor past the arena") { p.allocations[1].offset = 192; }
  auto& first = std::get<region>(p.steps[0].action).grids[0];
  auto& call = first.body[0];
  SECTION("a task past its tensor") { first.extents[2] = 3; }
  SECTION("a tensor that is dead") { p.allocations[0].last = 0; }
  SECTION("a tensor that does not exist") { call.arguments[0].index = 2; }
  SECTION("a task before its tensor") { call.arguments[0].stride[2] = -64; }
  SECTION("a kernel that does not exist") { call.kernel.index = 1; }
  SECTION("an argument too many") { call.arguments.push_back(call.arguments[0]); }
  SECTION("a turn of a loop past its tensor") {
    call.arguments[0].stride[grid_rank] = 64;
    first.body.insert(first.body.begin(), {.what = statement::kind::loop, .turns = 2});
    first.body.push_back({.what = statement::kind::end});
  }
  SECTION("a loop without an end") { first.body.insert(first.body.begin(), {.what = statement::kind::loop}); }
  SECTION("an end without a loop") { first.body.push_back({.what = statement::kind::end}); }
  SECTION("loops that are nested too deep") {
    first.body.insert(first.body.begin(), loop_depth + 1, {.what = statement::kind::loop});
    first.body.insert(first.body.end(), loop_depth + 1, {.what = statement::kind::end});
  }
  CHECK_THROWS_AS(verify(p), error);
}
