#include <sinter/vector/builder.hpp>

#include "catch.hpp"

using namespace sinter;

TEST_CASE("an operand further away than an instruction can reach is an error") {
  vector::builder b("far", 16);
  auto const x = b.argument("x", vector::access::in, std::int64_t{1} << 33);
  CHECK(x.at(INT32_MAX).offset == INT32_MAX);
  CHECK(x.broadcast(INT32_MIN).offset == INT32_MIN);
  CHECK_THROWS_AS(x.at(std::int64_t{1} << 31), error);
  CHECK_THROWS_AS(x.broadcast(std::int64_t{1} << 33), error);
}
