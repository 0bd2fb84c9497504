// Loop and Scan, with values worked out by hand from the words of the specification.
#include <sinter/graph/text.hpp>
#include <sinter/sinter.hpp>

#include "error_message.hpp"
#include "one_node.hpp"

using namespace sinter;

namespace {

/// The first `outputs` of a graph in text form.
std::vector<any_tensor> run_text(std::string const& text, std::vector<any_tensor> const& in) {
  return evaluate(parse(text), in);
}

/// Counts up by a captured step; `w` holds the value before each turn.
std::string counting_loop(std::string const& operands) {
  return R"(graph opset 21 {
  input m: int64[]
  input c: bool[]
  input x: float[]
  input step: float[]
  y, w = Loop()" +
         operands + R"(, x, step) {body = graph opset 21 {
    input i: int64[]
    input goes: bool[]
    input v: float[]
    capture s: float[]
    const most = float[] {10}
    n = Add(v, s)
    again = Less(n, most)
    before = Identity(v)
    output again
    output n
    output before
  }}
  output y
  output w
})";
}

any_tensor one_float(float x) { return any_tensor::scalar(x); }

}  // namespace

TEST_CASE("Loop ends by its count, by its condition, or before the first turn") {
  auto const yes = any_tensor::scalar(true), no = any_tensor::scalar(false);
  auto const count = [](std::int64_t n) { return any_tensor::scalar(n); };
  auto const by_count = run_text(counting_loop("m, c"), {count(3), yes, one_float(1), one_float(2)});
  CHECK(elements<float>(by_count[0]) == std::vector<float>{7});
  CHECK(elements<float>(by_count[1]) == std::vector<float>{1, 3, 5});
  auto const by_condition = run_text(counting_loop("_, _"), {count(1), no, one_float(1), one_float(4)});
  CHECK(elements<float>(by_condition[0]) == std::vector<float>{13});
  CHECK(elements<float>(by_condition[1]) == std::vector<float>{1, 5, 9});
  for (auto const& none : {run_text(counting_loop("m, c"), {count(0), yes, one_float(1), one_float(2)}),
                           run_text(counting_loop("m, c"), {count(5), no, one_float(1), one_float(2)}),
                           run_text(counting_loop("m, c"), {count(-1), yes, one_float(1), one_float(2)})}) {
    CHECK(elements<float>(none[0]) == std::vector<float>{1});
    CHECK(none[1].type() == dtype::float32);
    CHECK(none[1].shape() == shape{0});
  }
}

TEST_CASE("A loop whose value changes its shape has an output of unknown shape") {
  auto g = parse(R"(graph opset 21 {
  input m: int64[]
  input x: float[2]
  input same: float[3]
  y, z = Loop(m, _, x, same) {body = graph opset 21 {
    input i: int64[]
    input goes: bool[]
    input v: float
    input u: float
    d = Concat(v, v) {axis = 0}
    e = Neg(u)
    output goes
    output d
    output e
  }}
  output y
  output z
})");
  auto const& n = g.at(g.topological_order()[0]);
  auto const found = infer(g, n);
  CHECK(found[0] == unknown_shape(dtype::float32));
  CHECK(found[1] == tensor_type{dtype::float32, shape{3}});
  auto const y = evaluate(g, {any_tensor::scalar<std::int64_t>(2), floats({2}, {1, 2}), floats({3}, {1, 2, 3})});
  CHECK(elements<float>(y[0]) == std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2});
  CHECK(elements<float>(y[1]) == std::vector<float>{1, 2, 3});
}

namespace {

/// Sums of two numbers each, of slices of x.
std::string summing_scan(std::string const& x, std::string const& attributes) {
  return "graph opset 21 {\n  input start: float[2]\n  input x: float[" + x + "]\n  sum, sums = Scan(start, x) {" +
         attributes + R"(num_scan_inputs = 1, body = graph opset 21 {
    input s: float[2]
    input v: float[2]
    t = Add(s, v)
    row = Identity(t)
    output t
    output row
  }}
  output sum
  output sums
})";
}

}  // namespace

TEST_CASE("Scan takes slices of any axis in any direction and stacks along any axis") {
  auto const start = floats({2}, {0, 10}), x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  auto const forward = run_text(summing_scan("2x3", "scan_input_axes = [1], "), {start, x});
  CHECK(elements<float>(forward[0]) == std::vector<float>{6, 25});
  CHECK(elements<float>(forward[1]) == std::vector<float>{1, 14, 3, 19, 6, 25});
  auto const turned = run_text(summing_scan("2x3",
                                            "scan_input_axes = [-1], scan_input_directions = [1], "
                                            "scan_output_axes = [-1], scan_output_directions = [1], "),
                               {start, x});
  CHECK(turned[1].shape() == shape{2, 3});
  CHECK(elements<float>(turned[1]) == std::vector<float>{6, 5, 3, 25, 21, 16});
}

TEST_CASE("A scan of nothing keeps its state") {
  auto const y = run_text(summing_scan("0x2", ""), {floats({2}, {1, 2}), any_tensor(dtype::float32, {0, 2})});
  CHECK(elements<float>(y[0]) == std::vector<float>{1, 2});
  CHECK(y[1].shape() == shape{0, 2});
}

TEST_CASE("Bodies that do not fit are errors") {
  auto const message = [](std::string const& from, std::string const& to) {
    auto text = counting_loop("m, c");
    text.replace(text.find(from), from.size(), to);
    return sinter::test::message_of(
        [&] {
          run_text(text, {any_tensor::scalar<std::int64_t>(3), any_tensor::scalar(true), one_float(1), one_float(2)});
        },
        error_code::malformed_model);
  };
  CHECK(message("output again", "output again") == "");
  CHECK_THAT(message("    output again\n    output n\n", "    output again\n"), says("the body has"));
  CHECK_THAT(message("output again", "output v"), says("the condition that the body gives is float"));
}
