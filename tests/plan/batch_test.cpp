#include <sinter/plan/batch.hpp>

#include "catch.hpp"
#include <array>
#include <cstdint>
#include <vector>

using namespace sinter;

TEST_CASE("batch sizes share the regions that do not depend on them") {
  // A call of kernel 0 that reads item by item; the batch is axis `axis`.
  auto const region_of = [](std::int32_t items, std::int64_t offset, std::size_t axis = 0) {
    grid g;
    g.extents[axis] = 2 * items;
    g.body = {{.arguments = {{.in = space::arena, .offset = offset, .stride = {256, 64}}}}};
    return region{{g}};
  };
  auto const groups = [](std::vector<region> const& regions) {
    std::vector<program> plans;
    for (auto const& r : regions) plans.push_back({.steps = {{.action = r}}});
    std::vector<std::int64_t> const sizes{1, 2, 8};
    std::vector<std::size_t> const all{0, 1, 2};
    return share_regions(plans, sizes, all, 0);
  };
  auto const shared = groups({region_of(1, 0), region_of(2, 0), region_of(8, 0)});
  REQUIRE(shared.size() == 1);
  CHECK(shared[0].plans == std::vector<std::size_t>{2, 1, 0});
  CHECK(shared[0].what.grids[0].extents == std::array<extent, 4>{extent::growing(2), 1, 1, 1});
  CHECK(groups({region_of(1, 64), region_of(2, 0), region_of(8, 0)}).size() == 2);    // another place
  CHECK(groups({region_of(1, 0), region_of(2, 0, 1), region_of(8, 0)}).size() == 2);  // another axis
  CHECK(groups({region_of(1, 0), region_of(3, 0), region_of(8, 0)}).size() == 2);     // not in proportion
  CHECK(groups({region_of(4, 0), region_of(4, 0), region_of(4, 0)})[0].what.grids[0].extents[0] == extent(8));
}
