#include "one_node.hpp"
#include <cmath>
#include <limits>

using sinter::any_tensor;
using sinter::shape;

TEST_CASE("arithmetic broadcasts as numpy does") {
  auto const y = run("Add", 14, {floats({2, 1, 2}, {1, 2, 3, 4}), floats({3, 1}, {10, 20, 30})});
  CHECK(y.shape() == shape{2, 3, 2});
  CHECK(elements<float>(y) == std::vector<float>{11, 12, 21, 22, 31, 32, 13, 14, 23, 24, 33, 34});
  CHECK(elements<float>(run("Sub", 14, {floats({}, {5}), floats({}, {7})})) == std::vector<float>{-2});
  CHECK(run("Mul", 14, {floats({0, 3}, {}), floats({1, 3}, {1, 2, 3})}).shape() == shape{0, 3});
}

TEST_CASE("arithmetic rejects operands that do not fit, naming the node") {
  auto const message = error_of("Add", 14, {floats({2}, {1, 2}), floats({3}, {1, 2, 3})});
  CHECK(message.find("shapes 2 and 3") != std::string::npos);
  CHECK(message.find("node 'n' (Add)") != std::string::npos);
  CHECK(error_of("Add", 14, {floats({1}, {1}), ints({1}, {1})}).find("float and int64") != std::string::npos);
  CHECK(error_of("Add", 14, {floats({1}, {1})}).find("the first 2 inputs are required") != std::string::npos);
  CHECK(!error_of("Exp", 13, {ints({1}, {1})}).empty());
}

TEST_CASE("operator sets before 7 broadcast by attributes") {
  auto const x = floats({2, 3, 1}, {1, 2, 3, 4, 5, 6});
  auto const b = floats({3}, {10, 20, 30});
  auto const y = run("Add", 6, {x, b}, {{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{1}}});
  CHECK(elements<float>(y) == std::vector<float>{11, 22, 33, 14, 25, 36});
  CHECK(!error_of("Add", 6, {x, b}).empty());
  CHECK(!error_of("Add", 6, {x, b}, {{"broadcast", std::int64_t{1}}, {"axis", std::int64_t{2}}}).empty());
  auto const slope = run("PRelu", 6, {floats({1, 2, 1}, {-1, -2}), floats({2}, {10, 100})});
  CHECK(elements<float>(slope) == std::vector<float>{-10, -200});
}

TEST_CASE("integers wrap, and dividing them never traps") {
  auto const bytes = any_tensor::of<std::uint8_t>({2}, {200, 3});
  CHECK(elements<std::uint8_t>(run("Mul", 14, {bytes, bytes})) == std::vector<std::uint8_t>{64, 9});
  auto const small = any_tensor::of<std::int8_t>({3}, {-7, -128, 5});
  auto const divisor = any_tensor::of<std::int8_t>({3}, {2, -1, 0});
  CHECK(elements<std::int8_t>(run("Div", 14, {small, divisor})) == std::vector<std::int8_t>{-3, -128, 0});
  CHECK(elements<std::int64_t>(run("Div", 14, {ints({1}, {INT64_MIN}), ints({1}, {-1})})) == list{INT64_MIN});
  CHECK(elements<std::int64_t>(run("Neg", 13, {ints({1}, {INT64_MIN})})) == list{INT64_MIN});
  CHECK(elements<std::int64_t>(run("Abs", 13, {ints({2}, {INT64_MIN, -3})})) == list{INT64_MIN, 3});
  auto const high = any_tensor::of<std::uint64_t>({1}, {0xffffffffffffff00u});
  CHECK(run("Div", 14, {high, any_tensor::of<std::uint64_t>({1}, {256})}).as<std::uint64_t>()[0] == 0xffffffffffffffu);
}

TEST_CASE("Mod takes the divisor's sign, or the dividend's with fmod") {
  auto const a = ints({6}, {-4, 7, 5, 4, -7, 8}), b = ints({6}, {2, -3, 8, -2, 3, 5});
  CHECK(elements<std::int64_t>(run("Mod", 13, {a, b})) == list{0, -2, 5, 0, 2, 3});  // the case of the specification
  CHECK(elements<std::int64_t>(run("Mod", 13, {a, b}, {{"fmod", std::int64_t{1}}})) == list{0, 1, 5, 0, -1, 3});
  CHECK(elements<std::int64_t>(run("Mod", 13, {ints({2}, {INT64_MIN, 3}), ints({2}, {-1, 0})})) == list{0, 0});
  auto const f = run("Mod", 13, {floats({1}, {-4.5f}), floats({1}, {2})}, {{"fmod", std::int64_t{1}}});
  CHECK(f.as<float>()[0] == -0.5f);
}

TEST_CASE("Pow mixes types and keeps the base's") {
  CHECK(elements<std::int64_t>(run("Pow", 15, {ints({3}, {2, -1, 3}), ints({3}, {10, -3, -1})})) == list{1024, -1, 0});
  CHECK(elements<std::int64_t>(run("Pow", 15, {ints({2}, {4, 9}), floats({1}, {0.5f})})) == list{2, 3});
  CHECK(elements<float>(run("Pow", 15, {floats({2}, {2, -2}), ints({1}, {3})})) == std::vector<float>{8, -8});
  auto const wide = run("Pow", 15, {any_tensor::of<double>({1}, {1e200}), floats({1}, {1.5f})});
  CHECK(wide.as<double>()[0] == Approx(1e300).epsilon(1e-12));
}

TEST_CASE("Max, Min, Sum and Mean take any number of operands; a NaN wins") {
  float const nan = std::numeric_limits<float>::quiet_NaN();
  auto const x = floats({3}, {1, nan, 5}), y = floats({3}, {nan, 2, 3});
  auto const most = elements<float>(run("Max", 13, {x, y})), least = elements<float>(run("Min", 13, {x, y}));
  CHECK((std::isnan(most[0]) && std::isnan(most[1]) && most[2] == 5));
  CHECK((std::isnan(least[0]) && std::isnan(least[1]) && least[2] == 3));
  CHECK(elements<std::int64_t>(run("Max", 13, {ints({2}, {1, 9}), ints({}, {4}), ints({1}, {2})})) == list{4, 9});
  CHECK(elements<float>(run("Mean", 13, {floats({2}, {1, 2}), floats({}, {4}), floats({}, {7})})) ==
        std::vector<float>{4, 13.0f / 3});
  CHECK(elements<float>(run("Sum", 13, {floats({2}, {1, 2})})) == std::vector<float>{1, 2});
}

TEST_CASE("half precision rounds once for each node") {
  auto const half = [](std::initializer_list<std::uint16_t> bits) {
    any_tensor t(sinter::dtype::float16, {static_cast<std::int64_t>(bits.size())});
    std::ranges::copy(bits, static_cast<std::uint16_t*>(t.data()));
    return t;
  };
  // 1 + 2^-11 is a tie between 1 and 1 + 2^-10: to even; 1 + 2^-10 + 2^-11 goes up.
  auto const y = run("Add", 14, {half({0x3c00, 0x3c01, 0x7bff}), half({0x1000, 0x1000, 0x7bff})});
  auto const* bits = static_cast<std::uint16_t const*>(y.data());
  CHECK(bits[0] == 0x3c00);
  CHECK(bits[1] == 0x3c02);
  CHECK(bits[2] == 0x7c00);
}

TEST_CASE("bits: logic, shifts, complements") {
  CHECK(elements<bool>(run("Xor", 7, {bools({2, 1}, {true, false}), bools({2}, {true, false})})) ==
        std::vector<bool>{false, true, true, false});
  CHECK(!error_of("And", 7, {ints({1}, {1}), ints({1}, {1})}).empty());
  auto const x = any_tensor::of<std::uint8_t>({3}, {16, 4, 129}), by = any_tensor::of<std::uint8_t>({3}, {1, 9, 1});
  CHECK(elements<std::uint8_t>(run("BitShift", 11, {x, by}, {{"direction", std::string("LEFT")}})) ==
        std::vector<std::uint8_t>{32, 0, 2});
  auto const shifted = [](std::string direction, std::initializer_list<std::int8_t> values,
                          std::initializer_list<std::int8_t> counts) {
    shape const s{static_cast<std::int64_t>(values.size())};
    auto const y = run("BitShift", 28, {any_tensor::of<std::int8_t>(s, values), any_tensor::of<std::int8_t>(s, counts)},
                       {{"direction", std::move(direction)}});
    auto const got = elements<std::int8_t>(y);
    return list(got.begin(), got.end());
  };
  CHECK(shifted("RIGHT", {-8, 8, -8, 8, -8, 8}, {1, 1, 8, 8, -1, -1}) == list{-4, 4, -1, 0, -1, 0});
  CHECK(shifted("LEFT", {-8, 8, 64, 1, -1}, {1, 1, 1, 8, -1}) == list{-16, 16, -128, 0, 0});
  CHECK(elements<std::uint8_t>(run("BitwiseNot", 18, {x})) == std::vector<std::uint8_t>{239, 251, 126});
  CHECK(elements<std::int64_t>(run("BitwiseAnd", 18, {ints({1}, {-1}), ints({1}, {6})})) == list{6});
}

TEST_CASE("comparisons: unsigned, strings, NaN") {
  auto const high = any_tensor::of<std::uint64_t>({1}, {1ull << 63}), low = any_tensor::of<std::uint64_t>({1}, {1});
  CHECK(elements<bool>(run("Greater", 13, {high, low})) == std::vector<bool>{true});
  CHECK(elements<bool>(run("Equal", 19, {strings({2}, {"a", "b"}), strings({}, {"b"})})) ==
        std::vector<bool>{false, true});
  float const nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  CHECK(elements<bool>(run("LessOrEqual", 16, {floats({1}, {nan}), floats({1}, {nan})})) == std::vector<bool>{false});
  CHECK(elements<bool>(run("IsNaN", 13, {floats({2}, {nan, inf})})) == std::vector<bool>{true, false});
  CHECK(elements<bool>(run("IsInf", 10, {floats({2}, {-inf, inf})}, {{"detect_positive", std::int64_t{0}}})) ==
        std::vector<bool>{true, false});
}

TEST_CASE("Where chooses without arithmetic, for all types") {
  auto const y = run("Where", 16, {bools({2, 1}, {true, false}), strings({2}, {"a", "b"}), strings({}, {"-"})});
  CHECK(elements<std::string>(y) == std::vector<std::string>{"a", "b", "-", "-"});
  CHECK(!error_of("Where", 16, {ints({1}, {1}), floats({1}, {1}), floats({1}, {1})}).empty());
}
