#include <sinter/schedules/pad.hpp>

#include "schedules/harness.hpp"
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto pad_entry = entry_of<pad>();

test_case padded(shape const& x, std::vector<std::int64_t> const& pads, std::string const& mode = "constant",
                 float value = 0.5f) {
  return make_case(pad_entry, {{"mode", mode}},
                   {blocked(x),
                    {any_tensor::of<std::int64_t>({static_cast<std::int64_t>(pads.size())}, pads), true},
                    {any_tensor::of<float>({}, {value}), true}});
}

std::size_t paddings(test_case const& c) { return pad_schedule.offer(describe_case(c), targets[0]).size(); }

}  // namespace

TEST_CASE("padding of planes by every mode, in both layouts") {
  auto const mode = GENERATE(as<std::string>{}, "constant", "reflect", "edge", "wrap");
  auto const x = GENERATE(shape{1, 16, 5, 7}, shape{2, 20, 4, 40}, shape{1, 3, 9, 17});
  INFO(mode << " of " << to_string(x));
  auto const c = padded(x, {0, 0, 1, 3, 0, 0, 2, 3}, mode);
  CHECK(paddings(c) == 2);
  check_case(c, pad_schedule, 0);
  check_case(padded(x, {0, 0, 0, 2, 0, 0, 0, 0}, mode), pad_schedule, 0);
  check_case(padded(x, {0, 0, 3, 0, 0, 0, 0, 0}, mode), pad_schedule, 0);
}

TEST_CASE("padding of one axis, of channels and of the innermost axes") {
  auto const mode = GENERATE(as<std::string>{}, "constant", "reflect", "edge", "wrap");
  INFO(mode);
  check_case(padded({2, 24, 100}, {0, 0, 30, 0, 0, 20}, mode), pad_schedule, 0);
  auto const channels = padded({1, 5, 6, 6}, {0, 2, 0, 0, 0, 3, 0, 0}, mode);
  CHECK(paddings(channels) == 1);
  check_case(channels, pad_schedule, 0);
  check_case(padded({1, 6, 5, 9}, {0, 0, 2, 0, 0, 0, 1, 0}, mode), pad_schedule, 0);
  check_case(padded({2, 5, 4, 3}, {0, 2, 1, 0, 0, 0, 3, 0}, mode), pad_schedule, 0);
  check_case(padded({20}, {3, 4}, mode), pad_schedule, 0);
}

TEST_CASE("padding that crops, that crosses the plane more than once, and that adds nothing") {
  check_case(padded({1, 16, 6, 9}, {0, 0, -1, 2, 0, 0, 1, -3}), pad_schedule, 0);
  check_case(padded({1, 16, 6, 9}, {0, 0, -2, -1, 0, 0, -1, 4}, "edge"), pad_schedule, 0);
  check_case(padded({1, 16, 3, 4}, {0, 0, 7, 9, 0, 0, 5, 11}, "reflect"), pad_schedule, 0);
  check_case(padded({1, 16, 1, 1}, {0, 0, 1, 2, 0, 0, 1, 2}, "reflect"), pad_schedule, 0);
  check_case(padded({1, 16, 3, 4}, {0, 0, 0, 0, 0, 0, 0, 0}), pad_schedule, 0);
}

TEST_CASE("padding of slices, and by infinity") {
  auto slack = padded({2, 32, 5, 5}, {0, 0, 1, 1, 0, 0, 1, 1}, "reflect");
  slack.slack_blocks = 1;
  check_case(slack, pad_schedule, 0);
  auto const far = padded({1, 16, 3, 3}, {0, 0, 1, 1, 0, 0, 1, 1}, "constant", -INFINITY);
  CHECK(paddings(far) == 1);  // no infinities in lanes that are no channels
  check_case(far, pad_schedule, 0);
}

TEST_CASE("paddings that are left to others") {
  CHECK(paddings(padded({2, 3, 4, 5}, {0, 1, 1, 1, 0, 1, 1, 1})) == 0);
  CHECK(paddings(padded({2, 3, 4, 5}, {0, 1, 0, 1, 0, 0, 0, 0})) == 0);
  CHECK(paddings(padded({1, 1, 400}, {0, 0, 399, 0, 0, 0}, "reflect")) == 2);
  CHECK(paddings(padded({1, 1, 600}, {0, 0, 599, 0, 0, 0}, "reflect")) == 0);  // many segments
  auto open = padded({1, 16, 4, 4}, {0, 0, 1, 1, 0, 0, 1, 1});
  open.inputs[2].constant = false;
  CHECK(paddings(open) == 0);
}
