#include <sinter/schedules/group_norm.hpp>

#include "schedules/harness.hpp"
#include <cstdint>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto instance_entry = entry_of<instance_normalization>();
constexpr auto group_entry = entry_of<group_normalization>();

std::vector<test_operand> norm_operands(shape const& x, std::int64_t factors) {
  return {blocked(x), {random_tensor({factors}, 2), true}, {random_tensor({factors}, 3), true}};
}

test_case instance_norm_case(shape const& x) {
  return make_case(instance_entry, {{"epsilon", 1e-3f}}, norm_operands(x, x[1]));
}
test_case group_norm_case(shape const& x, std::int64_t groups, std::int64_t version = 21) {
  return make_case(group_entry, {{"num_groups", groups}}, norm_operands(x, version < 21 ? groups : x[1]), version);
}

std::size_t normalizations(test_case const& c) {
  return group_norm_schedule.offer(describe_case(c), targets[0]).size();
}

}  // namespace

TEST_CASE("instance normalisation of blocks and of rows") {
  auto const x = GENERATE(shape{1, 16, 5, 7}, shape{2, 20, 9, 9}, shape{1, 33, 3, 2}, shape{2, 3, 40},
                          shape{1, 5, 1, 1}, shape{1, 16, 2, 3, 5});
  INFO(to_string(x));
  CHECK(normalizations(instance_norm_case(x)) == 2);
  check_case(instance_norm_case(x), group_norm_schedule, 5e-6);
}

TEST_CASE("group normalisation: groups within blocks, of whole blocks, and across blocks") {
  auto const [x, groups, expected] = GENERATE(std::tuple<shape, std::int64_t, std::size_t>{{2, 32, 5, 5}, 16, 2},
                                              std::tuple<shape, std::int64_t, std::size_t>{{1, 32, 6, 5}, 8, 2},
                                              std::tuple<shape, std::int64_t, std::size_t>{{1, 24, 7, 3}, 3, 2},
                                              std::tuple<shape, std::int64_t, std::size_t>{{1, 64, 9, 4}, 4, 2},
                                              std::tuple<shape, std::int64_t, std::size_t>{{2, 96, 5, 3}, 2, 2},
                                              std::tuple<shape, std::int64_t, std::size_t>{{1, 40, 6, 6}, 4, 1},
                                              std::tuple<shape, std::int64_t, std::size_t>{{1, 24, 6, 6}, 1, 1});
  INFO(to_string(x) << " in " << groups);
  auto const c = group_norm_case(x, groups);
  CHECK(normalizations(c) == expected);
  check_case(c, group_norm_schedule, 5e-6);
  check_case(group_norm_case(x, groups, 18), group_norm_schedule, 5e-6);
}

TEST_CASE("group normalisation of slices, and of values far from 0") {
  auto slack = group_norm_case({2, 32, 4, 4}, 4);
  slack.slack_blocks = 1;
  check_case(slack, group_norm_schedule, 5e-6);
  auto far = group_norm_case({1, 32, 12, 12}, 8);
  far.inputs[0].value = random_tensor({1, 32, 12, 12}, 5, 99, 101);
  check_case(far, group_norm_schedule, 1e-4);
}

TEST_CASE("normalisations with computed factors are left to others") {
  auto c = instance_norm_case({1, 16, 4, 4});
  c.inputs[1].constant = false;
  CHECK(normalizations(c) == 0);
}
