#include <sinter/schedules/layer_norm.hpp>
#include <sinter/schedules/softmax.hpp>
#include <sinter/schedules/softmax_columns.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto softmax_entry = entry_of<softmax>();
constexpr auto log_softmax_entry = entry_of<log_softmax>();
constexpr auto layer_norm_entry = entry_of<normalization_from_axis<true>>();
constexpr auto rms_norm_entry = entry_of<normalization_from_axis<false>>();

test_operand wide_rows(shape s, std::uint32_t seed) { return {random_tensor(s, seed, -8, 8)}; }

constexpr std::int64_t lengths[] = {1, 3, 8, 10, 16, 17, 24, 31, 64, 65, 100, 197, 300, 1000};

}  // namespace

TEST_CASE("softmax of rows of any length") {
  for (auto const length : lengths) {
    INFO("length " << length);
    check_case(make_case(softmax_entry, {}, {wide_rows({2, 5, length}, 1)}), softmax_schedule, 1e-6);
    check_case(make_case(log_softmax_entry, {}, {wide_rows({7, length}, 2)}), softmax_schedule, 1e-6);
  }
  check_case(make_case(softmax_entry, {{"axis", std::int64_t{1}}}, {wide_rows({3, 4, 9}, 3)}, 11), softmax_schedule,
             1e-6);
  auto const strided = make_case(softmax_entry, {{"axis", std::int64_t{1}}}, {wide_rows({3, 4, 9}, 3)});
  CHECK_FALSE(offers(softmax_schedule, strided, targets[0]));
}

TEST_CASE("softmax of columns") {
  for (auto const& x : {shape{2, 21, 6, 7}, shape{1, 5, 70}, shape{3, 1, 9}, shape{1, 300, 2}, shape{4, 3, 32}}) {
    INFO(to_string(x));
    attribute_map const axis{{"axis", std::int64_t{1}}};
    check_case(make_case(softmax_entry, axis, {wide_rows(x, 1)}), softmax_columns_schedule, 1e-6);
    check_case(make_case(log_softmax_entry, axis, {wide_rows(x, 2)}), softmax_columns_schedule, 1e-6);
  }
  float const inf = INFINITY, nan = NAN;
  check_case(make_case(softmax_entry, {{"axis", std::int64_t{0}}},
                       {{any_tensor::of<float>({3, 4}, {1e30f, 0, -inf, nan, 0, 1, -200, 1, -1e30f, 200, 0, 2})}}),
             softmax_columns_schedule, 1e-6);
  CHECK_FALSE(offers(softmax_columns_schedule, make_case(softmax_entry, {}, {wide_rows({3, 4}, 3)}), targets[0]));
}
TEST_CASE("softmax of far apart, infinite and undefined elements") {
  float const inf = INFINITY, nan = NAN;
  check_case(make_case(softmax_entry, {},
                       {{any_tensor::of<float>({4, 3}, {1e30f, 0, -1e30f, -inf, 0, 1, -200, 200, 0, nan, 1, 2})}}),
             softmax_schedule, 1e-6);
}

TEST_CASE("normalisation of rows of any length") {
  for (auto const length : lengths) {
    INFO("length " << length);
    test_operand const scale{random_tensor({length}, 4), true}, bias{random_tensor({length}, 5), true};
    check_case(make_case(layer_norm_entry, {}, {wide_rows({2, 5, length}, 1), scale, bias}), layer_norm_schedule, 1e-5);
    check_case(make_case(layer_norm_entry, {{"epsilon", 0.1f}}, {wide_rows({50, length}, 1), scale}),
               layer_norm_schedule, 1e-5);
    check_case(make_case(rms_norm_entry, {}, {wide_rows({5, length}, 1), scale}, 23), layer_norm_schedule, 1e-5);
  }
  auto const per_row = make_case(layer_norm_entry, {}, {wide_rows({4, 1, 1}, 1), {random_tensor({4, 1, 1}, 2), true}});
  CHECK_FALSE(offers(layer_norm_schedule, per_row, targets[0]));
}
