// Expected values are worked out by hand from the operators' formulas.
#include "one_node.hpp"

namespace {

void check_normalized(sinter::any_tensor const& got, std::vector<double> const& expected) {
  REQUIRE(got.elements() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("element " << i);
    CHECK(static_cast<double>(got.as<float>()[i]) == Approx(expected[i]).epsilon(1e-5));
  }
}

}  // namespace

TEST_CASE("BatchNormalization with given and with the batch's moments") {
  auto const x = floats({2, 1, 1}, {1, 3}), scale = floats({1}, {2}), bias = floats({1}, {1});
  auto const mean = floats({1}, {0}), variance = floats({1}, {4});
  check_normalized(run("BatchNormalization", 15, {x, scale, bias, mean, variance}, {{"epsilon", 0.0f}}), {2, 4});
  auto const trained = run_all("BatchNormalization", 15, {x, scale, bias, mean, variance},
                               {{"epsilon", 0.0f}, {"training_mode", std::int64_t{1}}}, 3);
  check_normalized(trained[0], {-1, 3});
  check_normalized(trained[1], {0.2});
  check_normalized(trained[2], {3.7});
  CHECK_THAT(error_of("BatchNormalization", 9, {x, floats({2}, {1, 1}), bias, mean, variance}),
             says("the input 1 has shape 2, expected 1 elements"));
}

TEST_CASE("InstanceNormalization and GroupNormalization") {
  auto const x = floats({1, 2, 2}, {1, 3, 5, 9}), scale = floats({2}, {1, 2}), bias = floats({2}, {0, 1});
  check_normalized(run("InstanceNormalization", 6, {x, scale, bias}, {{"epsilon", 0.0f}}), {-1, 1, -1, 3});
  // one group: mean 4.5, variance 8.75
  sinter::attribute_map const one{{"num_groups", std::int64_t{1}}, {"epsilon", 0.0f}};
  auto const d = 2.9580398915;
  check_normalized(run("GroupNormalization", 21, {x, scale, bias}, one), {-3.5 / d, -1.5 / d, 1 / d + 1, 9 / d + 1});
  check_normalized(run("GroupNormalization", 18, {x, floats({1}, {1}), floats({1}, {0})}, one),
                   {-3.5 / d, -1.5 / d, 0.5 / d, 4.5 / d});
  CHECK_THAT(error_of("GroupNormalization", 21, {x, scale, bias}, {{"num_groups", std::int64_t{3}}}),
             says("'num_groups' is 3, expected a divisor of the 2 channels"));
}

TEST_CASE("LayerNormalization gives the moments too; RMSNormalization does not centre") {
  auto const x = floats({2, 2}, {1, 3, 10, 30});
  auto const y =
      run_all("LayerNormalization", 17, {x, floats({2}, {1, 2}), floats({2}, {0, 1})}, {{"epsilon", 0.0f}}, 3);
  check_normalized(y[0], {-1, 3, -1, 3});
  check_normalized(y[1], {2, 20});
  check_normalized(y[2], {1, 0.1});
  CHECK(y[1].shape() == sinter::shape{2, 1});
  // a scale for each row
  check_normalized(run("LayerNormalization", 17, {x, floats({2, 1}, {1, 5})}, {{"epsilon", 0.0f}}), {-1, 1, -5, 5});
  check_normalized(run("RMSNormalization", 23, {floats({2}, {3, 4}), floats({2}, {1, 1})}, {{"epsilon", 0.0f}}),
                   {0.848528137, 1.131370850});
}

TEST_CASE("LpNormalization leaves zeros; LRN sums squares of neighbouring channels") {
  auto const x = floats({2, 2}, {3, 4, 0, 0});
  check_normalized(run("LpNormalization", 22, {x}), {0.6, 0.8, 0, 0});
  check_normalized(run("LpNormalization", 22, {x}, {{"p", std::int64_t{1}}, {"axis", std::int64_t{0}}}), {1, 1, 0, 0});
  auto const y = run("LRN", 13, {floats({1, 3, 1}, {1, 2, 3})},
                     {{"size", std::int64_t{3}}, {"alpha", 3.0f}, {"beta", 1.0f}, {"bias", 1.0f}});
  check_normalized(y, {1.0 / 6, 2.0 / 15, 3.0 / 14});
  CHECK_THAT(error_of("LRN", 13, {x}, {{"size", std::int64_t{0}}}), says("'size' holds 0"));
}

TEST_CASE("Softmax flattens below version 13") {
  auto const x = floats({1, 2, 2}, {0, 0, 0, 1.0986122887f});
  sinter::attribute_map const axis{{"axis", std::int64_t{1}}};
  check_normalized(run("Softmax", 11, {x}, axis), {1.0 / 6, 1.0 / 6, 1.0 / 6, 0.5});
  check_normalized(run("Softmax", 13, {x}, axis), {0.5, 0.25, 0.5, 0.75});
  check_normalized(run("Softmax", 13, {floats({2}, {1000, 1000})}), {0.5, 0.5});
  check_normalized(run("LogSoftmax", 13, {floats({2}, {1000, 1000})}), {-0.69314718, -0.69314718});
  check_normalized(run("Hardmax", 13, {floats({3}, {1, 2, 2})}), {0, 1, 0});
}

TEST_CASE("Softmax of a narrow type rounds each step to it") {
  auto const half = [](sinter::any_tensor const& t) { return run("Cast", 13, {t}, {{"to", std::int64_t{10}}}); };
  auto const y = run("Softmax", 13, {half(floats({3}, {0, 0, 3}))});
  auto const* const bits = static_cast<std::uint16_t const*>(y.data());
  CHECK(bits[0] == 0x29cb);  // exp(-3) and the sum are float16; 0x29cc would be nearest to the exact quotient
  CHECK(bits[2] == 0x3b46);
  sinter::any_tensor const many(y.type(), sinter::shape{70000});  // more than the greatest float16
  auto const even = run("Softmax", 13, {many});
  CHECK(static_cast<std::uint16_t const*>(even.data())[0] == 0x00f0);  // 1/70000
}
