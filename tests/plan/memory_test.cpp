#include <sinter/plan/memory.hpp>
#include <sinter/plan/validate.hpp>

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
  CHECK_NOTHROW(validate(p));
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
  p.kernels = {kernel};
  grid g{.extent = {1, 1, 2, 1}};
  g.arguments = {{.base = {.where = space::arena, .index = 0, .offset = 0}, .stride = {0, 0, 64, 0}}};
  p.regions = {{.grids = {g}}};
  p.steps = {{.kind = step_kind::region, .index = 0, .names = "s"},
             {.kind = step_kind::region, .index = 0, .names = "s"}};
  CHECK_NOTHROW(validate(p));

  SECTION("two tensors on the same bytes") { p.allocations[1].offset = 64; }
  SECTION("a tensor past the arena") { p.allocations[1].offset = 192; }
  SECTION("a task past its tensor") { p.regions[0].grids[0].extent[2] = 3; }
  SECTION("a tensor that is dead") { p.allocations[0].last = 0; }
  SECTION("a task before its tensor") { p.regions[0].grids[0].arguments[0].stride[2] = -64; }
  CHECK_THROWS_AS(validate(p), error);
}
