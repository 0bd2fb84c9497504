// What networks for detection end with, on data of their size, against the definitions of the operators.
#include "one_node.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using sinter::any_tensor;

namespace {

using corners = std::array<float, 4>;  ///< y before x

constexpr auto no_number = std::numeric_limits<float>::quiet_NaN();
constexpr auto beyond_all = std::numeric_limits<float>::infinity();

bool overlap(corners const& p, corners const& q, float most) {
  auto const low = [](corners const& c, std::size_t i) { return std::min(c[i], c[i + 2]); };
  auto const high = [](corners const& c, std::size_t i) { return std::max(c[i], c[i + 2]); };
  auto const area = [&](corners const& c) { return (high(c, 1) - low(c, 1)) * (high(c, 0) - low(c, 0)); };
  auto const width = std::min(high(p, 1), high(q, 1)) - std::max(low(p, 1), low(q, 1));
  auto const height = std::min(high(p, 0), high(q, 0)) - std::max(low(p, 0), low(q, 0));
  auto const all = area(p) + area(q) - width * height;
  return width > 0 && height > 0 && all > 0 && width * height / all > most;
}

/// The best box is chosen and those that overlap it leave, as long as there are boxes.
list suppressed(std::vector<corners> const& boxes, std::vector<float> const& scores, float most) {
  list left(boxes.size()), rows;
  std::iota(left.begin(), left.end(), 0);
  auto const score = [&](std::int64_t i) {
    auto const s = scores[static_cast<std::size_t>(i)];
    return std::isnan(s) ? -beyond_all : s;
  };
  std::ranges::stable_sort(left, [&](auto i, auto j) { return score(i) > score(j); });
  while (!left.empty()) {
    auto const best = left.front();
    rows.insert(rows.end(), {0, 0, best});
    auto const at = [&](std::int64_t i) { return boxes[static_cast<std::size_t>(i)]; };
    std::erase_if(left, [&](auto i) { return i == best || overlap(at(i), at(best), most); });
  }
  return rows;
}

/// Boxes of several classes, each class to the right of the others; some have no area, some no numbers.
std::vector<corners> some_boxes(std::mt19937& random, int classes, int of_class) {
  std::uniform_int_distribution<int> place(0, 24), extent(-3, 12), odd(0, 60);
  std::vector<corners> boxes;
  for (int i = 0; i < classes * of_class; ++i) {
    auto const y = static_cast<float>(place(random)), x = static_cast<float>(place(random) + i % classes * 40);
    corners b{y, x, y + static_cast<float>(extent(random)), x + static_cast<float>(extent(random))};
    if (auto const which = odd(random); which < 4) b[static_cast<std::size_t>(which)] = i % 2 ? no_number : beyond_all;
    boxes.push_back(b);
  }
  return boxes;
}

any_tensor tensor_of(std::vector<corners> const& boxes) {
  std::vector<float> flat;
  for (auto const& b : boxes) flat.insert(flat.end(), b.begin(), b.end());
  return any_tensor::of<float>({1, static_cast<std::int64_t>(boxes.size()), 4}, flat);
}

std::vector<float> some_floats(std::mt19937& random, std::size_t count) {
  std::uniform_int_distribution<int> value(-40, 40);
  std::vector<float> values(count);
  for (auto& v : values) v = static_cast<float>(value(random)) / 8;
  return values;
}

}  // namespace

TEST_CASE("NonMaxSuppression chooses as its definition does, in one class or in many") {
  std::mt19937 random(5);
  for (int const classes : {1, 3, 20})
    for (float const most : {0.0f, 0.3f, 0.6f, 1.0f}) {
      auto const boxes = some_boxes(random, classes, 12 + 100 / classes);
      auto scores = some_floats(random, boxes.size());  // many are equal
      scores[7] = no_number;
      auto const n = static_cast<std::int64_t>(boxes.size());
      auto const found =
          run("NonMaxSuppression", 11,
              {tensor_of(boxes), any_tensor::of<float>({1, 1, n}, scores), ints({1}, {n + 1}), floats({1}, {most})});
      CAPTURE(classes, most);
      CHECK(elements<std::int64_t>(found) == suppressed(boxes, scores, most));
    }
}

TEST_CASE("TopK gives the front of the sorted line, NaN first") {
  std::mt19937 random(6);
  auto x = some_floats(random, 700);
  x[3] = x[650] = no_number;
  for (std::int64_t const k : {0, 1, 40, 699, 700})
    for (bool const largest : {false, true}) {
      list order(x.size());
      std::iota(order.begin(), order.end(), 0);
      auto const key = [&](std::int64_t i) {
        auto const v = x[static_cast<std::size_t>(i)];
        return std::isnan(v) ? beyond_all : v;
      };
      std::ranges::stable_sort(order, [&](auto i, auto j) { return largest ? key(i) > key(j) : key(i) < key(j); });
      order.resize(static_cast<std::size_t>(k));
      auto const top = run_all("TopK", 11, {any_tensor::of<float>({700}, x), ints({1}, {k})},
                               {{"largest", std::int64_t{largest}}}, 2);
      CAPTURE(k, largest);
      CHECK(elements<std::int64_t>(top[1]) == order);
    }
}

TEST_CASE("NonZero counts through all of a long tensor") {
  std::vector<float> x(1000);
  list expected;
  for (std::size_t i = 0; i < x.size(); i += 1 + i % 7) x[i] = -1, expected.push_back(static_cast<std::int64_t>(i));
  CHECK(elements<std::int64_t>(run("NonZero", 13, {any_tensor::of<float>({1000}, x)})) == expected);
}

TEST_CASE("Rows of equal indices gather and scatter like others") {
  std::mt19937 random(7);
  std::int64_t constexpr rows = 5, row = 2 * 6, picked = 7;
  auto const x = some_floats(random, rows * row), updates = some_floats(random, picked * row);
  list indices;
  for (std::int64_t i = 0; i < picked; ++i)
    for (std::int64_t j = 0; j < row; ++j) indices.push_back((3 * i + (i < 4 ? 0 : j / 4)) % rows - (i % 2) * rows);
  auto const at = any_tensor::of<std::int64_t>({picked, 2, 6}, indices);
  auto const data = any_tensor::of<float>({rows, 2, 6}, x), more = any_tensor::of<float>({picked, 2, 6}, updates);
  std::vector<float> gathered, replaced = x, added = x;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    auto const from = static_cast<std::size_t>((indices[i] + rows) % rows * row) + i % static_cast<std::size_t>(row);
    gathered.push_back(x[from]);
    replaced[from] = updates[i];
    added[from] += updates[i];
  }
  CHECK(elements<float>(run("GatherElements", 13, {data, at})) == gathered);
  CHECK(elements<float>(run("ScatterElements", 18, {data, at, more})) == replaced);
  CHECK(elements<float>(run("ScatterElements", 18, {data, at, more}, {{"reduction", std::string("add")}})) == added);
}

TEST_CASE("RoiAlign pools any number of channels alike") {
  std::mt19937 random(8);
  for (std::string const mode : {"avg", "max"})
    for (std::int64_t const channels : {1, 16, 21}) {
      auto const area = std::size_t{5 * 6};
      auto const x = some_floats(random, static_cast<std::size_t>(channels) * area);
      auto const regions = floats({2, 4}, {0.5f, 1, 5.5f, 4, -3, 2, 2, 9});
      sinter::attribute_map const how{
          {"output_height", std::int64_t{2}}, {"output_width", std::int64_t{3}}, {"mode", mode}};
      auto const all = elements<float>(
          run("RoiAlign", 16, {any_tensor::of<float>({1, channels, 5, 6}, x), regions, ints({2}, {0, 0})}, how));
      REQUIRE(all.size() == static_cast<std::size_t>(2 * channels * 6));
      for (std::int64_t c = 0; c < channels; ++c) {
        std::vector<float> const plane(x.begin() + c * 30, x.begin() + (c + 1) * 30);
        auto const alone = elements<float>(
            run("RoiAlign", 16, {any_tensor::of<float>({1, 1, 5, 6}, plane), regions, ints({2}, {0, 0})}, how));
        for (std::int64_t r = 0; r < 2; ++r) {
          auto const first = all.begin() + (r * channels + c) * 6;
          CHECK(std::vector<float>(first, first + 6) ==
                std::vector<float>(alone.begin() + r * 6, alone.begin() + r * 6 + 6));
        }
      }
    }
}

TEST_CASE("RoiAlign averages any number of samples") {
  std::vector<float> slope;  // bilinear samples of a plane are exact, and their average is what lies in the middle
  for (int i = 0; i < 64; ++i) slope.push_back(static_cast<float>(10 * (i / 8) + i % 8));
  for (std::int64_t const samples : {0, 1, 2, 6, 9}) {
    INFO(samples << " samples");
    auto const pooled = elements<float>(
        run("RoiAlign", 16, {any_tensor::of<float>({1, 1, 8, 8}, slope), floats({1, 4}, {1, 1, 6, 6}), ints({1}, {0})},
            {{"output_height", std::int64_t{2}}, {"output_width", std::int64_t{2}}, {"sampling_ratio", samples}}));
    REQUIRE(pooled.size() == 4);
    std::vector<float> const expected{19.25f, 21.75f, 44.25f, 46.75f};
    for (std::size_t i = 0; i < 4; ++i) CHECK_THAT(pooled[i], Catch::Matchers::WithinRel(expected[i], 1e-6f));
  }
}
