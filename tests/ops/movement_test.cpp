#include "one_node.hpp"
#include <numeric>

using sinter::any_tensor;
using sinter::shape;

namespace {

/// 0, 1, 2, … in a tensor of int64.
any_tensor counting(shape s) {
  any_tensor t(sinter::dtype::int64, s);
  auto const view = t.mutable_view().as<std::int64_t>();
  std::iota(view.begin(), view.end(), 0);
  return t;
}

any_tensor indices(std::initializer_list<std::int64_t> values) {
  return ints({static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace

TEST_CASE("Reshape: 0, -1, allowzero, and what does not fit") {
  auto const x = counting({2, 3, 4});
  CHECK(run("Reshape", 14, {x, indices({0, -1})}).shape() == shape{2, 12});
  CHECK(run("Reshape", 14, {x, indices({4, 0, -1})}).shape() == shape{4, 3, 2});
  CHECK(run("Reshape", 14, {counting({1}), ints({0}, {})}).shape() == shape{});
  CHECK(run("Reshape", 14, {counting({0, 3}), indices({3, 0})}, {{"allowzero", one}}).shape() == shape{3, 0});
  CHECK(run("Reshape", 1, {x}, {{"shape", list{6, 4}}}).shape() == shape{6, 4});
  CHECK(error_of("Reshape", 14, {x, indices({5, -1})}).find("cannot reshape 2x3x4 (24 elements) to 5x-1") !=
        std::string::npos);
  CHECK(!error_of("Reshape", 14, {x, indices({-1, -1})}).empty());
  CHECK(!error_of("Reshape", 14, {x, indices({1, 1, 1, 0})}).empty());
  CHECK(!error_of("Reshape", 14, {x, indices({INT64_MAX, INT64_MAX})}).empty());
  CHECK(!error_of("Reshape", 14, {x}).empty());
}

TEST_CASE("Flatten, Squeeze and Unsqueeze count axes from both ends") {
  CHECK(run("Flatten", 13, {counting({2, 3, 4})}, {{"axis", std::int64_t{-1}}}).shape() == shape{6, 4});
  CHECK(run("Flatten", 13, {counting({2, 3})}, {{"axis", std::int64_t{2}}}).shape() == shape{6, 1});
  CHECK(run("Flatten", 13, {counting({2, 3})}, {{"axis", std::int64_t{0}}}).shape() == shape{1, 6});
  CHECK(!error_of("Flatten", 13, {counting({2, 3})}, {{"axis", std::int64_t{3}}}).empty());
  CHECK(run("Squeeze", 13, {counting({1, 3, 1})}).shape() == shape{3});
  CHECK(run("Squeeze", 13, {counting({1, 3, 1}), indices({-1})}).shape() == shape{1, 3});
  CHECK(!error_of("Squeeze", 11, {counting({1, 3, 1})}, {{"axes", list{1}}}).empty());
  CHECK(run("Unsqueeze", 13, {counting({3}), indices({-1, 0})}).shape() == shape{1, 3, 1});
  CHECK(!error_of("Unsqueeze", 11, {counting({3})}, {{"axes", list{0, -3}}}).empty());
}

TEST_CASE("Transpose") {
  auto const x = counting({2, 3, 1, 2});
  auto const y = run("Transpose", 13, {x}, {{"perm", list{1, 0, 3, 2}}});
  CHECK(y.shape() == shape{3, 2, 2, 1});
  CHECK(elements<std::int64_t>(y) == list{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11});
  CHECK(run("Transpose", 13, {x}).shape() == shape{2, 1, 3, 2});
  CHECK(elements<std::string>(run("Transpose", 13, {strings({2, 2}, {"a", "b", "c", "d"})})) ==
        std::vector<std::string>{"a", "c", "b", "d"});
  CHECK(!error_of("Transpose", 13, {x}, {{"perm", list{0, 0, 1, 2}}}).empty());
  CHECK(!error_of("Transpose", 13, {x}, {{"perm", list{0, 1}}}).empty());
}

TEST_CASE("Slice: steps backwards, bounds far outside, attributes") {
  auto const x = counting({5});
  auto const slice = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return elements<std::int64_t>(
        run("Slice", 13, {x, indices({start}), indices({end}), indices({-1}), indices({step})}));
  };
  CHECK(slice(0, INT64_MAX, 2) == list{0, 2, 4});
  CHECK(slice(-1, INT64_MIN, -2) == list{4, 2, 0});
  CHECK(slice(100, -100, -1) == list{4, 3, 2, 1, 0});
  CHECK(slice(INT64_MIN, INT64_MAX, INT64_MAX) == list{0});
  CHECK(slice(4, 0, INT64_MIN) == list{4});
  CHECK(slice(3, 2, 1).empty());
  CHECK(slice(-2, -1, 1) == list{3});
  CHECK(!error_of("Slice", 13, {x, indices({0}), indices({1}), indices({0}), indices({0})}).empty());
  CHECK(!error_of("Slice", 13, {x, indices({0}), indices({1}), indices({1})}).empty());
  CHECK(!error_of("Slice", 13, {x, indices({0, 0}), indices({1})}).empty());
  auto const matrix = counting({3, 4});
  auto const part = run("Slice", 1, {matrix}, {{"starts", list{1, 1}}, {"ends", list{3, 1000}}, {"axes", list{0, 1}}});
  CHECK(elements<std::int64_t>(part) == list{5, 6, 7, 9, 10, 11});
  CHECK(run("Slice", 13, {counting({0, 2}), indices({0}), indices({5})}).shape() == shape{0, 2});
}

TEST_CASE("Concat and Split") {
  auto const y =
      run("Concat", 13, {counting({2, 1}), counting({2, 0}), counting({2, 2})}, {{"axis", std::int64_t{-1}}});
  CHECK(y.shape() == shape{2, 3});
  CHECK(elements<std::int64_t>(y) == list{0, 0, 1, 1, 2, 3});
  CHECK(!error_of("Concat", 13, {counting({2, 1}), counting({3, 1})}, {{"axis", one}}).empty());
  CHECK(!error_of("Concat", 13, {counting({1}), any_tensor{}}, {{"axis", std::int64_t{0}}}).empty());

  auto const x = counting({2, 5});
  auto const parts = run_all("Split", 18, {x}, {{"axis", one}, {"num_outputs", std::int64_t{3}}}, 3);
  CHECK(elements<std::int64_t>(parts[0]) == list{0, 1, 5, 6});
  CHECK(parts[2].shape() == shape{2, 1});
  CHECK(elements<std::int64_t>(parts[2]) == list{4, 9});
  auto const named = run_all("Split", 13, {x, indices({4, 0, 1})}, {{"axis", one}}, 3);
  CHECK(named[1].shape() == shape{2, 0});
  CHECK(!error_of("Split", 13, {x, indices({4, 2})}, {{"axis", one}}, 2).empty());
  CHECK(!error_of("Split", 13, {x, indices({6, -1})}, {{"axis", one}}, 2).empty());
  CHECK(!error_of("Split", 13, {x}, {{"axis", one}}, 2).empty());
  CHECK(!error_of("Split", 13, {x}, {}, 0).empty());
}

TEST_CASE("Gather: negative indices count from the back, others are errors") {
  auto const x = counting({2, 3});
  auto const y = run("Gather", 13, {x, ints({1, 2}, {-1, 0})}, {{"axis", one}});
  CHECK(y.shape() == shape{2, 1, 2});
  CHECK(elements<std::int64_t>(y) == list{2, 0, 5, 3});
  CHECK(run("Gather", 13, {x, ints({}, {1})}).shape() == shape{3});
  CHECK(error_of("Gather", 13, {x, indices({2})}).find("is 2, expected -2 to 1") != std::string::npos);
  CHECK(!error_of("Gather", 13, {x, indices({-3})}).empty());
  CHECK(!error_of("Gather", 13, {x, floats({1}, {0})}).empty());

  auto const picked = run("GatherElements", 13, {x, ints({1, 3}, {1, 0, -1})});
  CHECK(elements<std::int64_t>(picked) == list{3, 1, 5});
  CHECK(!error_of("GatherElements", 13, {x, ints({2, 4}, {0, 0, 0, 0, 0, 0, 0, 0})}).empty());
  CHECK(!error_of("GatherElements", 13, {x, ints({1, 1}, {2})}).empty());
  sinter::attribute_map const along{{"axis", one}};
  CHECK(elements<std::int64_t>(run("GatherElements", 13, {x, ints({2, 2}, {-1, 0, 1, 1})}, along)) == list{2, 0, 4, 4});
  CHECK(error_of("GatherElements", 13, {x, ints({2, 2}, {0, 0, 3, 0})}, along).find("is 3, expected -3 to 2") !=
        std::string::npos);

  auto const cube = counting({2, 2, 2});
  auto const pairs = run("GatherND", 13, {cube, ints({2, 1}, {1, 0})}, {{"batch_dims", one}});
  CHECK(elements<std::int64_t>(pairs) == list{2, 3, 4, 5});
  CHECK(!error_of("GatherND", 13, {cube, ints({1, 4}, {0, 0, 0, 0})}).empty());
  CHECK(!error_of("GatherND", 13, {cube, ints({1, 3}, {0, 0, 2})}).empty());
}

TEST_CASE("Scatter: later updates win or accumulate") {
  auto const x = floats({3}, {1, 2, 3});
  auto const at = indices({1, -2, 0}), updates = any_tensor();
  auto const by = [&](char const* reduction) {
    return elements<float>(
        run("ScatterElements", 18, {x, at, floats({3}, {10, 20, 5})}, {{"reduction", std::string(reduction)}}));
  };
  CHECK(by("none") == std::vector<float>{5, 20, 3});
  CHECK(by("add") == std::vector<float>{6, 32, 3});
  CHECK(by("mul") == std::vector<float>{5, 400, 3});
  CHECK(by("min") == std::vector<float>{1, 2, 3});
  CHECK(by("max") == std::vector<float>{5, 20, 3});
  CHECK(
      !error_of("ScatterElements", 18, {x, at, floats({3}, {0, 0, 0})}, {{"reduction", std::string("mean")}}).empty());
  CHECK(!error_of("ScatterElements", 18, {x, indices({3}), floats({1}, {0})}).empty());
  CHECK(!error_of("ScatterElements", 18, {x, indices({0}), floats({2}, {0, 0})}).empty());

  auto const rows = run("ScatterND", 16, {counting({3, 2}), ints({2, 1}, {-1, 0}), ints({2, 2}, {50, 51, 60, 61})});
  CHECK(elements<std::int64_t>(rows) == list{60, 61, 2, 3, 50, 51});
  CHECK(!error_of("ScatterND", 16, {counting({3, 2}), ints({1, 1}, {0}), ints({1, 3}, {0, 0, 0})}).empty());
}

TEST_CASE("Expand, Tile") {
  CHECK(elements<std::int64_t>(run("Expand", 13, {counting({2, 1}), indices({1, 1, 3})})) == list{0, 0, 0, 1, 1, 1});
  CHECK(run("Expand", 13, {counting({3}), indices({1})}).shape() == shape{3});
  CHECK(!error_of("Expand", 13, {counting({1}), indices({-1})}).empty());
  CHECK(elements<std::int64_t>(run("Tile", 13, {counting({2, 2}), indices({2, 2})})) ==
        list{0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3});
  CHECK(run("Tile", 13, {counting({2}), indices({0})}).shape() == shape{0});
  CHECK(!error_of("Tile", 13, {counting({2}), indices({-1})}).empty());
  CHECK(elements<float>(run("Tile", 1, {floats({2}, {1, 2}), floats({}, {2}), floats({}, {0})})) ==
        std::vector<float>{1, 2, 1, 2});
}

TEST_CASE("Pad: all modes, cropping, axes") {
  auto const x = counting({3});
  auto const padded = [&](char const* mode, std::int64_t before, std::int64_t after) {
    return elements<std::int64_t>(run("Pad", 19, {x, indices({before, after})}, {{"mode", std::string(mode)}}));
  };
  CHECK(padded("constant", 1, 2) == list{0, 0, 1, 2, 0, 0});
  CHECK(padded("reflect", 2, 2) == list{2, 1, 0, 1, 2, 1, 0});
  CHECK(padded("edge", 2, 1) == list{0, 0, 0, 1, 2, 2});
  CHECK(padded("wrap", 4, 4) == list{2, 0, 1, 2, 0, 1, 2, 0, 1, 2, 0});
  CHECK(padded("constant", -1, -1) == list{1});
  CHECK(padded("constant", -2, 1) == list{2, 0});
  CHECK(!error_of("Pad", 19, {x, indices({-2, -2})}).empty());
  CHECK(!error_of("Pad", 19, {x, indices({1})}).empty());
  CHECK(!error_of("Pad", 19, {counting({0}), indices({1, 0})}, {{"mode", std::string("edge")}}).empty());
  auto const matrix = run("Pad", 18, {counting({1, 2}), indices({1, 0}), ints({}, {7}), indices({-2})});
  CHECK(elements<std::int64_t>(matrix) == list{7, 7, 0, 1});
  CHECK(elements<float>(run("Pad", 2, {floats({1}, {1})}, {{"pads", list{1, 0}}, {"value", 0.5f}})) ==
        std::vector<float>{0.5f, 1});
}

TEST_CASE("DepthToSpace and SpaceToDepth") {
  auto const x = counting({1, 8, 1, 1});
  auto const dcr = run("DepthToSpace", 13, {x}, {{"blocksize", std::int64_t{2}}});
  CHECK(dcr.shape() == shape{1, 2, 2, 2});
  CHECK(elements<std::int64_t>(dcr) == list{0, 2, 4, 6, 1, 3, 5, 7});
  auto const crd = run("DepthToSpace", 13, {x}, {{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}});
  CHECK(elements<std::int64_t>(crd) == list{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(elements<std::int64_t>(run("SpaceToDepth", 13, {dcr}, {{"blocksize", std::int64_t{2}}})) ==
        list{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(!error_of("DepthToSpace", 13, {counting({1, 6, 1, 1})}, {{"blocksize", std::int64_t{2}}}).empty());
  CHECK_THAT(error_of("SpaceToDepth", 28, {dcr}, {{"blocksize", std::int64_t{2}}, {"mode", std::string("DRC")}}),
             says("'mode' is 'DRC'"));
  CHECK(!error_of("SpaceToDepth", 13, {counting({1, 1, 3, 2})}, {{"blocksize", std::int64_t{2}}}).empty());
  CHECK(!error_of("SpaceToDepth", 13, {counting({1, 1, 2, 2})}, {{"blocksize", std::int64_t{0}}}).empty());
}

TEST_CASE("A slice that runs backward starts at the first element where its start lies before it") {
  auto const x = floats({3}, {1, 2, 3});
  auto const slice = [&](std::int64_t start, std::int64_t end, std::int64_t step) {
    return elements<float>(
        run("Slice", 13, {x, ints({1}, {start}), ints({1}, {end}), ints({1}, {0}), ints({1}, {step})}));
  };
  CHECK(slice(-7, INT64_MIN, -1) == std::vector<float>{1});
  CHECK(slice(INT64_MIN, -4, -2) == std::vector<float>{1});
  CHECK(slice(-7, 0, -1).empty());
  CHECK(slice(INT64_MAX, INT64_MIN, -1) == std::vector<float>{3, 2, 1});
  CHECK(run("Slice", 13,
            {sinter::any_tensor(sinter::dtype::float32, {0}), ints({1}, {-7}), ints({1}, {-9}), ints({1}, {0}),
             ints({1}, {-1})})
            .shape() == sinter::shape{0});
}

TEST_CASE("CenterCropPad keeps the middle") {
  auto const x = floats({5}, {1, 2, 3, 4, 5});
  CHECK(elements<float>(run("CenterCropPad", 18, {x, ints({1}, {2})})) == std::vector<float>{2, 3});
  CHECK(elements<float>(run("CenterCropPad", 18, {x, ints({1}, {8})})) == std::vector<float>{0, 1, 2, 3, 4, 5, 0, 0});
  auto const both =
      run("CenterCropPad", 18, {floats({2, 3}, {1, 2, 3, 4, 5, 6}), ints({2}, {1, 3})}, {{"axes", list{-1, 0}}});
  CHECK(both.shape() == sinter::shape{3, 1});
  CHECK(elements<float>(both) == std::vector<float>{2, 5, 0});
  CHECK_THAT(error_of("CenterCropPad", 18, {x, ints({1}, {-1})}), says("-1"));
}

TEST_CASE("TensorScatter writes from an index on, perhaps around the end") {
  auto const cache = floats({2, 3, 1}, {1, 2, 3, 4, 5, 6}), update = floats({2, 2, 1}, {10, 20, 30, 40});
  CHECK(elements<float>(run("TensorScatter", 24, {cache, update, ints({2}, {1, 0})})) ==
        std::vector<float>{1, 10, 20, 30, 40, 6});
  CHECK(elements<float>(run("TensorScatter", 24, {cache, update, ints({2}, {2, 4})},
                            {{"mode", std::string("circular")}})) == std::vector<float>{20, 2, 10, 4, 30, 40});
  CHECK_THAT(error_of("TensorScatter", 24, {cache, update, ints({2}, {2, 0})}), says("an index is 2"));
}

TEST_CASE("Col2Im adds overlapping blocks") {
  auto const columns = floats({1, 2, 3}, {1, 2, 3, 10, 20, 30});  // blocks of two at three places of a line of four
  auto const image = run("Col2Im", 18, {columns, ints({2}, {1, 4}), ints({2}, {1, 2})});
  CHECK(image.shape() == sinter::shape{1, 1, 1, 4});
  CHECK(elements<float>(image) == std::vector<float>{1, 12, 23, 30});
  CHECK_THAT(error_of("Col2Im", 18, {columns, ints({2}, {1, 5}), ints({2}, {1, 2})}), says("the columns have shape"));
}
