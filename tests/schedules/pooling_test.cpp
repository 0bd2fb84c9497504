#include <sinter/schedules/pooling.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto max_pool_entry = entry_of<max_pool>();
constexpr auto average_pool_entry = entry_of<average_pool>();
using integers = std::vector<std::int64_t>;

struct pool_case {
  shape in;
  integers kernel, strides, pads, dilations;
  std::int64_t ceil_mode = 0;
};

void check_pool(pool_case const& p) {
  INFO(to_string(p.in) << " kernel " << fmt::format("{}", fmt::join(p.kernel, "x")));
  attribute_map a{{"kernel_shape", p.kernel}, {"ceil_mode", p.ceil_mode}};
  if (!p.strides.empty()) a["strides"] = p.strides;
  if (!p.pads.empty()) a["pads"] = p.pads;
  if (!p.dilations.empty()) a["dilations"] = p.dilations;
  test_operand const x{random_tensor(p.in, 7), false, layout::blocked};
  check_case(make_case(max_pool_entry, a, {x}), pooling_schedule, 0);
  check_case(make_case(average_pool_entry, a, {x}), pooling_schedule);
  a["count_include_pad"] = std::int64_t{1};
  auto c = make_case(average_pool_entry, a, {x});
  c.slack_blocks = 1;
  check_case(c, pooling_schedule);
}

}  // namespace

TEST_CASE("pools with any border") {
  check_pool({{1, 20, 14, 14}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {}});
  check_pool({{2, 64, 9, 7}, {2, 2}, {2, 2}, {}, {}});
  check_pool({{1, 16, 13, 13}, {3, 3}, {2, 2}, {0, 0, 0, 0}, {}, 1});
  check_pool({{1, 16, 12, 12}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {}, 1});
  check_pool({{1, 8, 7, 6}, {3, 2}, {1, 2}, {2, 0, 1, 1}, {}});
  check_pool({{1, 40, 13, 13}, {13, 13}, {1, 1}, {6, 6, 6, 6}, {}});
  check_pool({{1, 24, 5, 5}, {5, 5}, {1, 1}, {2, 2, 2, 2}, {}});
  check_pool({{1, 16, 9, 9}, {2, 3}, {1, 1}, {1, 2, 1, 2}, {2, 2}});
  check_pool({{1, 3, 60, 61}, {3, 3}, {1, 1}, {1, 1, 1, 1}, {}});
  check_pool({{1, 33, 50, 40}, {3, 3}, {2, 2}, {1, 1, 1, 1}, {}});
  check_pool({{2, 5, 31}, {4}, {3}, {1, 2}, {}});
}

TEST_CASE("pools that no kernel does are left to others") {
  attribute_map const a{{"kernel_shape", integers{2, 2}}};
  auto c = make_case(max_pool_entry, a, {{random_tensor({1, 4, 6, 6}, 1), false, layout::blocked}});
  c.node.outputs.push_back({5});
  CHECK_FALSE(offers(pooling_schedule, c, targets[0]));
  auto volume = make_case(max_pool_entry, {{"kernel_shape", integers{2, 2, 2}}}, {{random_tensor({1, 4, 6, 6, 6}, 1)}});
  CHECK_FALSE(offers(pooling_schedule, volume, targets[0]));
}
