#include "catch.hpp"
#include "cuda/emulator/emulator.hpp"
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

namespace {

emulator::module const& kernels() {
  static emulator::module const result(R"(
    template <class From, class To, To (*convert)(From)>
    DEVICE void each(From const* x, To* y) {
      const u32 i = block(0) * 256 + thread();
      y[i] = convert(x[i]);
    }
    KERNEL(256) void from_half(u16 const* x, float* y) { each<u16, float, half_to_float>(x, y); }
    KERNEL(256) void from_bfloat16(u16 const* x, float* y) { each<u16, float, bfloat16_to_float>(x, y); }
    KERNEL(256) void to_half(float const* x, u16* y) { each<float, u16, float_to_half>(x, y); }
    KERNEL(256) void to_bfloat16(float const* x, u16* y) { each<float, u16, float_to_bfloat16>(x, y); }
    KERNEL(256) void to_tf32(float const* x, u32* y) { each<float, u32, to_tf32>(x, y); }
    KERNEL(256) void pairs(float const* x, u32* y) {
      y[0] = floats_to_half2(x[0], x[1]);
      y[1] = floats_to_bfloat162(x[0], x[1]);
    }
    KERNEL(256) void arithmetic(float const* x, float* y) {
      y[0] = fma(x[0], x[1], x[2]);
      y[1] = divide(x[0], x[1]);
      y[2] = square_root(x[0]);
      for (int i = 3; i < 7; ++i) y[i] = round_even(x[i]);
      y[7] = round_down(x[3]);
      y[8] = float_of(bits_of(x[0]));
      y[9] = x[0] * x[1] + x[2];
    }
  )");
  return result;
}

constexpr std::size_t count = 1 << 16;

template <class From, class To>
std::vector<To> convert(std::string const& kernel, std::vector<From> const& values) {
  emulator::array<From> const x(values);
  emulator::array<To> const y(values.size());
  kernels().launch(kernel, {{static_cast<std::uint32_t>(values.size() / 256), 1, 1}, 256, 0}, {x.data(), y.data()});
  return y.values();
}

std::vector<std::uint16_t> all_bits() {
  std::vector<std::uint16_t> result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = static_cast<std::uint16_t>(i);
  return result;
}

/// A binary floating-point format of 16 bits.
struct format {
  int mantissa_bits, least_exponent, most_exponent;

  double value(unsigned bits) const {
    auto const sign = bits >> 15 ? -1.0 : 1.0;
    auto const exponent = static_cast<int>(bits & 0x7fff) >> mantissa_bits;
    auto const mantissa = static_cast<double>(bits & ((1u << mantissa_bits) - 1));
    if (exponent == most_exponent - least_exponent + 2)
      return mantissa == 0 ? sign * INFINITY : std::numeric_limits<double>::quiet_NaN();
    if (exponent == 0) return sign * std::ldexp(mantissa, least_exponent - mantissa_bits);
    return sign * std::ldexp(mantissa + (1 << mantissa_bits), least_exponent + exponent - 1 - mantissa_bits);
  }
  /// The nearest that the format has, ties to even.
  double nearest(double x) const {
    if (x == 0 || std::isinf(x)) return x;
    auto const quantum = std::ldexp(1.0, std::max(std::ilogb(x), least_exponent) - mantissa_bits);
    auto const rounded = std::nearbyint(x / quantum) * quantum;
    return std::abs(rounded) >= std::ldexp(1.0, most_exponent + 1) ? std::copysign(INFINITY, x) : rounded;
  }
};
constexpr format half{10, -14, 15}, bfloat16{7, -126, 127};

void check_widening(std::string const& kernel, format const& f) {
  auto const widened = convert<std::uint16_t, float>(kernel, all_bits());
  for (unsigned i = 0; i < count; ++i) {
    auto const expected = static_cast<float>(f.value(i));
    if (std::isnan(expected) ? !std::isnan(widened[i]) : std::memcmp(&expected, &widened[i], 4) != 0)
      FAIL(kernel << " of " << i << " is " << widened[i] << " instead of " << expected);
  }
}

/// All numbers of the format, points halfway between them, and the floats beside these.
void check_narrowing(std::string const& kernel, format const& f) {
  std::vector<float> values;
  for (unsigned i = 0; i < count; ++i) {
    auto const here = static_cast<float>(f.value(i)), next = static_cast<float>(f.value((i + 1) % count));
    auto const middle = here / 2 + next / 2;
    for (auto const v : {here, middle, std::nextafter(middle, INFINITY), std::nextafter(middle, -INFINITY)})
      values.push_back(v);
  }
  auto const narrowed = convert<float, std::uint16_t>(kernel, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto const expected = f.nearest(values[i]), got = f.value(narrowed[i]);
    auto const agree =
        std::isnan(values[i]) ? narrowed[i] == 0x7fff : expected == got && std::signbit(expected) == std::signbit(got);
    if (!agree) FAIL(kernel << " of " << values[i] << " is " << got << " instead of " << expected);
  }
}

}  // namespace

TEST_CASE("all halves and bfloat16 numbers widen") {
  check_widening("from_half", half);
  check_widening("from_bfloat16", bfloat16);
}

TEST_CASE("floats narrow to the nearest") {
  check_narrowing("to_half", half);
  check_narrowing("to_bfloat16", bfloat16);
}

TEST_CASE("pairs have the first number in the lower half") {
  CHECK(convert<float, std::uint32_t>("pairs", std::vector<float>(256, 1.0f))[0] == 0x3c003c00);
  std::vector<float> values(256, 1.0f);
  values[1] = -2;
  auto const packed = convert<float, std::uint32_t>("pairs", values);
  CHECK(packed[0] == 0xc0003c00);
  CHECK(packed[1] == 0xc0003f80);
}

TEST_CASE("tf32 rounds ties away from zero") {
  std::vector<float> values(256, 1.0f);
  values[1] = 1 + 0x1p-11f;
  values[2] = -1 - 0x1p-11f;
  values[3] = 1 + 0x1p-11f - 0x1p-23f;
  values[4] = INFINITY;
  auto const bits = convert<float, std::uint32_t>("to_tf32", values);
  CHECK(bits[0] == 0x3f800000);
  CHECK(bits[1] == 0x3f802000);
  CHECK(bits[2] == 0xbf802000);
  CHECK(bits[3] == 0x3f800000);
  CHECK(bits[4] == 0x7f800000);
}

TEST_CASE("arithmetic is rounded once, and nothing is contracted") {
  auto const a = 1 + 0x1p-12f, b = a;
  std::vector<float> values(256, 0.0f);
  values[0] = a, values[1] = b, values[2] = -1 - 0x1p-11f;
  values[3] = 2.5f, values[4] = -2.5f, values[5] = 3.5f, values[6] = -0.4f;
  auto const y = convert<float, float>("arithmetic", values);
  CHECK(y[0] == 0x1p-24f);
  CHECK(y[1] == 1);
  CHECK(y[2] == std::sqrt(a));
  CHECK(std::vector<float>(y.begin() + 3, y.begin() + 9) == std::vector<float>{2, -2, 4, -0.0f, 2, a});
  CHECK(y[9] == 0);
}
