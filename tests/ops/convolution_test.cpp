// Expected values are worked out by hand.
#include "one_node.hpp"

using sinter::any_tensor;
using std::string;

using values = std::vector<float>;

TEST_CASE("Conv pads as auto_pad says") {
  auto const x = line({1, 2, 3, 4}), w = line({1, 10});
  CHECK(elements<float>(run("Conv", 22, {x, w}, {{"auto_pad", string("SAME_UPPER")}})) == values{21, 32, 43, 4});
  CHECK(elements<float>(run("Conv", 22, {x, w}, {{"auto_pad", string("SAME_LOWER")}})) == values{10, 21, 32, 43});
  CHECK(elements<float>(run("Conv", 22, {x, w}, {{"auto_pad", string("VALID")}})) == values{21, 32, 43});
  CHECK(elements<float>(run("Conv", 22, {x, w}, {{"pads", list{1, 0}}, {"strides", list{3}}})) == values{10, 43});
}

TEST_CASE("Conv with dilation, groups and bias") {
  auto const y = run("Conv", 11, {line({1, 2, 3, 4, 5}), line({1, 1})}, {{"dilations", list{2}}, {"strides", list{2}}});
  CHECK(elements<float>(y) == values{4, 8});
  auto const x = floats({1, 2, 1}, {2, 5});
  CHECK(elements<float>(run("Conv", 1, {x, floats({2, 1, 1}, {3, 7}), floats({2}, {1, -1})},
                            {{"group", std::int64_t{2}}})) == values{7, 34});
}

TEST_CASE("Conv of five output channels gives what each channel alone gives") {
  any_tensor x(sinter::dtype::float32, {2, 3, 5, 4, 6}), w(sinter::dtype::float32, {5, 3, 2, 3, 2});
  for (std::size_t i = 0; i < x.elements(); ++i) static_cast<float*>(x.data())[i] = static_cast<float>(i * 7 % 11) - 5;
  for (std::size_t i = 0; i < w.elements(); ++i) static_cast<float*>(w.data())[i] = static_cast<float>(i * 5 % 13) - 6;
  sinter::attribute_map const attributes{{"pads", list{1, 0, 2, 0, 1, 1}}, {"strides", list{1, 2, 3}}};
  auto const all = run("Conv", 11, {x, w}, attributes);
  REQUIRE(all.shape() == sinter::shape{2, 5, 5, 2, 3});
  auto const plane = all.elements() / 10;
  for (std::size_t m = 0; m < 5; ++m) {
    auto const one = any_tensor::of<float>({1, 3, 2, 3, 2}, w.as<float>().subspan(m * 36, 36));
    auto const y = run("Conv", 11, {x, one}, attributes);
    for (std::size_t n = 0; n < 2; ++n)
      for (std::size_t i = 0; i < plane; ++i)
        REQUIRE(all.as<float>()[(n * 5 + m) * plane + i] == y.as<float>()[n * plane + i]);
  }
}

TEST_CASE("ConvTranspose places its output") {
  auto const x = line({1, 2}), w = line({1, 10});
  auto const at = [&](sinter::attribute_map more) {
    more["strides"] = list{2};
    return elements<float>(run("ConvTranspose", 22, {x, w}, more));
  };
  CHECK(at({}) == values{1, 10, 2, 20});
  CHECK(at({{"output_padding", list{1}}}) == values{1, 10, 2, 20, 0});
  CHECK(at({{"pads", list{1, 1}}}) == values{10, 2});
  CHECK(at({{"output_shape", list{3}}}) == values{10, 2, 20});
  CHECK(at({{"output_shape", list{3}}, {"auto_pad", string("SAME_UPPER")}}) == values{1, 10, 2});
  CHECK(at({{"output_shape", list{5}}}) == values{1, 10, 2, 20, 0});
}

TEST_CASE("Attributes of convolutions are checked: name, value and range are told") {
  auto const x = line({1, 2, 3}), w = line({1, 1});
  auto const wrong = [&](char const* name, sinter::attribute value) {
    return error_of("Conv", 22, {x, w}, {{name, std::move(value)}});
  };
  CHECK_THAT(wrong("group", std::int64_t{0}), says("'group' holds 0, expected 1 to"));
  CHECK_THAT(wrong("strides", list{0}), says("'strides' holds 0, expected 1 to"));
  CHECK_THAT(wrong("dilations", list{-1}), says("'dilations' holds -1"));
  CHECK_THAT(wrong("pads", list{0, -1}), says("'pads' holds -1, expected 0 to"));
  CHECK_THAT(wrong("strides", list{1, 1}), says("'strides' has 2 values, expected 1"));
  CHECK_THAT(wrong("dilations", list{INT64_MAX}), says("'dilations' holds 9223372036854775807"));
  CHECK_THAT(wrong("dilations", list{3}), says("a window of 4 does not fit in the padded extent 3"));
  CHECK_THAT(wrong("kernel_shape", list{3}), says("'kernel_shape' is 3, the weights have shape 1x1x2"));
  CHECK_THAT(wrong("auto_pad", string("SAME")), says("'auto_pad' is 'SAME'"));
  CHECK_THAT(wrong("group", std::int64_t{2}), says("1 channels, expected 2 groups of 1"));
  CHECK_THAT(wrong("group", string("1")), says("'group' has another type"));
  CHECK_THAT(error_of("Conv", 22, {x, w, floats({2}, {0, 0})}), says("the bias has shape 2, expected 1"));
  CHECK_THAT(error_of("Conv", 22, {floats({2}, {1, 2}), w}), says("the input has shape 2"));
  CHECK_THAT(error_of("ConvTranspose", 22, {x, w}, {{"pads", list{9, 9}}}), says("'pads' leaves -14"));
  CHECK_THAT(error_of("ConvTranspose", 22, {x, w}, {{"strides", list{std::int64_t{1} << 40}}}), says("'strides'"));
}
