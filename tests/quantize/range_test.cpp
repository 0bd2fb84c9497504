#include <sinter/quantize/range.hpp>

#include "catch.hpp"
#include <random>
#include <vector>

using namespace sinter::quantize;

namespace {

histogram histogram_of(std::vector<float> const& values) {
  auto const [least, greatest] = std::ranges::minmax(values);
  histogram h({least, greatest});
  h.add(values);
  return h;
}

/// Normally distributed numbers, and one far away.
std::vector<float> numbers_with_outlier(float outlier) {
  std::mt19937 bits(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(20000);
  for (auto& v : values) v = normal(bits);
  values.push_back(outlier);
  return values;
}

}  // namespace

TEST_CASE("Steps of a range hold 0 exactly and both ends") {
  auto const check = [](range r, float step, int zero) {
    auto const s = steps_of(r);
    CHECK(s.step == Approx(step));
    CHECK(int{s.zero} == zero);
  };
  check({0, 255}, 1, 0);
  check({-255, 0}, 1, 255);
  check({-2, 1}, 3 / 255.0f, 170);
  check({3, 5.1f}, 0.02f, 0);      // 0 is included
  check({-5.1f, -3}, 0.02f, 255);  // on either side
  check({0, 0}, 1, 0);
  check({0, 1e-40f}, 1, 0);  // too small for a step
}

TEST_CASE("A percentile leaves out as many numbers below as above") {
  std::vector<float> values;
  for (int i = 0; i < 10000; ++i) values.push_back(static_cast<float>(i));
  auto const r = percentile_range(histogram_of(values), 98);
  CHECK(r.least == Approx(100).margin(5));
  CHECK(r.greatest == Approx(9900).margin(5));
  auto const all = percentile_range(histogram_of(values), 100);
  CHECK(all.least == Approx(0).margin(3));
  CHECK(all.greatest == Approx(9999).margin(3));
}

TEST_CASE("An outlier does not make the range of percentile or entropy") {
  auto const h = histogram_of(numbers_with_outlier(60));
  CHECK(percentile_range(h, 99.9).greatest < 6);
  auto const r = entropy_range(h);
  CHECK(r.greatest < 15);
  CHECK(r.greatest > 2);
  CHECK(r.least < -2);
}

TEST_CASE("The range of entropy of numbers without outliers is nearly all of them") {
  std::vector<float> values;
  for (int i = 0; i < 100000; ++i) values.push_back(static_cast<float>(i % 1000) / 1000);
  auto const r = entropy_range(histogram_of(values));
  CHECK(r.least == 0);
  CHECK(r.greatest > 0.9f);
}
