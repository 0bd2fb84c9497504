#include "one_node.hpp"
#include <cmath>
#include <limits>

using sinter::any_tensor;

namespace {

float nan() { return std::numeric_limits<float>::quiet_NaN(); }
float first(any_tensor const& t) { return t.as<float>()[0]; }

}  // namespace

TEST_CASE("unary functions at points whose values are known") {
  auto const at = [](char const* op, float x) { return first(run(op, 22, {floats({1}, {x})})); };
  CHECK(at("Round", 2.5f) == 2);
  CHECK(at("Round", -1.5f) == -2);
  CHECK(at("Erf", 1) == Approx(0.8427007929f));
  CHECK(at("Sigmoid", 0) == 0.5f);
  CHECK(at("Sigmoid", -200) == 0);
  CHECK(at("Softplus", 0) == Approx(0.6931471806f));
  CHECK(at("Softplus", 200) == 200);
  CHECK(at("Softsign", -3) == -0.75f);
  CHECK(at("HardSwish", 1) == Approx(4.0f / 6));
  CHECK(at("HardSwish", -4) == 0);
  CHECK(at("Mish", 0) == 0);
  CHECK(at("Mish", 100) == 100);
  CHECK(at("Tan", 0.785398163f) == Approx(1));
  CHECK(at("Acosh", 1) == 0);
  CHECK(at("Atanh", 0.5f) == Approx(0.5493061443f));
  CHECK(at("Sign", -0.5f) == -1);
  CHECK(at("Reciprocal", 4) == 0.25f);
  CHECK(std::isnan(at("Relu", nan())));
  CHECK(std::isnan(at("HardSwish", nan())));
}

TEST_CASE("double is computed in double") {
  auto const y = run("Exp", 13, {any_tensor::of<double>({1}, {1.0})});
  CHECK(y.as<double>()[0] == Approx(2.718281828459045).epsilon(1e-15));
  CHECK(run("Asinh", 9, {any_tensor::of<double>({1}, {1.0})}).as<double>()[0] ==
        Approx(0.881373587019543).epsilon(1e-14));
}

TEST_CASE("Gelu, exact and by tanh") {
  auto const x = floats({2}, {1, -1});
  CHECK(elements<float>(run("Gelu", 20, {x}))[0] == Approx(0.8413447461f));
  CHECK(elements<float>(run("Gelu", 20, {x}, {{"approximate", std::string("tanh")}}))[1] == Approx(-0.1588080094f));
  CHECK(!error_of("Gelu", 20, {x}, {{"approximate", std::string("half")}}).empty());
}

TEST_CASE("activations with attributes") {
  auto const x = floats({3}, {-1, 0, 2});
  CHECK(elements<float>(run("LeakyRelu", 16, {x}, {{"alpha", 0.5f}})) == std::vector<float>{-0.5f, 0, 2});
  CHECK(elements<float>(run("LeakyRelu", 16, {x}))[0] == -0.01f);
  CHECK(elements<float>(run("Elu", 6, {x}, {{"alpha", 2.0f}}))[0] == Approx(2 * (std::exp(-1.0) - 1)));
  CHECK(elements<float>(run("Celu", 12, {x}, {{"alpha", 2.0f}}))[0] == Approx(2 * (std::exp(-0.5) - 1)));
  CHECK(elements<float>(run("Selu", 6, {x}))[2] == Approx(2.1014020443f));
  CHECK(elements<float>(run("HardSigmoid", 6, {x}))[2] == Approx(0.9f));
  CHECK(elements<float>(run("HardSigmoid", 6, {floats({2}, {-9, 9})})) == std::vector<float>{0, 1});
  CHECK(elements<float>(run("ThresholdedRelu", 10, {x}, {{"alpha", 1.5f}})) == std::vector<float>{0, 0, 2});
  CHECK(error_of("Elu", 6, {x}, {{"alpha", std::int64_t{1}}}).find("'alpha'") != std::string::npos);
}

TEST_CASE("PRelu broadcasts its slope to x, never x to the slope") {
  auto const x = floats({2, 2}, {-1, 2, -3, -4});
  CHECK(elements<float>(run("PRelu", 16, {x, floats({2}, {10, 100})})) == std::vector<float>{-10, 2, -30, -400});
  CHECK(!error_of("PRelu", 16, {floats({2}, {1, 2}), x}).empty());
}

TEST_CASE("Clip: bounds from inputs or attributes, each optional") {
  auto const x = floats({3}, {-5, 0, 5});
  CHECK(elements<float>(run("Clip", 13, {x, {}, floats({}, {2})})) == std::vector<float>{-5, 0, 2});
  CHECK(elements<float>(run("Clip", 13, {x, floats({}, {-1})})) == std::vector<float>{-1, 0, 5});
  CHECK(elements<float>(run("Clip", 13, {x})) == std::vector<float>{-5, 0, 5});
  CHECK(elements<float>(run("Clip", 13, {x, floats({}, {3}), floats({}, {1})})) == std::vector<float>{1, 1, 1});
  CHECK(elements<float>(run("Clip", 6, {x}, {{"min", -1.0f}, {"max", 1.0f}})) == std::vector<float>{-1, 0, 1});
  CHECK(std::isnan(first(run("Clip", 13, {floats({1}, {nan()}), floats({}, {0}), floats({}, {6})}))));
  CHECK(elements<std::int64_t>(run("Clip", 12, {ints({2}, {INT64_MIN, 9}), {}, ints({}, {3})})) == list{INT64_MIN, 3});
  CHECK(!error_of("Clip", 13, {x, floats({2}, {0, 1})}).empty());
}
