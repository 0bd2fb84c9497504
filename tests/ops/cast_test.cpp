#include <sinter/kernels/element.hpp>

#include "one_node.hpp"
#include <cmath>
#include <limits>

using sinter::any_tensor;
using sinter::dtype;

namespace {

any_tensor cast_to(dtype to, any_tensor const& x, sinter::attribute_map attributes = {}) {
  attributes["to"] = static_cast<std::int64_t>(to);
  return run("Cast", 25, {x}, std::move(attributes));
}

std::vector<int> codes(any_tensor const& t) {
  auto const* bytes = static_cast<std::uint8_t const*>(t.data());
  return {bytes, bytes + t.elements()};
}

}  // namespace

TEST_CASE("Cast: floating to integer goes towards zero, integers wrap") {
  CHECK(elements<std::int32_t>(cast_to(dtype::int32, floats({3}, {-1.9f, 2.9f, 0}))) ==
        std::vector<std::int32_t>{-1, 2, 0});
  CHECK(elements<std::uint8_t>(cast_to(dtype::uint8, ints({2}, {-1, 257}))) == std::vector<std::uint8_t>{255, 1});
  CHECK(elements<bool>(cast_to(dtype::boolean, floats({3}, {0, 0.25f, -0.0f}))) ==
        std::vector<bool>{false, true, false});
  auto const high = any_tensor::of<double>({1}, {1.8e19});
  CHECK(cast_to(dtype::uint64, high).as<std::uint64_t>()[0] == 18000000000000000000u);
  CHECK(elements<double>(cast_to(dtype::float64, ints({1}, {(1ll << 53) - 1})))[0] == 9007199254740991.0);
  // Any result will do for these, but they must not trap.
  cast_to(dtype::int8, floats({2}, {std::numeric_limits<float>::quiet_NaN(), 1e30f}));
  CHECK(codes(cast_to(dtype::int4, ints({3}, {7, 8, -1}))) == std::vector<int>{7, 0xf8, 0xff});
}

TEST_CASE("Cast to floating types of eight bits saturates unless told not to") {
  float const inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  auto const x = floats({6}, {1, 464.5f, 1e6f, -inf, nan, -0.0f});
  // 448 is the largest e4m3fn; 464 lies half-way to what would be 480.
  CHECK(codes(cast_to(dtype::float8e4m3fn, x)) == std::vector<int>{0x38, 0x7e, 0x7e, 0xfe, 0x7f, 0x80});
  sinter::attribute_map const open{{"saturate", std::int64_t{0}}};
  CHECK(codes(cast_to(dtype::float8e4m3fn, x, open)) == std::vector<int>{0x38, 0x7f, 0x7f, 0xff, 0x7f, 0x80});
  CHECK(codes(cast_to(dtype::float8e5m2, x, open)) == std::vector<int>{0x3c, 0x5f, 0x7c, 0xfc, 0x7f, 0x80});
  CHECK(codes(cast_to(dtype::float8e5m2fnuz, x, open)) == std::vector<int>{0x40, 0x63, 0x80, 0x80, 0x80, 0x00});
  CHECK(codes(cast_to(dtype::float4e2m1, floats({4}, {0.25f, 0.75f, 7, -5}))) == std::vector<int>{0, 2, 7, 0xe});
}

TEST_CASE("Cast to float8e8m0 rounds to a power of two as told") {
  auto const x = floats({3}, {1.25f, 1.5f, 0.001f});
  auto const by = [&](char const* mode) {
    return codes(cast_to(dtype::float8e8m0, x, {{"round_mode", std::string(mode)}}));
  };
  CHECK(by("up") == std::vector<int>{128, 128, 118});
  CHECK(by("down") == std::vector<int>{127, 127, 117});
  CHECK(by("nearest") == std::vector<int>{127, 128, 117});
}

TEST_CASE("every code of the small floating types survives a round trip") {
  for (auto const type : {dtype::float8e4m3fn, dtype::float8e4m3fnuz, dtype::float8e5m2, dtype::float8e5m2fnuz,
                          dtype::float8e8m0, dtype::float16, dtype::bfloat16}) {
    auto const wide = sinter::size_of(type) == 2;
    for (std::uint32_t code = 0; code < (wide ? 65536u : 256u); ++code) {
      std::uint32_t const in = code;
      std::uint32_t out = 0;
      auto const value = sinter::load<float>(type, &in, 0);
      sinter::store<float>(type, &out, 0, value);
      auto const back = sinter::load<float>(type, &out, 0);
      bool const saturates = sinter::size_of(type) == 1 && std::isinf(value);
      if (!saturates && !(value == back || (std::isnan(value) && std::isnan(back))))
        FAIL(name(type) << " code " << code << " gives " << value << " and then " << back);
    }
  }
  std::uint8_t code = 0x01;
  CHECK(sinter::load<float>(dtype::float8e4m3fn, &code, 0) == 0x1p-9f);
  CHECK(sinter::load<float>(dtype::float8e5m2fnuz, &code, 0) == 0x1p-17f);
}

TEST_CASE("Cast reads and writes text") {
  auto const x = strings({4}, {"1e3", " -2.5", "INF", "NaN"});
  auto const y = elements<float>(cast_to(dtype::float32, x));
  CHECK((y[0] == 1000 && y[1] == -2.5f && std::isinf(y[2]) && std::isnan(y[3])));
  CHECK(elements<std::int64_t>(cast_to(dtype::int64, strings({2}, {"9007199254740993", "-7"}))) ==
        list{9007199254740993, -7});
  CHECK(elements<std::string>(cast_to(dtype::string, floats({3}, {1, 0.1f, 1e-7f}))) ==
        std::vector<std::string>{"1.0", "0.1", "1e-07"});
  CHECK(!error_of("Cast", 13, {strings({1}, {"one"})}, {{"to", std::int64_t{1}}}).empty());
}

TEST_CASE("Cast names its type by number, in old operator sets by name") {
  CHECK(run("Cast", 1, {floats({1}, {1})}, {{"to", std::string("FLOAT16")}}).type() == dtype::float16);
  CHECK(!error_of("Cast", 1, {floats({1}, {1})}, {{"to", std::string("FLOAT15")}}).empty());
  CHECK(!error_of("Cast", 13, {floats({1}, {1})}, {{"to", std::int64_t{99}}}).empty());
  CHECK(!error_of("Cast", 13, {floats({1}, {1})}).empty());
  CHECK(run("CastLike", 15, {floats({1}, {1.5f}), ints({0}, {})}).as<std::int64_t>()[0] == 1);
}
