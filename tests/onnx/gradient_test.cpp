// Gradient, beside central differences and by hand.
#include <sinter/graph/text.hpp>
#include <sinter/graph/verify.hpp>
#include <sinter/onnx/gradient.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include <cmath>
#include <string>
#include <vector>

using namespace sinter;

namespace {

/// A graph whose nodes Gradient are expanded.
graph expanded(std::string const& body, limits const& bounds = {}) {
  auto g = parse("graph opset 21 opset ai.onnx.preview.training 1 {\n" + body + "}");
  sinter::onnx::gradient_expansion(g, bounds).run();
  verify(g);
  return g;
}

std::string error_of(std::string const& body, limits const& bounds = {}) {
  return sinter::test::message_of([&] { expanded(body, bounds); }, std::nullopt);
}

/// Numbers from 0.5 to 1.5, none of them near a corner of a function.
any_tensor numbers(shape const& s, double phase) {
  any_tensor t(dtype::float64, s);
  auto const elements = static_cast<double*>(t.data());
  for (std::size_t i = 0; i < s.elements(); ++i) elements[i] = 1 + 0.5 * std::sin(phase + 1.7 * static_cast<double>(i));
  return t;
}

double sum_of(any_tensor const& t) {
  double sum = 0;
  for (auto const x : t.as<double>()) sum += x;
  return sum;
}

/// Compares the gradients of `line`, which computes f of a and b, with differences of f.
void check_against_differences(std::string const& line, shape const& a, shape const& b) {
  CAPTURE(line);
  auto const declared = [](shape const& s) { return fmt::format("double[{}]", fmt::join(s, "x")); };
  auto const g = expanded(fmt::format(R"(
  input a: {}
  input b: {}
  {}
  square = Mul(f, f)
  y = Mul(square, f)
  da, db = ai.onnx.preview.training:Gradient(a, b) {{xs = ["a", "b"], y = "y"}}
  output y
  output da
  output db
)",
                                      declared(a), declared(b), line));
  std::vector const at{numbers(a, 0.3), numbers(b, 2.1)};
  auto const results = evaluate(g, at);
  for (std::size_t input = 0; input < 2; ++input) {
    REQUIRE(results[1 + input].shape() == at[input].shape());
    for (std::size_t i = 0; i < at[input].elements(); ++i) {
      constexpr double step = 1e-5;
      auto const moved = [&](double by) {
        std::vector near{numbers(a, 0.3), numbers(b, 2.1)};
        static_cast<double*>(near[input].data())[i] += by;
        return sum_of(evaluate(g, near)[0]);
      };
      auto const expected = (moved(step) - moved(-step)) / (2 * step);
      auto const found = results[1 + input].as<double>()[i];
      CAPTURE(input, i, expected, found);
      CHECK(std::abs(found - expected) <= 1e-6 * (1 + std::abs(expected)));
    }
  }
}

}  // namespace

TEST_CASE("gradients agree with differences") {
  for (std::string const op : {"Add", "Sub", "Mul", "Div", "Pow"}) {
    check_against_differences("f = " + op + "(a, b)", {2, 3}, {2, 3});
    check_against_differences("f = " + op + "(a, b)", {3, 1}, {2, 1, 4});
    check_against_differences("f = " + op + "(b, a)", {}, {2, 2});
  }
  for (std::string const op :
       {"Abs", "Cos", "Exp", "Identity", "LeakyRelu", "Log", "Neg", "Reciprocal", "Relu", "Sigmoid", "Sin", "Softplus",
        "Sqrt", "Tanh", "Softmax", "LogSoftmax", "Flatten", "Transpose"})
    check_against_differences("n = " + op + "(b)\n  m = " + op + "(a)\n  f = Mul(n, m)", {2, 3}, {2, 3});
  for (std::string const op : {"Relu", "LeakyRelu", "Abs"})
    check_against_differences("s = Neg(a)\n  n = " + op + "(s)\n  f = Mul(n, b)", {2, 3}, {2, 3});
}

TEST_CASE("gradients of products, moves and sums agree with differences") {
  check_against_differences("f = MatMul(a, b)", {2, 3}, {3, 4});
  check_against_differences("f = MatMul(a, b)", {2, 2, 3}, {3, 2});
  check_against_differences("f = Gemm(a, b) {alpha = 0.5}", {2, 3}, {3, 4});
  check_against_differences("f = Gemm(a, b, a) {beta = 2.0, transB = 1}", {2, 2}, {2, 2});
  check_against_differences("f = Gemm(a, b) {transA = 1}", {3, 2}, {3, 4});
  check_against_differences("f = Gemm(a, b) {transA = 1, transB = 1}", {3, 2}, {4, 3});
  check_against_differences("t = Transpose(a) {perm = [2, 0, 1]}\n  f = Mul(t, b)", {2, 3, 4}, {4, 2, 3});
  check_against_differences("const s = int64[2] {3, 2}\n  t = Reshape(a, s)\n  f = Mul(t, b)", {2, 3}, {3, 2});
  check_against_differences("const s = int64[3] {2, 2, 3}\n  t = Expand(a, s)\n  f = Mul(t, b)", {2, 1}, {3});
  check_against_differences("c = Concat(a, b, a) {axis = -1}\n  f = Exp(c)", {2, 1}, {2, 2});
  check_against_differences("l = Less(a, b)\n  f = Where(l, a, b)", {2, 3}, {3});
  check_against_differences("f = Sum(a, b, a)", {2, 3}, {3});
  check_against_differences("const s = int64[1] {1}\n  t = ReduceSum(a, s) {keepdims = 0}\n  f = Mul(t, b)", {2, 3, 2},
                            {2});
  check_against_differences("t = ReduceMean(a)\n  f = Mul(t, b)", {2, 3}, {2});
  check_against_differences("const s = int64[1] {0}\n  u = Unsqueeze(a, s)\n  q = Squeeze(u, s)\n  f = Mul(q, b)", {2},
                            {2});
}

TEST_CASE("derivatives of derivatives, at other values, and of what does not matter") {
  auto const g = expanded(R"(
  input x: float[]
  input at: float[]
  input unused: float[3]
  square = Mul(x, x)
  y = Mul(square, x)
  first = ai.onnx.preview.training:Gradient(x) {xs = ["x"], y = "y"}
  second = ai.onnx.preview.training:Gradient(x) {xs = ["x"], y = "first"}
  there = ai.onnx.preview.training:Gradient(at) {xs = ["x"], y = "y"}
  by_square, zero = ai.onnx.preview.training:Gradient(square, unused, x) {xs = ["square", "unused"], zs = ["x"], y = "y"}
  output first
  output second
  output there
  output by_square
  output zero
)");
  auto const out = evaluate(g, {any_tensor::scalar(2.0f), any_tensor::scalar(5.0f), any_tensor(dtype::float32, {3})});
  CHECK(out[0].as<float>()[0] == 12);  // 3 x^2
  CHECK(out[1].as<float>()[0] == 12);  // 6 x
  CHECK(out[2].as<float>()[0] == 75);
  CHECK(out[3].as<float>()[0] == 2);  // x
  for (auto const zero : out[4].as<float>()) CHECK(zero == 0);
}

TEST_CASE("inputs of Gradient that are one value are variables of their own") {
  auto const g = expanded(R"(
  input a: float[]
  input b: float[]
  input v: float[]
  square = Mul(a, a)
  y = Mul(square, b)
  da, db = ai.onnx.preview.training:Gradient(v, v) {xs = ["a", "b"], y = "y"}
  output da
  output db
)");
  auto const out = evaluate(g, {any_tensor::scalar(9.0f), any_tensor::scalar(8.0f), any_tensor::scalar(3.0f)});
  CHECK(out[0].as<float>()[0] == 18);  // 2 a b
  CHECK(out[1].as<float>()[0] == 9);   // a a
}

TEST_CASE("Gradients that cannot be are errors") {
  auto const with = [](std::string const& attributes, std::string const& inputs = "x") {
    return "input x: float[2]\n y = Erf(x)\n d = ai.onnx.preview.training:Gradient(" + inputs + ") {" + attributes +
           "}\n output d\n";
  };
  CHECK_THAT(error_of(with(R"(xs = ["x"], y = "y")")),
             says("(Erf)") && ::says("no derivative of this operator is known") && ::says("MatMul"));
  CHECK_THAT(error_of(with(R"(xs = ["x"], y = "z")")), ::says("the graph has no tensor 'z'"));
  CHECK_THAT(error_of(with(R"(xs = ["x"])")), ::says("'y' is missing"));
  CHECK_THAT(error_of(with(R"(xs = ["x", "y"], y = "y")")), ::says("1 inputs and 1 outputs, expected 2"));
  CHECK_THAT(error_of(with(R"(xs = ["x", "x"], y = "y")", "x, x")), ::says("'x' is named twice"));
  CHECK_THAT(error_of(with(R"(xs = ["x"], y = "d")")), ::says("depends on what the node computes"));
  limits few;
  few.nodes = 3;
  CHECK_THAT(error_of(with(R"(xs = ["x"], y = "y")"), few), ::says("the graph's nodes"));
}
