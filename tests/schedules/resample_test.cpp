#include <sinter/schedules/resample.hpp>

#include "schedules/harness.hpp"
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto resample_entry = entry_of<resize>();
constexpr auto upsample_by_scales_entry = entry_of<resize_by_scales<true>>();

test_operand target_sizes(std::vector<std::int64_t> const& s) {
  return {any_tensor::of<std::int64_t>({static_cast<std::int64_t>(s.size())}, s), true};
}

test_case resized(shape const& x, std::vector<std::int64_t> const& to, std::string const& mode,
                  std::string const& coordinates, attribute_map a = {}) {
  a["mode"] = mode;
  a["coordinate_transformation_mode"] = coordinates;
  return make_case(resample_entry, std::move(a), {blocked(x), {}, {}, target_sizes(to)});
}

void check_resized(test_case const& c) { check_case(c, resample_schedule, 3e-6); }

}  // namespace

TEST_CASE("resizes by every mode and rule of coordinates, in both layouts") {
  auto const coordinates = GENERATE(as<std::string>{}, "half_pixel", "pytorch_half_pixel", "align_corners",
                                    "asymmetric", "half_pixel_symmetric", "tf_half_pixel_for_nn");
  auto const mode = GENERATE(as<std::string>{}, "nearest", "linear", "cubic");
  INFO(mode << " " << coordinates);
  check_resized(resized({2, 20, 5, 7}, {2, 20, 10, 21}, mode, coordinates));
  check_resized(resized({1, 3, 9, 8}, {1, 3, 13, 5}, mode, coordinates));
}

TEST_CASE("resizes of one axis, of either axis alone, and of nothing") {
  check_resized(resized({2, 24, 30}, {2, 24, 75}, "linear", "half_pixel"));
  check_resized(resized({1, 16, 300}, {1, 16, 600}, "nearest", "asymmetric", {{"nearest_mode", std::string("floor")}}));
  check_resized(resized({1, 16, 6, 40}, {1, 16, 12, 40}, "linear", "align_corners"));
  check_resized(resized({1, 40, 6, 5}, {1, 40, 6, 9}, "cubic", "half_pixel"));
  check_resized(resized({1, 16, 4, 5}, {1, 16, 4, 5}, "linear", "half_pixel"));
  check_resized(resized({1, 16, 1, 1}, {1, 16, 6, 5}, "linear", "align_corners"));
}

TEST_CASE("resizes to one row, or one column") {
  for (auto const* const coordinates : {"half_pixel", "align_corners", "asymmetric"})
    for (auto const* const mode : {"nearest", "linear"}) {
      INFO(mode << " " << coordinates);
      check_resized(resized({1, 16, 6, 5}, {1, 16, 1, 3}, mode, coordinates));
      check_resized(resized({2, 3, 4, 7}, {2, 3, 9, 1}, mode, coordinates));
      check_resized(resized({1, 20, 4, 4}, {1, 20, 1, 1}, mode, coordinates));
    }
}

TEST_CASE("resizes of another part of each axis") {
  attribute_map const a{{"mode", std::string("linear")},
                        {"coordinate_transformation_mode", std::string("tf_crop_and_resize")}};
  test_operand const roi{any_tensor::of<float>({8}, {0, 0, 0.4f, 0.6f, 1, 1, 0.6f, 0.8f}), true};
  check_resized(make_case(resample_entry, a, {blocked({1, 16, 4, 4}), roi, {}, target_sizes({1, 16, 3, 3})}));
}

TEST_CASE("resizes of long rows, by many taps, without those outside") {
  check_resized(resized({1, 5, 3, 90}, {1, 5, 4, 700}, "linear", "align_corners"));
  check_resized(resized({1, 16, 40, 64}, {1, 16, 7, 9}, "linear", "half_pixel", {{"antialias", 1L}}));
  check_resized(resized({1, 16, 8, 9}, {1, 16, 5, 14}, "cubic", "half_pixel", {{"exclude_outside", 1L}}));
  auto slack = resized({2, 32, 5, 5}, {2, 32, 8, 9}, "linear", "half_pixel");
  slack.slack_blocks = 1;
  check_resized(slack);
}

TEST_CASE("Upsample of version 9 by scales that are no whole factors") {
  test_operand const scales{any_tensor::of<float>({4}, {1, 1, 1.5f, 2.5f}), true};
  check_resized(
      make_case(upsample_by_scales_entry, {{"mode", std::string("linear")}}, {blocked({1, 18, 6, 6}), scales}, 9));
}

TEST_CASE("resizes that are left to others") {
  auto const applies = [](test_case const& c) { return offers(resample_schedule, c, targets[0]); };
  CHECK_FALSE(applies(resized({2, 16, 4, 4}, {3, 16, 4, 4}, "linear", "half_pixel")));
  CHECK_FALSE(applies(resized({1, 16, 4, 4, 4}, {1, 16, 8, 8, 8}, "linear", "half_pixel")));
  CHECK_FALSE(applies(resized({1, 16, 4, 4}, {1, 16, 4, 5000}, "linear", "half_pixel")));
  auto open = resized({1, 16, 4, 4}, {1, 16, 8, 8}, "linear", "half_pixel");
  open.inputs[3].constant = false;
  CHECK_FALSE(applies(open));
}
