#include <sinter/schedules/spatial_tiles.hpp>

#include "catch.hpp"
#include <cstdint>
#include <vector>

namespace {

using sinter::tile_run;
using sinter::window_axis;

/// By position and tap, whether the tap lies inside the input.
std::vector<bool> border_of(window_axis const& axis, std::int64_t first, std::int64_t length) {
  std::vector<bool> inside;
  for (auto o = first; o < first + length; ++o)
    for (std::int64_t k = 0; k < axis.kernel; ++k) inside.push_back(axis.inside(o, k));
  return inside;
}

void check_tiles(window_axis const& axis, std::int64_t most, std::vector<tile_run> const& runs) {
  std::int64_t next = 0;
  for (auto const& run : runs) {
    CHECK(run.first == next);
    CHECK(run.length >= 1);
    CHECK(run.length <= most);
    for (std::int64_t t = 1; t < run.count; ++t)
      CHECK(border_of(axis, run.first + t * run.length, run.length) == border_of(axis, run.first, run.length));
    next += run.count * run.length;
  }
  CHECK(next == axis.out);
}

}  // namespace

TEST_CASE("tiles cover an axis in order and touch the border alike within a run") {
  auto const in = GENERATE(1, 2, 5, 7, 14, 28, 56, 57, 112);
  auto const kernel = GENERATE(1, 3, 5, 7);
  auto const stride = GENERATE(1, 2, 3);
  auto const pad = GENERATE(0, 1, 3);
  auto const most = GENERATE(1, 2, 7, 14);
  window_axis axis{.in = in, .kernel = kernel, .stride = stride, .pad_begin = pad};
  if (in + 2 * pad < kernel) return;
  axis.out = (in + 2 * pad - kernel) / stride + 1;
  check_tiles(axis, most, sinter::tile_axis(axis, most));
  check_tiles(axis, most, sinter::tile_between_borders(axis, most));
}

TEST_CASE("the border is cut off where tiles fit between its positions") {
  window_axis const axis{.in = 56, .out = 56, .kernel = 3, .pad_begin = 1};
  auto const runs = sinter::tile_between_borders(axis, 14);
  REQUIRE(runs.size() == 3);
  CHECK((runs[0].length == 1 && runs[0].count == 1));
  CHECK((runs[1].first == 1 && runs[1].length == 9 && runs[1].count == 6));
  CHECK((runs[2].first == 55 && runs[2].length == 1));
}
