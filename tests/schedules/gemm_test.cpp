#include <sinter/ops/entry.hpp>
#include <sinter/ops/fused_gemm.hpp>
#include <sinter/schedules/gemm.hpp>

#include "harness.hpp"
#include <string>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto product_entry = entry_of<fused_gemm>();

}  // namespace

TEST_CASE("one grid of a matrix product reads weights beyond the second-level cache", "[schedules]") {
  target const usual("x86-64:avx512f/l2=4M"), small("x86-64:avx512f/l2=128K");
  auto const grids = [](fragment const& code) { return code.regions.at(0).grids.size(); };
  for (auto const& [rows, in_equal_tasks] : {std::pair<std::int64_t, std::size_t>{49, 1}, {120, 2}}) {
    auto const c =
        make_case(product_entry, {}, {{.value = random_tensor({rows, 64}, 1)}, {random_tensor({64, 512}, 2), true}});
    auto const near = gemm_schedule.offer(describe_case(c), usual).at(0);
    auto const far = gemm_schedule.offer(describe_case(c), small).at(0);
    CHECK(grids(far.build(describe_case(c))) == 1);
    CHECK(far.build(describe_case(c)).regions[0].grids[0].extents[2] == in_equal_tasks);
    CHECK(same_bits(run_case(c, far, small)[0], run_case(c, near, usual)[0]));
  }
}

TEST_CASE("reductions whose weights leave the second-level cache go part after part, with the same bits",
          "[schedules]") {
  for (auto const* const level : {"x86-64:avx512f", "x86-64:avx2"})
    for (std::int64_t const columns : {64, 100, 71}) {
      INFO(level << ", " << columns << " columns");
      target const usual(std::string(level) + "/l2=4M"), small(std::string(level) + "/l2=64K");
      auto const c = make_case(product_entry, {{"epilogue", std::string("t0 = add x0 x1; max t0 0")}},
                               {{.value = random_tensor({13, 301}, 1)},
                                {.value = random_tensor({301, columns}, 2), .constant = true},
                                {.value = random_tensor({columns}, 3), .constant = true},
                                {.value = random_tensor({13, columns}, 4)}});
      auto const whole = gemm_schedule.offer(describe_case(c), usual).at(0);
      auto const parts = gemm_schedule.offer(describe_case(c), small).at(0);
      CHECK(whole.layouts.in_place == std::vector<std::uint32_t>{3});
      CHECK(parts.layouts.in_place.empty());  // sums wait in y
      CHECK(whole.build(describe_case(c)).regions.at(0).grids.at(0).body.size() == 1);
      CHECK(parts.build(describe_case(c)).regions.at(0).grids.at(0).body.size() == 5);
      auto const expected = run_case(c, whole, usual)[0];
      CHECK(same_bits(run_case(c, parts, small)[0], expected));
      CHECK(same_bits(run_case(c, parts, small, emitted)[0], expected));
    }
}
