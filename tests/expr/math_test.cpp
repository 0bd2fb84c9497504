#include <sinter/core/float16.hpp>
#include <sinter/expr/math.hpp>

#include "catch.hpp"
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace sinter;
using namespace sinter::expr;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// An expanded function with room to evaluate it.
class point_function {
 public:
  explicit point_function(value v, std::size_t inputs = 1)
      : f_(expand(flatten(v, inputs))), workspace_(f_.lines.size()) {}
  float operator()(float x, float y = 0) {
    float const operands[] = {x, y};
    return evaluate(f_, operands, workspace_);
  }

 private:
  function f_;
  std::vector<float> workspace_;
};

/// Distance from the exact value in units in the last place of its float; 0 if both are NaN or the same infinity or
/// zero, infinite if only one is.
double error_in_ulp(float got, double exact) {
  auto const rounded = static_cast<float>(exact);
  if (std::isnan(rounded)) return std::isnan(got) ? 0 : INFINITY;
  if (std::isinf(rounded) || std::isinf(got) || rounded == 0)
    return got == rounded && std::signbit(got) == std::signbit(rounded) ? 0 : INFINITY;
  int exponent;
  std::frexp(rounded, &exponent);
  return std::fabs(double{got} - exact) / std::ldexp(1.0, std::max(exponent, -125) - 24);
}

/// The greatest error over floats of all magnitudes that `accept` takes.
template <typename Reference, typename Accept>
double worst_error(value f, Reference&& reference, Accept&& accept) {
  point_function g(f);
  double worst = 0;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += 40009) {
    auto const x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    if (accept(x)) worst = std::max(worst, error_in_ulp(g(x), reference(double{x})));
  }
  return worst;
}
template <typename Reference>
double worst_error(value f, Reference&& reference) {
  return worst_error(f, reference, [](float) { return true; });
}

}  // namespace

TEST_CASE("functions are accurate over all floats") {
  auto const x = input(0);
  CHECK(worst_error(exp(x), [](double v) { return std::exp(v); }) <= 1);
  CHECK(worst_error(log(x), [](double v) { return std::log(v); }) <= 1);
  CHECK(worst_error(tanh(x), [](double v) { return std::tanh(v); }) <= 3);
  CHECK(worst_error(erf(x), [](double v) { return std::erf(v); }) <= 4);
  CHECK(worst_error(
            erf(x), [](double v) { return std::erf(v); }, [](float v) { return std::fabs(v) > 3.95f; }) <= 0.6);
  CHECK(worst_error(
            sigmoid(x), [](double v) { return 1 / (1 + std::exp(-v)); }, [](float v) { return !(v < -87.3f); }) <= 2.5);
  auto const moderate = [](float v) { return !(std::fabs(v) > 1e4f) || std::isinf(v); };
  CHECK(worst_error(
            sin(x), [](double v) { return std::sin(v); }, moderate) <= 1.6);
  CHECK(worst_error(
            cos(x), [](double v) { return std::cos(v); }, moderate) <= 1.6);
}

TEST_CASE("functions that are exact") {
  auto const x = input(0);
  CHECK(worst_error(-x, [](double v) { return -v; }) == 0);
  CHECK(worst_error(abs(x), [](double v) { return std::fabs(v); }) == 0);
  CHECK(worst_error(ceil(x), [](double v) { return std::ceil(v); }) == 0);
  CHECK(worst_error(sign(x), [](double v) { return v > 0 ? 1 : v < 0 ? -1 : v; }) == 0);
  CHECK(worst_error(round_half(x),
                    [](double v) { return double{half_to_float(float_to_half(static_cast<float>(v)))}; }) == 0);
  CHECK(worst_error(round_bfloat16(x),
                    [](double v) { return double{bfloat16_to_float(float_to_bfloat16(static_cast<float>(v)))}; }) == 0);
  CHECK(worst_error(reciprocal(x), [](double v) { return 1 / v; }) <= 0.5);
}

TEST_CASE("what lies below the normal numbers") {
  point_function sigmoid_of(sigmoid(input(0)));
  CHECK(sigmoid_of(-inf) == 0);
  CHECK(sigmoid_of(-90) == 0);
  CHECK(sigmoid_of(-87) > 0);
  point_function exp_of(exp(input(0)));
  CHECK(exp_of(-100) == Approx(3.7835e-44).epsilon(0.02));
  CHECK(exp_of(-104) == 0);
  point_function flushed(exp_flushed(input(0)));
  CHECK(flushed(-87.4f) == 0);
  CHECK(std::isnan(flushed(not_a_number)));
  CHECK(flushed(-inf) == 0);
}

TEST_CASE("sine and cosine of large arguments stay in range") {
  point_function s(sin(input(0)));
  for (float const x : {1e8f, -1e20f, 3e38f}) CHECK(std::fabs(s(x)) <= 1);
}

TEST_CASE("powers") {
  point_function p(pow(input(0), input(1)), 2);
  double worst = 0;
  for (int i = 1; i < 400; ++i)
    for (int k = -60; k <= 60; ++k) {
      float const a = std::ldexp(1.0f + static_cast<float>(i % 37) / 37, i % 61 - 30), b = static_cast<float>(k) / 23;
      worst = std::max(worst, error_in_ulp(p(a, b), std::pow(double{a}, double{b})));
    }
  CHECK(worst <= 5);
  for (float const a : {0.0f, -0.0f, 1.0f, -1.0f, inf, -inf, not_a_number, 2.0f, -2.0f, 0.5f, -0.5f, 1e-40f, 3e38f})
    for (float const b :
         {0.0f, -0.0f, 1.0f, -1.0f, inf, -inf, not_a_number, 3.0f, -3.0f, 2.0f, 0.5f, -1.5f, 16777215.0f, 1e10f}) {
      INFO(a << " to the power " << b);
      CHECK(error_in_ulp(p(a, b), std::pow(double{a}, double{b})) <= 5);
    }
}

TEST_CASE("powers with a constant exponent are plain arithmetic") {
  for (float const b : {1.0f, 2.0f, 3.0f, -1.0f, -2.0f, 0.5f}) {
    point_function p(pow(input(0), b));
    for (float const a : {0.0f, -0.0f, 3.0f, -3.0f, inf, -inf, 1e-20f}) {
      if (b == 0.5f && a < 0 && !std::isinf(a)) continue;
      INFO(a << " to the power " << b);
      CHECK(error_in_ulp(p(a), std::pow(double{a}, double{b})) <= 2);
    }
  }
  CHECK(expand(flatten(pow(input(0), 2.0f), 1)).lines.size() == 2);
}
