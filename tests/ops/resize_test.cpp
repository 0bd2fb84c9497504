// Expected values are worked out by hand from the formulas of the specification.
#include "one_node.hpp"

using sinter::any_tensor;
using std::string;
using values = std::vector<float>;

namespace {

any_tensor const none;

void check_resized(any_tensor const& got, values const& expected) {
  REQUIRE(got.elements() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(got.as<float>()[i] == Approx(expected[i]).margin(1e-6));
}

}  // namespace

TEST_CASE("Resize maps coordinates as its mode says") {
  auto const x = floats({1, 1, 2}, {0, 1}), scales = floats({3}, {1, 1, 2});
  auto const at = [&](char const* mode) {
    return run("Resize", 19, {x, none, scales},
               {{"mode", string("linear")}, {"coordinate_transformation_mode", string(mode)}});
  };
  check_resized(at("half_pixel"), {0, 0.25f, 0.75f, 1});
  check_resized(at("pytorch_half_pixel"), {0, 0.25f, 0.75f, 1});
  check_resized(at("align_corners"), {0, 1.0f / 3, 2.0f / 3, 1});
  check_resized(at("asymmetric"), {0, 0.5f, 1, 1});
}

TEST_CASE("Resize takes the nearest element as nearest_mode says") {
  auto const x = floats({1, 1, 4}, {1, 2, 3, 4}), sizes = ints({3}, {1, 1, 2});
  auto const at = [&](char const* mode) {
    return elements<float>(run("Resize", 19, {x, none, none, sizes}, {{"nearest_mode", string(mode)}}));
  };
  // the positions are 0.5 and 2.5
  CHECK(at("round_prefer_floor") == values{1, 3});
  CHECK(at("round_prefer_ceil") == values{2, 4});
  CHECK(at("floor") == values{1, 3});
  CHECK(at("ceil") == values{2, 4});
}

TEST_CASE("Resize with axes and a policy for the aspect ratio") {
  any_tensor const x(sinter::dtype::float32, {1, 4, 6, 1});
  sinter::attribute_map a{{"axes", list{2, 1}}, {"keep_aspect_ratio_policy", string("not_larger")}};
  CHECK(run("Resize", 18, {x, none, none, ints({2}, {3, 4})}, a).shape() == sinter::shape{1, 2, 3, 1});
  a["keep_aspect_ratio_policy"] = string("not_smaller");
  CHECK(run("Resize", 18, {x, none, none, ints({2}, {3, 4})}, a).shape() == sinter::shape{1, 4, 6, 1});
}

TEST_CASE("Upsample and Resize 10 divide coordinates") {
  auto const x = floats({1, 1, 1, 2}, {1, 2});
  CHECK(elements<float>(run("Upsample", 7, {x}, {{"scales", std::vector<float>{1, 1, 1, 2}}})) == values{1, 1, 2, 2});
  CHECK(elements<float>(run("Upsample", 9, {x, floats({4}, {1, 1, 2, 1})})) == values{1, 2, 1, 2});
  check_resized(run("Resize", 10, {x, floats({4}, {1, 1, 1, 2})}, {{"mode", string("linear")}}), {1, 1.5f, 2, 2});
}

TEST_CASE("Resize tells what is wrong") {
  auto const x = floats({1, 1, 2}, {0, 1});
  CHECK_THAT(error_of("Resize", 19, {x}), says("none of the inputs"));
  CHECK_THAT(error_of("Resize", 19, {x, none, floats({3}, {1, 1, 2}), ints({3}, {1, 1, 2})}), says("both of"));
  CHECK_THAT(error_of("Resize", 19, {x, none, floats({3}, {1, 1, -2})}), says("a scale is -2"));
  CHECK_THAT(error_of("Resize", 19, {x, none, floats({3}, {1, 1, 1e30f})}), says("a scale is"));
  CHECK_THAT(error_of("Resize", 19, {x, none, floats({2}, {1, 2})}), says("2 scales are given, expected 3"));
  CHECK_THAT(error_of("Resize", 19, {x, none, floats({3}, {1, 1, 2})}, {{"mode", string("area")}}),
             says("'mode' is 'area', expected one of nearest, linear, cubic"));
}

TEST_CASE("GridSample reads zeros, borders or reflections outside") {
  auto const x = floats({1, 1, 1, 4}, {1, 2, 3, 4});
  // align_corners: the positions along the last axis are 0, -1 and 4.5
  auto const grid = floats({1, 1, 3, 2}, {-1, 0, -1 - 2.0f / 3, 0, 2, 0});
  auto const at = [&](char const* padding) {
    return run("GridSample", 16, {x, grid}, {{"padding_mode", string(padding)}, {"align_corners", std::int64_t{1}}});
  };
  check_resized(at("zeros"), {1, 0, 0});
  check_resized(at("border"), {1, 1, 4});
  check_resized(at("reflection"), {1, 2, 2.5f});
}

TEST_CASE("RoiAlign averages samples, and refuses a batch index outside") {
  auto const x = floats({1, 1, 2, 2}, {1, 2, 3, 4}), roi = floats({1, 4}, {0, 0, 2, 2});
  sinter::attribute_map const a{{"sampling_ratio", std::int64_t{2}}};
  check_resized(run("RoiAlign", 16, {x, roi, ints({1}, {0})}, a), {2.5f});
  CHECK_THAT(error_of("RoiAlign", 16, {x, roi, ints({1}, {1})}, a), says("index or length is 1, expected 0 to 0"));
}

TEST_CASE("RoiAlign pools each region in all channels of its image") {
  auto const x = floats({2, 2, 2, 2}, {1, 2, 1, 2, 10, 20, 10, 20, 3, 3, 5, 5, -1, -1, -3, -3});
  auto const rois = floats({3, 4}, {0, 0, 2, 2, 0, 0, 2, 2, 7, 7, 9, 9});
  sinter::attribute_map a{{"sampling_ratio", std::int64_t{1}}, {"output_width", std::int64_t{2}}};
  check_resized(run("RoiAlign", 16, {x, rois, ints({3}, {1, 0, 0})}, a), {4, 4, -2, -2, 1, 2, 10, 20, 0, 0, 0, 0});
  a["mode"] = string("max");  // the greatest of the weighted neighbours: halves of the two rows
  check_resized(run("RoiAlign", 16, {x, rois, ints({3}, {1, 0, 0})}, a),
                {2.5f, 2.5f, 0, 0, 0.5f, 1, 5, 10, 0, 0, 0, 0});
}

TEST_CASE("NonMaxSuppression: flipped corners, thresholds and the order of equal scores") {
  auto const boxes = floats({1, 3, 4}, {1, 1, 0, 0, 0, 0, 1, 1, 0, 2, 1, 3}),
             scores = floats({1, 1, 3}, {0.5f, 0.9f, 0.5f});
  auto const at = [&](std::int64_t most, float overlap, float score) {
    return elements<std::int64_t>(
        run("NonMaxSuppression", 11, {boxes, scores, ints({1}, {most}), floats({1}, {overlap}), floats({1}, {score})}));
  };
  CHECK(at(3, 0.5f, 0) == list{0, 0, 1, 0, 0, 2});
  CHECK(at(3, 1, 0) == list{0, 0, 1, 0, 0, 0, 0, 0, 2});
  CHECK(at(1, 0.5f, 0) == list{0, 0, 1});
  CHECK(at(3, 0.5f, 0.5f) == list{0, 0, 1});
  CHECK(run("NonMaxSuppression", 11, {boxes, scores}).shape() == sinter::shape{0, 3});
  CHECK_THAT(error_of("NonMaxSuppression", 11, {boxes, floats({1, 1, 2}, {0, 0})}), says("1x3x4"));
}

TEST_CASE("NonMaxSuppression compares with every box that was chosen") {
  std::vector<float> corners, scores;
  list expected;
  auto const place = [&](float at, bool apart) {
    if (apart) expected.insert(expected.end(), {0, 0, static_cast<std::int64_t>(scores.size())});
    corners.insert(corners.end(), {at, 0, at + 1, 1});
    scores.push_back(1000 - static_cast<float>(scores.size()));
  };
  for (int i = 0; i < 40; ++i) {
    place(static_cast<float>(2 * i), true);
    for (int j = 0; j <= i; j += 3) place(static_cast<float>(2 * j) + 0.25f, false);  // 0.6 of both is shared
  }
  auto const n = static_cast<std::int64_t>(scores.size());
  auto const boxes = any_tensor::of<float>({1, n, 4}, corners), best_first = any_tensor::of<float>({1, 1, n}, scores);
  auto const at = [&](float overlap) {
    return elements<std::int64_t>(
        run("NonMaxSuppression", 11, {boxes, best_first, ints({1}, {n}), floats({1}, {overlap})}));
  };
  CHECK(at(0.5f) == expected);
  CHECK(at(0.7f).size() == 3 * (40 + 14));  // the first of those at each of 14 places
}
