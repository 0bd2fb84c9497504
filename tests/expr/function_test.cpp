#include <sinter/expr/function.hpp>
#include <sinter/expr/text.hpp>

#include "catch.hpp"
#include <array>
#include <cmath>
#include <limits>

using namespace sinter;
using namespace sinter::expr;

namespace {

std::string simplified(std::string_view text) { return print(parse(text)); }

}  // namespace

TEST_CASE("equal subexpressions are one line") {
  auto const x = input(0), y = input(1);
  CHECK(print(flatten((x + y) * (x + y), 2)) == "t0 = add x0 x1; mul t0 t0");
  CHECK(print(flatten(select(x < 0.0f, 0.5f * x, x * 0.5f), 1)) ==
        "t0 = mul 0.5 x0; t1 = mul x0 0.5; select.lt x0 0 t0 t1");
}

TEST_CASE("what is exact is simplified") {
  CHECK(simplified("t0 = add x0 -0; t1 = mul t0 1; t2 = div t1 1; sub t2 0") == "x0");
  CHECK(simplified("t0 = neg x0; neg t0") == "x0");
  CHECK(simplified("t0 = neg x1; add x0 t0") == "sub x0 x1");
  CHECK(simplified("t0 = neg x1; sub x0 t0") == "add x0 x1");
  CHECK(simplified("t0 = neg x0; abs t0") == "abs x0");
  CHECK(simplified("select.lt x0 0 x1 x1") == "x1");
  CHECK(simplified("t0 = mul 3 0.1; add t0 x0") == "add 0.3 x0");
  CHECK(simplified("t0 = neg 0; max t0 x0") == "max -0 x0");
}

TEST_CASE("what is not exact stays") {
  for (auto const* text : {"add x0 0", "sub x0 x0", "mul x0 0", "div 0 x0", "sub 0 x0", "max x0 -inf"})
    CHECK(simplified(text) == text);
}

TEST_CASE("a function of one operand or constant") {
  CHECK(print(flatten(input(1), 2)) == "x1");
  CHECK(print(flatten(value(2.5f), 0)) == "2.5");
}

TEST_CASE("substitution and composition renumber inputs") {
  auto const outer = parse("t0 = mul x0 x1; add t0 x2"), inner = parse("max x0 x1");
  auto const f = compose(outer, 1, inner);
  CHECK(f.inputs == 4);
  CHECK(print(f) == "t0 = max x2 x3; t1 = mul x0 t0; add t1 x1");
  CHECK(print(remap(outer, std::array<std::size_t, 3>{1, 1, 0}, 2)) == "t0 = mul x1 x1; add t0 x0");
  CHECK(flatten(substitute(outer, std::array{input(0), input(1), input(2)}), 3) == outer);
}

TEST_CASE("evaluation of primitives") {
  auto const at = [](char const* text, std::array<float, 3> x) { return evaluate(parse(text, 3), x.data()); };
  auto const nan = std::numeric_limits<float>::quiet_NaN();
  CHECK(at("fma x0 x1 x2", {3, 4, 5}) == 17);
  CHECK(at("min x0 x1", {nan, 2, 0}) == 2);
  CHECK(std::isnan(at("min x0 x1", {2, nan, 0})));
  CHECK(at("max x0 x1", {nan, 2, 0}) == 2);
  CHECK(std::signbit(at("max x0 x1", {0, -0.0f, 0})));
  CHECK(at("round x0", {2.5f, 0, 0}) == 2);
  CHECK(at("floor x0", {-2.5f, 0, 0}) == -3);
  CHECK(at("scale2 x0 x1", {3, -2, 0}) == 0.75f);
  CHECK(at("exponent x0", {0.3f, 0, 0}) == -2);
  CHECK(at("mantissa x0", {0.3f, 0, 0}) == 1.2f);
  CHECK(at("select.ne x0 x1 1 2", {nan, nan, 0}) == 1);
  CHECK(at("select.le x0 x1 1 2", {nan, nan, 0}) == 2);
  CHECK(at("select.ne x0 x0 1 2", {nan, 0, 0}) == 1);
  CHECK(at("select.ne x0 x0 1 2", {3, 0, 0}) == 2);
}

TEST_CASE("text reads back to the same bits") {
  for (float const v : {0.1f, -0.0f, 1e-45f, 3.4028235e38f, 1.0f / 3, std::numeric_limits<float>::infinity(),
                        -std::numeric_limits<float>::infinity(), std::bit_cast<float>(0x7fc01234u)}) {
    auto const f = flatten(max(input(0), v), 1);
    CHECK(parse(print(f)) == f);
  }
  CHECK(parse("x1", 5).inputs == 5);
  CHECK(parse("x1").inputs == 2);
}

TEST_CASE("bad text says what is wrong") {
  for (auto const* text :
       {"", ";", "x", "t0", "foo x0", "add x0", "add x0 x1 x2", "add x0 t0", "select x0 x0 x0 x0", "t1 = add x0 x0; t1",
        "t0 = add x0 x0", "x0; x1", "add x0 1.5f", "x99999", "add x0 0x", "1 2"}) {
    INFO(text);
    try {
      parse(text);
      FAIL("accepted");
    } catch (error const& e) {
      CHECK(e.code() == error_code::malformed_model);
      CHECK(e.message().size() > 20);
    }
  }
}
