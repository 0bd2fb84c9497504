// Expected values are worked out by hand from the formulas of the specification.
#include "one_node.hpp"
#include <cmath>

TEST_CASE("Window functions, periodic and symmetric") {
  auto const four = ints({}, {4});
  auto const hann = run("HannWindow", 17, {four});
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(hann.as<float>()[i] == Approx(std::vector<float>{0, 0.5f, 1, 0.5f}[i]).margin(1e-6));
  CHECK(run("HannWindow", 17, {four}, {{"periodic", std::int64_t{0}}}).as<float>()[1] == Approx(0.75));
  CHECK(run("HammingWindow", 17, {four}).as<float>()[0] == Approx(4.0 / 46));
  CHECK(run("BlackmanWindow", 17, {four}).as<float>()[1] == Approx(0.34));
  CHECK(elements<float>(run("HannWindow", 17, {ints({}, {1})}, {{"periodic", std::int64_t{0}}})) ==
        std::vector<float>{1});
  CHECK_THAT(error_of("HannWindow", 17, {ints({}, {-1})}), says("the size is -1"));
}

TEST_CASE("AffineGrid maps corners or centres") {
  auto const theta = floats({1, 2, 3}, {1, 0, 0, 0, 2, 1});
  sinter::attribute_map const corners{{"align_corners", std::int64_t{1}}};
  CHECK(elements<float>(run("AffineGrid", 20, {theta, ints({4}, {1, 1, 1, 2})}, corners)) ==
        std::vector<float>{-1, -1, 1, -1});
  CHECK(elements<float>(run("AffineGrid", 20, {theta, ints({4}, {1, 1, 1, 2})})) ==
        std::vector<float>{-0.5f, 1, 0.5f, 1});
  CHECK_THAT(error_of("AffineGrid", 20, {theta, ints({3}, {1, 1, 2})}), says("theta has shape 1x2x3"));
}

TEST_CASE("DFT there and back, of real and complex numbers") {
  auto const x = floats({1, 6, 1}, {1, 2, 0, -1, 3, 0.5f});
  auto const whole = run("DFT", 20, {x});
  REQUIRE(whole.shape() == sinter::shape{1, 6, 2});
  CHECK(whole.as<float>()[0] == Approx(5.5));
  CHECK(whole.as<float>()[6] == Approx(2.5));  // at half the frequency the sum of alternating signs
  CHECK(whole.as<float>()[7] == Approx(0).margin(1e-6));
  auto const back = run("DFT", 20, {whole}, {{"inverse", one}});
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(back.as<float>()[2 * i] == Approx(x.as<float>()[i]).margin(1e-6));
    CHECK(back.as<float>()[2 * i + 1] == Approx(0).margin(1e-6));
  }
  sinter::attribute_map const half{{"onesided", one}};
  auto const front = run("DFT", 20, {x}, half);
  REQUIRE(front.shape() == sinter::shape{1, 4, 2});
  for (std::size_t i = 0; i < 8; ++i) CHECK(front.as<float>()[i] == Approx(whole.as<float>()[i]).margin(1e-6));
  auto const real = run("DFT", 20, {front}, {{"onesided", one}, {"inverse", one}});
  REQUIRE(real.shape() == x.shape());
  for (std::size_t i = 0; i < 6; ++i) CHECK(real.as<float>()[i] == Approx(x.as<float>()[i]).margin(1e-6));
  CHECK_THAT(error_of("DFT", 20, {whole}, half), says("one-sided transform of complex"));
  CHECK_THAT(error_of("DFT", 20, {x, {}, ints({}, {-1})}), says("axis"));
  CHECK_THAT(error_of("DFT", 20, {x, ints({}, {INT64_MAX / 64})}), says("a transform would take"));
}

TEST_CASE("DFT of a length that is cut, padded or a prime, along any axis") {
  auto const x = floats({2, 2, 1}, {1, 3, 2, 5});
  auto const columns = run("DFT", 17, {x, ints({}, {1})}, {{"axis", std::int64_t{0}}});
  CHECK(columns.shape() == sinter::shape{1, 2, 2});
  CHECK(elements<float>(columns) == std::vector<float>{1, 0, 3, 0});
  auto const padded = run("DFT", 20, {x, ints({}, {7}), ints({}, {0})});
  REQUIRE(padded.shape() == sinter::shape{7, 2, 2});
  double const angle = 2 * 3.14159265358979 / 7;  // of frequency 1: 1 + 2 e^-j angle
  CHECK(padded.as<float>()[4] == Approx(1 + 2 * std::cos(angle)));
  CHECK(padded.as<float>()[5] == Approx(-2 * std::sin(angle)));
}

TEST_CASE("STFT transforms windows of a signal") {
  auto const x = floats({1, 5, 1}, {1, 2, 3, 4, 5});
  auto const y = run("STFT", 17, {x, ints({}, {1}), floats({2}, {1, 2})});
  REQUIRE(y.shape() == sinter::shape{1, 4, 2, 2});
  for (std::size_t i = 0; i < 16; ++i)
    CHECK(y.as<float>()[i] ==
          Approx(std::vector<float>{5, 0, -3, 0, 8, 0, -4, 0, 11, 0, -5, 0, 14, 0, -6, 0}[i]).margin(1e-6));
  CHECK_THAT(error_of("STFT", 17, {x, ints({}, {0}), floats({2}, {1, 2})}), says("0 apart"));
  CHECK_THAT(error_of("STFT", 17, {x, ints({}, {1}), {}, ints({}, {6})}), says("do not fit"));
}

TEST_CASE("MelWeightMatrix has triangles of height one") {
  auto const m = run("MelWeightMatrix", 17,
                     {ints({}, {2}), ints({}, {16}), ints({}, {8192}), floats({}, {0}), floats({}, {4096})});
  REQUIRE(m.shape() == sinter::shape{9, 2});
  for (std::size_t mel = 0; mel < 2; ++mel) {
    float most = 0;
    for (std::size_t bin = 0; bin < 9; ++bin) most = std::max(most, m.as<float>()[bin * 2 + mel]);
    CHECK(most == 1);
  }
}
