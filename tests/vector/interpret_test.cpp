#include <sinter/vector/builder.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/verify.hpp>

#include "catch.hpp"
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

using namespace sinter;
using vector::access;
using vector::builder;
using vector::element;
using vector::opcode;
using vector::register_type;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// Runs `body(b, x)` on 16 lanes whose first ones are `in`, and returns the lanes of the register that it returns.
template <typename Out = float>
std::array<Out, 16> run(std::vector<float> const& in, std::function<vector::reg(builder&, vector::pointer)> const& body,
                        element out = element::f32) {
  std::array<float, 64> memory{};
  std::copy(in.begin(), in.end(), memory.begin());
  std::array<Out, 16> result{};
  builder b("test", 16);
  auto const x = b.argument("x", access::in, sizeof memory);
  auto const y = b.argument("y", access::out, sizeof result, out);
  b.store(y.at(0), body(b, x));
  auto const p = std::move(b).take();
  vector::verify(p);
  std::array<std::byte*, 2> arguments{reinterpret_cast<std::byte*>(memory.data()),
                                      reinterpret_cast<std::byte*>(result.data())};
  vector::interpret(p, arguments.data());
  return result;
}

}  // namespace

TEST_CASE("max and min give the second source for NaN and for equal zeros") {
  auto const both = [](opcode op) {
    return run({1, nan_value, 2, -0.0f, 0.0f, 3, 2, nan_value, -0.0f, 0.0f}, [op](builder& b, vector::pointer x) {
      auto const a = b.load(x.at(0), 5);
      return b.binary(op, a, b.shuffle(b.load(x.at(0)), {5, 6, 7, 9, 8, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}));
    });
  };
  auto const greatest = both(opcode::max);
  CHECK(greatest[0] == 3);
  CHECK(greatest[1] == 2);
  CHECK(std::isnan(greatest[2]));
  CHECK_FALSE(std::signbit(greatest[3]));
  CHECK(std::signbit(greatest[4]));
  auto const least = both(opcode::min);
  CHECK(least[0] == 1);
  CHECK(least[1] == 2);
  CHECK(std::isnan(least[2]));
  CHECK_FALSE(std::signbit(least[3]));
  CHECK(std::signbit(least[4]));
}

TEST_CASE("fma rounds once") {
  float const a = 1 + 0x1p-12f;
  auto const y = run({a}, [](builder& b, vector::pointer x) {
    auto const v = b.load(x.at(0));
    return b.fma(v, v, b.constant(-1));
  });
  CHECK(y[0] == 0x1p-11f + 0x1p-24f);
}

TEST_CASE("round is to even, floor is down") {
  auto const rounded = run({0.5f, 1.5f, -0.5f, -2.5f},
                           [](builder& b, vector::pointer x) { return b.unary(opcode::round, b.load(x.at(0))); });
  CHECK(rounded[0] == 0);
  CHECK(rounded[1] == 2);
  CHECK(std::signbit(rounded[2]));
  CHECK(rounded[3] == -2);
  auto const down =
      run({0.5f, -0.5f}, [](builder& b, vector::pointer x) { return b.unary(opcode::floor, b.load(x.at(0))); });
  CHECK(down[0] == 0);
  CHECK(down[1] == -1);
}

TEST_CASE("scale2 rounds subnormal results once") {
  float const a = 1 + 0x1p-23f;
  auto const y = run({a, 3, -126, 127}, [](builder& b, vector::pointer x) {
    auto const n = b.shuffle(b.load(x.at(0)), {2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3});
    return b.binary(opcode::scale2, b.load(x.at(0)), n);
  });
  CHECK(y[0] == std::ldexp(a, -126));
  CHECK(y[1] == std::ldexp(3.0f, 127));
  auto const tiny = run({0x1.fffffep-3f}, [](builder& b, vector::pointer x) {
    return b.binary(opcode::scale2, b.load(x.at(0)), b.constant(-126));
  });
  CHECK(tiny[0] == 0x1p-128f);  // 24 bits do not fit below 2^-128: to even
}

TEST_CASE("select chooses as C++ compares") {
  auto const choose = [](vector::compare cc) {
    return run({1, 2, 3, nan_value}, [cc](builder& b, vector::pointer x) {
      return b.select(cc, b.load(x.at(0)), b.constant(2), b.constant(10), b.constant(20));
    });
  };
  CHECK(choose(vector::compare::lt)[0] == 10);
  CHECK(choose(vector::compare::lt)[1] == 20);
  CHECK(choose(vector::compare::le)[1] == 10);
  CHECK(choose(vector::compare::eq)[1] == 10);
  CHECK(choose(vector::compare::gt)[2] == 10);
  CHECK(choose(vector::compare::ge)[3] == 20);
  CHECK(choose(vector::compare::eq)[3] == 20);
  CHECK(choose(vector::compare::ne)[3] == 10);
}

TEST_CASE("stores of 8 bits round to even and saturate") {
  auto const y = run<std::uint8_t>(
      {-3, 2.5f, 3.5f, 300, 255, nan_value}, [](builder& b, vector::pointer x) { return b.load(x.at(0)); },
      element::u8);
  CHECK(std::vector<int>(y.begin(), y.begin() + 6) == std::vector<int>{0, 2, 4, 255, 255, 0});
  auto const z = run<std::int8_t>(
      {-300, -128.5f, 127.4f, 128}, [](builder& b, vector::pointer x) { return b.load(x.at(0)); }, element::s8);
  CHECK(std::vector<int>(z.begin(), z.begin() + 4) == std::vector<int>{-128, -128, 127, 127});
}

TEST_CASE("integers wrap, shift and convert") {
  auto const y = run<std::int32_t>(
      {2.5f, -7.25f},
      [](builder& b, vector::pointer x) {
        auto const whole = b.unary(opcode::to_i32, b.load(x.at(0)), register_type::i32);
        auto const big = b.binary(opcode::iadd, whole, b.constant_i32(INT32_MAX), register_type::i32);
        return b.shift(opcode::isra, big, 1);
      },
      element::i32);
  CHECK(y[0] == (INT32_MIN + 1) >> 1);
  CHECK(y[1] == (INT32_MAX - 7) >> 1);
}

TEST_CASE("dot4 adds four products of unsigned and signed bytes") {
  auto const y = run<std::int32_t>(
      {0, 1},
      [](builder& b, vector::pointer x) {
        auto const first = b.unary(opcode::to_i32, b.load(x.at(0)), register_type::i32);
        auto const u =
            b.binary(opcode::ior, first, b.constant_i32(static_cast<std::int32_t>(0xff0280feu)), register_type::i32);
        return b.dot4(u, b.constant_i32(static_cast<std::int32_t>(0x80ff7f01u)), b.constant_i32(1000));
      },
      element::i32);
  CHECK(y[0] == 1000 + 255 * -128 + 2 * -1 + 128 * 127 + 254);
  CHECK(y[1] == y[0] + 1);
}

TEST_CASE("dot2 adds two products of signed words") {
  auto const y = run<std::int32_t>(
      {0, 1},
      [](builder& b, vector::pointer x) {
        auto const first = b.unary(opcode::to_i32, b.load(x.at(0)), register_type::i32);
        auto const words = b.binary(opcode::ior, first, b.constant_i32(int(0x8000fffeu)), register_type::i32);
        return b.dot2(words, b.constant_i32(int(0x80007fffu)), b.constant_i32(-7));
      },
      element::i32);
  CHECK(y[0] == (1 << 30) - 2 * 32767 - 7);
  CHECK(y[1] == y[0] + 32767);
}

TEST_CASE("lookup replaces each byte") {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t k = 0; k < table.size(); ++k) table[k] = static_cast<std::uint8_t>(255 - k * 3);
  std::array<std::uint32_t, 16> lanes{};
  builder b("lookup", 16);
  auto const t = b.argument("t", vector::access::constant, 256, element::i32);
  auto const y = b.argument("y", vector::access::out, 64, element::i32);
  b.store(y.at(0), b.lookup(b.constant_i32(static_cast<std::int32_t>(0xff80017fu)), t.at(0)));
  auto const p = std::move(b).take();
  vector::verify(p);
  std::array<std::byte*, 2> const arguments{reinterpret_cast<std::byte*>(table.data()),
                                            reinterpret_cast<std::byte*>(lanes.data())};
  vector::interpret(p, arguments.data());
  std::uint32_t expected = 0;
  for (unsigned const byte : {0xffu, 0x80u, 0x01u, 0x7fu}) expected = expected << 8 | table[byte];
  CHECK(lanes[0] == expected);
  CHECK(lanes[15] == expected);
}

TEST_CASE("dot2.bf16 adds the high products first, rounds after each and knows no subnormal numbers") {
  auto const dot = [](std::uint32_t a, std::uint32_t b, float sum) { return add_bfloat16_products(a, b, sum); };
  CHECK(dot(0x40004040u, 0x40803f80u, 1.0f) == 1 + 2 * 4 + 3);
  CHECK(dot(0x3f803f80u, 0xcf003f80u, 0x1p31f) == 1);         // high: 2^31 - 2^31; low: + 1
  CHECK(dot(0x3f803f80u, 0x3f80cf00u, 0x1p31f) == 0);         // high: 2^31 + 1 is 2^31
  CHECK(dot(0x00013f80u, 0x7f003f80u, 0x1p-130f) == 1);       // a subnormal factor, and sum, count as 0
  CHECK(dot(0x00800000u, 0x3f000000u, 0.0f) == 0);            // 2^-127 becomes 0
  CHECK(std::signbit(dot(0x80808000u, 0x3f000000u, -0.0f)));  // of its sign
  CHECK(dot(0x00800080u, 0x3f003f80u, 0.0f) == 0x1p-126f);    // and is lost before the next sum
  CHECK(dot(0x7f7f0000u, 0x7f7f0000u, 0.0f) == std::numeric_limits<float>::infinity());
  CHECK(std::isnan(dot(0x7f800000u, 0x00010000u, 0.0f)));  // infinity times what counts as 0
  auto const y = run<std::int32_t>(
      {1.00390625f, 1.01171875f, -2.0f, 0x1p-127f, nan_value},
      [](builder& b, vector::pointer x) { return b.pack_bf16(b.load(x.at(0)), b.load(x.at(4), 2)); }, element::i32);
  CHECK(y[0] == 0x3f823f80);  // ties to even
  CHECK(y[1] == 0x0000c000);
  CHECK((y[2] & 0x7fc0) == 0x7fc0);
  CHECK(y[8] == static_cast<std::int32_t>(0xc0003f82u));
}

TEST_CASE("lanes: butterflies, partial loads and transposes") {
  std::vector<float> in(16);
  for (int k = 0; k < 16; ++k) in[static_cast<std::size_t>(k)] = static_cast<float>(k * k);
  CHECK(run(in, [](builder& b, vector::pointer x) { return b.hsum(b.load(x.at(0))); })[5] == 1240);
  CHECK(run(in, [](builder& b, vector::pointer x) { return b.hmax(b.load(x.at(0))); })[7] == 225);
  CHECK(run(in, [](builder& b, vector::pointer x) { return b.load(x.broadcast(12)); })[15] == 9);
  auto const both = run(in, [](builder& b, vector::pointer x) { return b.halves(b.load(x.at(0)), b.constant(-1)); });
  CHECK(both[7] == 49);
  CHECK(both[8] == -1);
  auto const part = run(in, [](builder& b, vector::pointer x) { return b.load(x.at(4), 3); });
  CHECK(part[2] == 9);
  CHECK(part[3] == 0);
  auto const column = run(in, [](builder& b, vector::pointer x) {
    std::vector<vector::reg> square;
    for (int k = 0; k < 16; ++k) square.push_back(b.binary(opcode::mul, b.constant(float(k)), x.at(0)));
    b.transpose(square);
    return square[3];
  });
  for (int k = 0; k < 16; ++k) CHECK(column[static_cast<std::size_t>(k)] == float(9 * k));
}

TEST_CASE("loops advance streams and restore them") {
  std::vector<float> memory(64), result(64);
  for (int k = 0; k < 64; ++k) memory[static_cast<std::size_t>(k)] = float(k);
  builder b("loops", 4);
  auto const x = b.argument("x", access::in, 256);
  auto const y = b.argument("y", access::out, 256);
  auto const tail = b.stream("tail", y, 128);
  auto const sum = b.zero();
  b.loop(3, {{x, 64}, {tail, 16}}, [&] {
    b.loop(2, {{x, 16}}, [&] { b.binary_to(sum, opcode::add, sum, x.at(0)); });
    b.store(tail.at(0), sum);
  });
  b.store(y.at(0), b.load(x.at(0)));
  auto const p = std::move(b).take();
  vector::verify(p);
  std::array<std::byte*, 2> arguments{reinterpret_cast<std::byte*>(memory.data()),
                                      reinterpret_cast<std::byte*>(result.data())};
  vector::interpret(p, arguments.data());
  CHECK(result[0] == 0);
  CHECK(result[1] == 1);
  CHECK(result[32] == 0 + 4);
  CHECK(result[36] == 0 + 4 + 16 + 20);
  CHECK(result[40] == 0 + 4 + 16 + 20 + 32 + 36);
}
