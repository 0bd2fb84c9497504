#include <sinter/ops/global_pooling.hpp>
#include <sinter/schedules/global_pooling.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto global_average_entry = entry_of<global_average_pool>();
constexpr auto global_max_entry = entry_of<global_max_pool>();
constexpr auto global_mean_entry = entry_of<reduce<reduction::mean>>();

}  // namespace

TEST_CASE("global pools") {
  for (auto const& s : {shape{1, 20, 7, 7}, shape{2, 100, 1, 1}, shape{3, 16, 2, 1}, shape{1, 7, 3, 1},
                        shape{1, 33, 40, 30}, shape{2, 12, 11}}) {
    INFO(to_string(s));
    test_operand const x{random_tensor(s, 3, 0, 2), false, layout::blocked};
    check_case(make_case(global_average_entry, {}, {x}), global_pooling_schedule);
    auto c = make_case(global_max_entry, {}, {x});
    c.slack_blocks = 2;
    check_case(c, global_pooling_schedule, 0);
  }
}

TEST_CASE("means over the spatial axes") {
  test_operand const x{random_tensor({2, 20, 5, 6}, 3), false, layout::blocked};
  for (std::int64_t const keep : {0, 1})
    check_case(make_case(global_mean_entry, {{"axes", std::vector<std::int64_t>{2, -1}}, {"keepdims", keep}}, {x}),
               global_pooling_schedule);
  test_operand const axes{any_tensor::of<std::int64_t>({2}, {-2, 3}), true};
  check_case(make_case(global_mean_entry, {}, {x, axes}, 18), global_pooling_schedule);
  auto const other = make_case(global_mean_entry, {{"axes", std::vector<std::int64_t>{1, 2}}}, {x});
  CHECK_FALSE(offers(global_pooling_schedule, other, targets[0]));
}
