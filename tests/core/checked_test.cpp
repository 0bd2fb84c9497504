#include <sinter/core/checked.hpp>

#include "catch.hpp"

using namespace sinter;

TEST_CASE("quotients are rounded up, also next to the bounds of 64 bits") {
  static_assert(ceil_div(0, 16) == 0 && ceil_div(1, 16) == 1 && ceil_div(16, 16) == 1 && ceil_div(17, 16) == 2);
  static_assert(ceil_div(-1, 16) == 0 && ceil_div(-16, 16) == -1 && ceil_div(-17, 16) == -1);
  static_assert(ceil_div(5, INT64_MAX) == 1 && ceil_div(INT64_MAX, 2) == INT64_MAX / 2 + 1);
  static_assert(round_up(0, 64) == 0 && round_up(1, 64) == 64 && round_up(64, 64) == 64 && round_up(65, 64) == 128);
}

TEST_CASE("sums, differences and products that overflow are errors") {
  CHECK(checked_add(INT64_MAX, -1) == INT64_MAX - 1);
  CHECK(checked_sub(-1, INT64_MAX) == INT64_MIN);
  CHECK(checked_mul(INT64_MIN, 1) == INT64_MIN);
  CHECK_THROWS_AS(checked_add(INT64_MAX, 1), error);
  CHECK_THROWS_AS(checked_sub(INT64_MIN, 1), error);
  CHECK_THROWS_AS(checked_mul(INT64_MIN, -1), error);
  CHECK_THROWS_AS(checked_product(std::initializer_list<std::int64_t>{2, -1}), error);
  CHECK_THROWS_AS(checked_product(std::initializer_list<std::int64_t>{INT64_MAX, 2}), error);
}
