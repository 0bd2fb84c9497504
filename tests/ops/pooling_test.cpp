// Expected values are worked out by hand.
#include "one_node.hpp"
#include <cmath>
#include <limits>

using sinter::any_tensor;

using values = std::vector<float>;

TEST_CASE("ceil_mode keeps a last window that starts in the input, and drops one that starts in the padding") {
  sinter::attribute_map a{{"kernel_shape", list{2}}, {"strides", list{2}}, {"ceil_mode", one}};
  CHECK(elements<float>(run("MaxPool", 22, {line({1, 2, 3})}, a)) == values{2, 3});
  a["pads"] = list{0, 1};
  CHECK(elements<float>(run("MaxPool", 22, {line({1, 2})}, a)) == values{2});
}

TEST_CASE("MaxPool counts its indices in the whole input, by rows or by columns") {
  auto const x = floats({1, 2, 2, 3}, {1, 2, 3, 4, 9, 5, 0, 0, 0, 0, 0, 7});
  sinter::attribute_map a{{"kernel_shape", list{2, 3}}};
  auto const rows = run_all("MaxPool", 12, {x}, a, 2);
  CHECK(elements<float>(rows[0]) == values{9, 7});
  CHECK(elements<std::int64_t>(rows[1]) == list{4, 11});
  a["storage_order"] = one;
  CHECK(elements<std::int64_t>(run_all("MaxPool", 12, {x}, a, 2)[1]) == list{3, 11});
}

TEST_CASE("MaxPool keeps NaN and pads with nothing") {
  auto const nan = std::numeric_limits<float>::quiet_NaN();
  auto const y = run("MaxPool", 12, {line({-5, nan, -7, -8})}, {{"kernel_shape", list{2}}, {"pads", list{1, 0}}});
  CHECK(y.as<float>()[0] == -5);
  CHECK(std::isnan(y.as<float>()[1]));
  CHECK(std::isnan(y.as<float>()[2]));
  CHECK(y.as<float>()[3] == -7);
  auto const bytes = any_tensor::of<std::int8_t>({1, 1, 3}, {-3, -128, -4});
  CHECK(elements<std::int8_t>(run("MaxPool", 12, {bytes}, {{"kernel_shape", list{2}}})) ==
        std::vector<std::int8_t>{-3, -4});
}

TEST_CASE("AveragePool divides by what lies in the input, or in the declared padding too") {
  sinter::attribute_map a{{"kernel_shape", list{2}}, {"strides", list{2}}, {"ceil_mode", one}};
  CHECK(elements<float>(run("AveragePool", 19, {line({1, 2, 3})}, a)) == values{1.5f, 3});
  a["count_include_pad"] = one;
  CHECK(elements<float>(run("AveragePool", 19, {line({1, 2, 3})}, a)) == values{1.5f, 3});
  a["pads"] = list{0, 1};
  CHECK(elements<float>(run("AveragePool", 19, {line({1, 2, 3})}, a)) == values{1.5f, 1.5f});
}

TEST_CASE("Norm pools and global pools") {
  CHECK(elements<float>(run("LpPool", 18, {line({3, 4, 0})}, {{"kernel_shape", list{2}}})) == values{5, 4});
  CHECK(elements<float>(run("LpPool", 18, {line({3, -4})}, {{"kernel_shape", list{2}}, {"p", one}})) == values{7});
  auto const x = floats({1, 2, 2}, {1, 4, -3, -4});
  CHECK(elements<float>(run("GlobalAveragePool", 1, {x})) == values{2.5f, -3.5f});
  CHECK(elements<float>(run("GlobalMaxPool", 1, {x})) == values{4, -3});
  CHECK(run("GlobalLpPool", 2, {x}).as<float>()[1] == Approx(5));
}

TEST_CASE("MaxUnpool puts elements back, and refuses an index outside") {
  sinter::attribute_map const a{{"kernel_shape", list{2}}, {"strides", list{2}}};
  CHECK(elements<float>(run("MaxUnpool", 11, {line({5, 6}), ints({1, 1, 2}, {1, 2})}, a)) == values{0, 5, 6, 0});
  CHECK_THAT(error_of("MaxUnpool", 11, {line({5, 6}), ints({1, 1, 2}, {1, 4})}, a),
             says("index or length is 4, expected 0 to 3"));
  CHECK_THAT(error_of("MaxUnpool", 11, {line({5, 6}), ints({1, 1, 2}, {-1, 0})}, a), says("index or length is -1"));
}

TEST_CASE("Pools check their attributes") {
  CHECK_THAT(error_of("MaxPool", 12, {line({1})}), says("'kernel_shape' is required"));
  CHECK_THAT(error_of("MaxPool", 12, {line({1})}, {{"kernel_shape", list{0}}}), says("'kernel_shape' holds 0"));
  CHECK_THAT(error_of("MaxPool", 12, {line({1})}, {{"kernel_shape", list{1, 1}}}), says("has 2 values, expected 1"));
  CHECK_THAT(error_of("AveragePool", 12, {line({1})}, {{"kernel_shape", list{2}}}), says("does not fit"));
  CHECK_THAT(error_of("LpPool", 12, {line({1})}, {{"kernel_shape", list{1}}, {"p", std::int64_t{0}}}),
             says("'p' is 0, expected more than 0"));
}
