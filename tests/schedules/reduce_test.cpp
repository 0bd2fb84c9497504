#include <sinter/schedules/reduce.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto sum_entry = entry_of<reduce<reduction::sum>>();
constexpr auto mean_entry = entry_of<reduce<reduction::mean>>();
constexpr auto max_entry = entry_of<reduce<reduction::max>>();
constexpr auto l1_entry = entry_of<reduce<reduction::l1>>();
constexpr auto l2_entry = entry_of<reduce<reduction::l2>>();
constexpr auto sum_square_entry = entry_of<reduce<reduction::sum_square>>();

void check_reduce(shape s, std::vector<std::int64_t> axes) {
  INFO(to_string(s) << " over " << fmt::format("{}", fmt::join(axes, ",")));
  test_operand const x{random_tensor(s, 1)};
  check_case(make_case(sum_entry, {{"axes", axes}}, {x}, 11), reduce_schedule);
  check_case(make_case(mean_entry, {{"axes", axes}, {"keepdims", std::int64_t{0}}}, {x}), reduce_schedule);
  check_case(make_case(max_entry, {{"axes", axes}}, {x}), reduce_schedule, 0);
  check_case(make_case(l1_entry, {{"axes", axes}}, {x}), reduce_schedule);
  check_case(make_case(l2_entry, {{"axes", axes}}, {x}), reduce_schedule);
  check_case(make_case(sum_square_entry, {{"axes", axes}}, {x}), reduce_schedule);
}

}  // namespace

TEST_CASE("reductions over neighbouring axes") {
  for (std::int64_t const length : {1, 2, 9, 16, 20, 65, 333}) check_reduce({3, 4, length}, {-1});
  check_reduce({2, 3, 5, 7}, {2, 3});
  check_reduce({2, 30, 70}, {1});
  check_reduce({2, 3, 5}, {0});
  check_reduce({4, 5, 6}, {0, 1, 2});
  check_reduce({100, 128}, {1});
  check_reduce({2, 1, 5, 130}, {1, 2});
}

TEST_CASE("reductions that no kernel does are left to others") {
  auto const c = make_case(sum_entry, {{"axes", std::vector<std::int64_t>{0, 2}}}, {{random_tensor({2, 3, 4}, 1)}}, 11);
  CHECK_FALSE(offers(reduce_schedule, c, targets[0]));
  auto const unknown = make_case(sum_entry, {}, {{random_tensor({2, 3}, 1)}, {any_tensor::of<std::int64_t>({1}, {0})}});
  CHECK_FALSE(offers(reduce_schedule, unknown, targets[0]));
}
