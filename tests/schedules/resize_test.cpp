#include <sinter/schedules/resize.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto resize_entry = entry_of<resize>();
constexpr auto upsample_entry = entry_of<resize_by_scales<true>>();

test_operand scales(float rows, float columns) { return {any_tensor::of<float>({4}, {1, 1, rows, columns}), true}; }

}  // namespace

TEST_CASE("nearest pixels by whole factors") {
  for (auto const* rule : {"asymmetric", "half_pixel"}) {
    bool const halves = std::string(rule) == "half_pixel";
    attribute_map const a{{"coordinate_transformation_mode", std::string(rule)},
                          {"nearest_mode", std::string(halves ? "round_prefer_floor" : "floor")}};
    check_case(make_case(resize_entry, a, {blocked({2, 20, 5, 7}), {}, scales(2, 2)}), resize_schedule, 0);
    auto c = make_case(resize_entry, a, {blocked({2, 40, 3, 30}), {}, scales(4, 2)});
    c.slack_blocks = 1;
    check_case(c, resize_schedule, 0);
  }
  check_case(make_case(upsample_entry, {}, {blocked({1, 16, 13, 13}), scales(2, 2)}, 9), resize_schedule, 0);
}

TEST_CASE("other resizes are left to others") {
  auto const applies = [](attribute_map a, float factor) {
    auto const c = make_case(resize_entry, std::move(a), {blocked({1, 16, 4, 4}), {}, scales(factor, factor)});
    return offers(resize_schedule, c, targets[0]);
  };
  CHECK_FALSE(applies({}, 1.5f));
  CHECK_FALSE(applies({{"mode", std::string("linear")}}, 2));
  CHECK_FALSE(applies({{"coordinate_transformation_mode", std::string("align_corners")}}, 3));
}
