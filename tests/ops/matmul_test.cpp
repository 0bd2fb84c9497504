// Expected values are worked out by hand.
#include "one_node.hpp"

using sinter::any_tensor;
using values = std::vector<float>;

TEST_CASE("MatMul of vectors, matrices and stacks that broadcast") {
  auto const v = floats({2}, {1, 2}), m = floats({2, 2}, {1, 2, 3, 4});
  CHECK(run("MatMul", 13, {v, v}).shape() == sinter::shape{});
  CHECK(elements<float>(run("MatMul", 13, {v, v})) == values{5});
  CHECK(elements<float>(run("MatMul", 13, {v, m})) == values{7, 10});
  CHECK(elements<float>(run("MatMul", 13, {m, v})) == values{5, 11});
  auto const stack = floats({2, 1, 1, 2}, {1, 0, 0, 1}), other = floats({3, 2, 1}, {1, 2, 3, 4, 5, 6});
  auto const y = run("MatMul", 13, {stack, other});
  CHECK(y.shape() == sinter::shape{2, 3, 1, 1});
  CHECK(elements<float>(y) == values{1, 3, 5, 2, 4, 6});
  CHECK_THAT(error_of("MatMul", 13, {m, floats({3}, {1, 1, 1})}), says("2 columns, 3 rows"));
}

TEST_CASE("MatMul of an empty inner extent is zero; of integers it wraps") {
  any_tensor const a(sinter::dtype::float32, {2, 0}), b(sinter::dtype::float32, {0, 1});
  CHECK(elements<float>(run("MatMul", 13, {a, b})) == values{0, 0});
  auto const x = any_tensor::of<std::int32_t>({1}, {1 << 30}), y = any_tensor::of<std::int32_t>({1}, {-4});
  CHECK(elements<std::int32_t>(run("MatMul", 13, {x, y})) == std::vector<std::int32_t>{0});
  CHECK(elements<std::int64_t>(run("MatMul", 13, {ints({1}, {INT64_MIN}), ints({1}, {-1})})) == list{INT64_MIN});
}

TEST_CASE("Gemm transposes, scales, and broadcasts C") {
  auto const a = floats({2, 2}, {1, 2, 3, 4}), b = floats({2, 2}, {1, 0, 1, 1});
  std::int64_t const one = 1;
  CHECK(elements<float>(run("Gemm", 13, {a, b})) == values{3, 2, 7, 4});
  CHECK(elements<float>(run("Gemm", 13, {a, b}, {{"transA", one}})) == values{4, 3, 6, 4});
  CHECK(elements<float>(run("Gemm", 13, {a, b}, {{"transB", one}, {"alpha", 2.0f}})) == values{2, 6, 6, 14});
  auto const column = floats({2, 1}, {10, 20});
  CHECK(elements<float>(run("Gemm", 13, {a, b, column}, {{"beta", 0.5f}})) == values{8, 7, 17, 14});
  CHECK(elements<float>(run("Gemm", 13, {a, b, floats({}, {1})})) == values{4, 3, 8, 5});
  CHECK_THAT(error_of("Gemm", 13, {a, b, floats({3}, {1, 1, 1})}), says("do not broadcast"));
}

TEST_CASE("Einsum: products, diagonals, sums and ellipses") {
  using std::string;
  auto const m = floats({2, 2}, {1, 2, 3, 4});
  auto const at = [&](char const* equation, std::vector<any_tensor> const& in) {
    return run("Einsum", 12, in, {{"equation", string(equation)}});
  };
  CHECK(elements<float>(at("ij,jk->ik", {m, m})) == values{7, 10, 15, 22});
  CHECK(elements<float>(at("ji", {m})) == values{1, 3, 2, 4});
  CHECK(elements<float>(at("ii", {m})) == values{5});
  CHECK(elements<float>(at("ii->i", {m})) == values{1, 4});
  CHECK(elements<float>(at("i j -> j", {m})) == values{4, 6});
  CHECK(elements<float>(at("...ij,...j->...i", {floats({1, 2, 2}, {1, 2, 3, 4}), floats({2, 2}, {1, 1, 0, 1})})) ==
        values{3, 7, 2, 4});
  auto const wrong = [&](char const* equation, std::vector<any_tensor> const& in) {
    return error_of("Einsum", 12, in, {{"equation", string(equation)}});
  };
  CHECK_THAT(wrong("ij,jk", {m}), says("2 terms for 1 inputs"));
  CHECK_THAT(wrong("ijk->i", {m}), says("3 labels for a tensor of rank 2"));
  CHECK_THAT(wrong("ij->iz", {m}), says("names 'z'"));
  CHECK_THAT(wrong("ii", {floats({2, 3}, {0, 0, 0, 0, 0, 0})}), says("extents 2 and 3"));
}

TEST_CASE("Det by elimination with row exchange") {
  CHECK(elements<float>(run("Det", 22, {floats({2, 2, 2}, {0, 2, 3, 4, 1, 2, 2, 4})})) == values{-6, 0});
  CHECK_THAT(error_of("Det", 22, {floats({1, 2}, {1, 2})}), says("square"));
}
