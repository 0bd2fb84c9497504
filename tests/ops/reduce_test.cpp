// Expected values are worked out by hand.
#include "one_node.hpp"
#include <cmath>
#include <limits>

using sinter::any_tensor;

namespace {

using values = std::vector<float>;
float const infinity = std::numeric_limits<float>::infinity();
sinter::attribute_map const flat{{"keepdims", std::int64_t{0}}};

}  // namespace

TEST_CASE("Reductions take their axes from an attribute or an input") {
  auto const x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(elements<float>(run("ReduceSum", 11, {x}, {{"axes", list{-1}}})) == values{6, 15});
  CHECK(elements<float>(run("ReduceSum", 13, {x, ints({1}, {0})}, flat)) == values{5, 7, 9});
  CHECK(run("ReduceSum", 13, {x, ints({1}, {0})}).shape() == sinter::shape{1, 3});
  CHECK(elements<float>(run("ReduceProd", 18, {x, ints({2}, {1, 0})}, flat)) == values{720});
  CHECK(elements<float>(run("ReduceMean", 18, {x})) == values{3.5f});
}

TEST_CASE("Empty axes mean all, or nothing where that is declared") {
  auto const x = floats({2}, {3, -4});
  auto const none = any_tensor(sinter::dtype::int64, {0});
  CHECK(elements<float>(run("ReduceSum", 13, {x, none})) == values{-1});
  CHECK(elements<float>(run("ReduceSum", 13, {x, none}, {{"noop_with_empty_axes", std::int64_t{1}}})) == values{3, -4});
}

TEST_CASE("Reductions of nothing give their identities") {
  any_tensor const x(sinter::dtype::float32, {2, 0});
  auto const of = [&](char const* op) { return run(op, 20, {x, ints({1}, {1})}).as<float>()[1]; };
  CHECK(of("ReduceSum") == 0);
  CHECK(of("ReduceProd") == 1);
  CHECK(of("ReduceMax") == -infinity);
  CHECK(of("ReduceMin") == infinity);
  CHECK(of("ReduceL2") == 0);
  CHECK(of("ReduceLogSum") == -infinity);
  CHECK(of("ReduceLogSumExp") == -infinity);
  CHECK(std::isnan(of("ReduceMean")));
  any_tensor const i(sinter::dtype::int32, {0});
  CHECK(elements<std::int32_t>(run("ReduceMax", 20, {i}, flat)) == std::vector<std::int32_t>{INT32_MIN});
  CHECK(elements<std::int32_t>(run("ReduceMin", 20, {i}, flat)) == std::vector<std::int32_t>{INT32_MAX});
}

TEST_CASE("Reductions at the edges of their types") {
  CHECK(std::isnan(run("ReduceMax", 20, {floats({3}, {1, std::nanf(""), 2})}).as<float>()[0]));
  CHECK(elements<bool>(run("ReduceMin", 20, {bools({2}, {true, false})})) == std::vector<bool>{false});
  CHECK(run("ReduceLogSumExp", 18, {floats({2}, {1000, 1000})}).as<float>()[0] == Approx(1000.6931472));
  CHECK(run("ReduceLogSumExp", 18, {floats({2}, {-infinity, -infinity})}).as<float>()[0] == -infinity);
  auto const i = any_tensor::of<std::int32_t>({2}, {INT32_MAX, 1});
  CHECK(elements<std::int32_t>(run("ReduceSum", 13, {i})) == std::vector<std::int32_t>{INT32_MIN});
  CHECK(elements<std::int64_t>(run("ReduceSum", 13, {ints({2}, {INT64_MAX, 1})})) == list{INT64_MIN});
}

TEST_CASE("Reductions refuse axes out of range or named twice") {
  auto const x = floats({2}, {1, 2});
  CHECK_THAT(error_of("ReduceSum", 11, {x}, {{"axes", list{1}}}), says("is 1, expected -1 to 0"));
  CHECK_THAT(error_of("ReduceSum", 11, {x}, {{"axes", list{0, -1}}}), says("axis -1 twice"));
}

TEST_CASE("ArgMax, ArgMin and TopK settle ties by position") {
  auto const x = floats({4}, {2, 7, 7, 2});
  std::int64_t const one = 1;
  CHECK(elements<std::int64_t>(run("ArgMax", 13, {x})) == list{1});
  CHECK(elements<std::int64_t>(run("ArgMax", 13, {x}, {{"select_last_index", one}})) == list{2});
  CHECK(elements<std::int64_t>(run("ArgMin", 13, {x}, {{"select_last_index", one}})) == list{3});
  auto const top = run_all("TopK", 11, {x, ints({1}, {3})}, {}, 2);
  CHECK(elements<float>(top[0]) == values{7, 7, 2});
  CHECK(elements<std::int64_t>(top[1]) == list{1, 2, 0});
  auto const least = run_all("TopK", 11, {x, ints({1}, {3})}, {{"largest", std::int64_t{0}}}, 2);
  CHECK(elements<std::int64_t>(least[1]) == list{0, 3, 1});
  auto const columns = run_all("TopK", 1, {floats({2, 2}, {1, 4, 3, 2})}, {{"k", one}, {"axis", std::int64_t{0}}}, 2);
  CHECK(elements<float>(columns[0]) == values{3, 4});
  CHECK_THAT(error_of("TopK", 11, {x, ints({1}, {5})}, {}, 2), says("K is 5, expected 0 to 4"));
}

TEST_CASE("CumSum runs from either end, with or without the element itself") {
  auto const x = floats({3}, {1, 2, 3});
  std::int64_t const one = 1;
  auto const at = [&](sinter::attribute_map a) {
    return elements<float>(run("CumSum", 14, {x, ints({}, {0})}, std::move(a)));
  };
  CHECK(at({}) == values{1, 3, 6});
  CHECK(at({{"exclusive", one}}) == values{0, 1, 3});
  CHECK(at({{"reverse", one}}) == values{6, 5, 3});
  CHECK(at({{"reverse", one}, {"exclusive", one}}) == values{5, 3, 0});
  CHECK_THAT(error_of("CumSum", 14, {x, ints({}, {1})}), says("axis is 1"));
}
