// Expected values are worked out by hand from the formulas of the specification.
#include "one_node.hpp"

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
