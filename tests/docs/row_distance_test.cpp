#include "docs/row_distance_schedule.hpp"
#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto entry = entry_of<row_distance>();

test_case distances(std::int64_t rows, std::int64_t length, std::int64_t mean) {
  return make_case(entry, {{"mean", mean}}, {{random_tensor({rows, length}, 1)}, {random_tensor({length}, 2), true}});
}

}  // namespace

TEST_CASE("the operator of docs/add-an-operator.md", "[docs]") {
  auto c = distances(2, 3, 1);
  c.inputs[0].value = any_tensor::of<float>({2, 3}, {1, 2, 3, -1, -2, -3});
  c.inputs[1].value = any_tensor::of<float>({3}, {0, 2, 6});
  CHECK(same_bits(expected_outputs(c)[0], any_tensor::of<float>({2}, {4.0f / 3, 14.0f / 3})));
  c.inputs[1].value = any_tensor::of<float>({2}, {0, 2});
  CHECK_THROWS_WITH(inferred_types(c), says("expected RxN and N"));
}

TEST_CASE("the schedule of docs/add-a-schedule.md", "[docs]") {
  check_case(distances(1, 16, 0), row_distance_schedule);
  check_case(distances(7, 48, 1), row_distance_schedule);
  check_case(distances(300, 160, 0), row_distance_schedule);
  CHECK_FALSE(offers(row_distance_schedule, distances(4, 24, 0), targets[0]));
}
