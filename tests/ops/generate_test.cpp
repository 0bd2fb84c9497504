#include "one_node.hpp"

using sinter::any_tensor;
using sinter::dtype;
using sinter::shape;

TEST_CASE("Constant in all its spellings") {
  CHECK(run("Constant", 13, {}, {{"value_float", 2.5f}}).as<float>()[0] == 2.5f);
  CHECK(run("Constant", 13, {}, {{"value_ints", list{1, 2}}}).shape() == shape{2});
  CHECK(run("Constant", 13, {}, {{"value_string", std::string("s")}}).as<std::string>()[0] == "s");
  CHECK(run("Constant", 1, {}, {{"value", floats({1}, {3})}}).as<float>()[0] == 3);
  CHECK(!error_of("Constant", 13, {}).empty());
}

TEST_CASE("ConstantOfShape, Shape, Size") {
  CHECK(elements<float>(run("ConstantOfShape", 9, {ints({1}, {2})})) == std::vector<float>{0, 0});
  auto const filled = run("ConstantOfShape", 9, {ints({0}, {})}, {{"value", ints({1}, {7})}});
  CHECK(filled.shape() == shape{});
  CHECK(elements<std::int64_t>(filled) == list{7});
  CHECK(!error_of("ConstantOfShape", 9, {ints({1}, {-1})}).empty());
  CHECK(!error_of("ConstantOfShape", 9, {ints({2}, {INT64_MAX, 2})}).empty());
  CHECK(error_of("ConstantOfShape", 9, {ints({1}, {std::int64_t{1} << 40})}).find("at most") != std::string::npos);

  auto const x = floats({1, 2, 3}, {0, 0, 0, 0, 0, 0});
  CHECK(elements<std::int64_t>(run("Shape", 15, {x}, {{"start", std::int64_t{-2}}, {"end", std::int64_t{-1}}})) ==
        list{2});
  CHECK(elements<std::int64_t>(run("Shape", 15, {x}, {{"start", std::int64_t{2}}, {"end", std::int64_t{1}}})).empty());
  CHECK(elements<std::int64_t>(run("Shape", 1, {x})) == list{1, 2, 3});
  CHECK(elements<std::int64_t>(run("Size", 13, {x})) == list{6});
}

TEST_CASE("Range") {
  CHECK(elements<std::int64_t>(run("Range", 11, {ints({}, {10}), ints({}, {4}), ints({}, {-2})})) == list{10, 8, 6});
  CHECK(elements<float>(run("Range", 11, {floats({}, {1}), floats({}, {2}), floats({}, {0.5f})})) ==
        std::vector<float>{1, 1.5f});
  CHECK(run("Range", 11, {ints({}, {4}), ints({}, {4}), ints({}, {1})}).shape() == shape{0});
  CHECK(!error_of("Range", 11, {ints({}, {0}), ints({}, {4}), ints({}, {0})}).empty());
  CHECK(!error_of("Range", 11, {floats({}, {0}), floats({}, {1e30f}), floats({}, {1e-30f})}).empty());
  CHECK(!error_of("Range", 11, {ints({}, {INT64_MIN}), ints({}, {INT64_MAX}), ints({}, {1})}).empty());
}

TEST_CASE("EyeLike, Trilu, OneHot") {
  auto const x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(elements<std::int64_t>(run("EyeLike", 9, {x}, {{"k", std::int64_t{1}}, {"dtype", std::int64_t{7}}})) ==
        list{0, 1, 0, 0, 0, 1});
  CHECK(elements<float>(run("EyeLike", 9, {x}, {{"k", INT64_MIN}})) == std::vector<float>(6, 0));
  CHECK(elements<float>(run("Trilu", 14, {x})) == std::vector<float>{1, 2, 3, 0, 5, 6});
  CHECK(elements<float>(run("Trilu", 14, {x, ints({}, {-1})}, {{"upper", std::int64_t{0}}})) ==
        std::vector<float>{0, 0, 0, 4, 0, 0});
  CHECK(elements<float>(run("Trilu", 14, {x, ints({}, {INT64_MAX})})) == std::vector<float>(6, 0));

  auto const hot = run("OneHot", 11, {ints({3}, {0, -1, 5}), ints({}, {2}), floats({2}, {0, 9})});
  CHECK(hot.shape() == shape{3, 2});
  CHECK(elements<float>(hot) == std::vector<float>{9, 0, 0, 9, 0, 0});
  auto const along =
      run("OneHot", 11, {ints({2}, {0, 1}), ints({}, {3}), floats({2}, {0, 1})}, {{"axis", std::int64_t{0}}});
  CHECK(elements<float>(along) == std::vector<float>{1, 0, 0, 1, 0, 0});
  CHECK(!error_of("OneHot", 11, {ints({1}, {0}), ints({}, {-2}), floats({2}, {0, 1})}).empty());
}

TEST_CASE("ReverseSequence") {
  auto const x = ints({3, 2}, {0, 1, 2, 3, 4, 5});
  CHECK(elements<std::int64_t>(run("ReverseSequence", 10, {x, ints({2}, {2, 3})})) == list{2, 5, 0, 3, 4, 1});
  CHECK(!error_of("ReverseSequence", 10, {x, ints({2}, {4, 0})}).empty());
  CHECK(!error_of("ReverseSequence", 10, {x, ints({3}, {1, 1, 1})}).empty());
}

TEST_CASE("Compress, NonZero, Unique: the data decides the shape") {
  auto const x = ints({2, 3}, {3, 0, 3, 1, 0, 1});
  CHECK(elements<std::int64_t>(run("Compress", 11, {x, bools({2}, {false, true})}, {{"axis", std::int64_t{1}}})) ==
        list{0, 0});
  CHECK(elements<std::int64_t>(run("Compress", 11, {x, bools({4}, {true, false, false, true})})) == list{3, 1});
  CHECK(!error_of("Compress", 11, {x, bools({3}, {false, false, true})}, {{"axis", std::int64_t{0}}}).empty());
  auto const where = run("NonZero", 13, {x});
  CHECK(where.shape() == shape{2, 4});
  CHECK(elements<std::int64_t>(where) == list{0, 0, 1, 1, 0, 2, 0, 2});
  CHECK(run("NonZero", 13, {ints({}, {5})}).shape() == shape{0, 1});

  auto const sorted = run_all("Unique", 11, {x}, {}, 4);
  CHECK(elements<std::int64_t>(sorted[0]) == list{0, 1, 3});
  CHECK(elements<std::int64_t>(sorted[1]) == list{1, 3, 0});
  CHECK(elements<std::int64_t>(sorted[2]) == list{2, 0, 2, 1, 0, 1});
  CHECK(elements<std::int64_t>(sorted[3]) == list{2, 2, 2});
  auto const appearing = run_all("Unique", 11, {strings({3}, {"b", "a", "b"})}, {{"sorted", std::int64_t{0}}}, 2);
  CHECK(elements<std::string>(appearing[0]) == std::vector<std::string>{"b", "a"});
  auto const columns = run_all("Unique", 11, {x}, {{"axis", std::int64_t{1}}}, 1);
  CHECK(columns[0].shape() == shape{2, 2});
  CHECK(elements<std::int64_t>(columns[0]) == list{0, 3, 0, 1});

  std::vector<float> mixed(40, NAN);
  for (std::size_t i = 0; i < mixed.size(); i += 3) mixed[i] = static_cast<float>(i % 2);
  auto const last = run_all("Unique", 11, {any_tensor::of<float>({40}, std::span<float const>(mixed))}, {}, 4);
  CHECK(elements<std::int64_t>(last[1]) == list{0, 3, 1});
  CHECK(elements<std::int64_t>(last[3]) == list{7, 7, 26});
  CHECK(std::isnan(last[0].as<float>()[2]));
}
