// Operators that pass a state from call to call, and others of language models. Values are worked out by hand.
#include <sinter/graph/text.hpp>

#include "one_node.hpp"
#include <cmath>

using namespace sinter;

TEST_CASE("LinearAttention adds, decays and corrects its state") {
  attribute_map a{
      {"q_num_heads", std::int64_t{2}}, {"kv_num_heads", one}, {"scale", 1.0f}, {"update_rule", std::string("linear")}};
  auto const q = floats({1, 2, 2}, {1, 10, 2, 20});  // two heads of one number
  auto const k = floats({1, 2, 1}, {3, 5}), v = floats({1, 2, 1}, {7, 11});
  auto const added = run_all("LinearAttention", 27, {q, k, v}, a, 2);
  CHECK(elements<float>(added[0]) == std::vector<float>{21, 210, 152, 1520});  // states 21 and 21 + 55
  CHECK(elements<float>(added[1]) == std::vector<float>{76});
  a["update_rule"] = std::string("gated_delta");
  auto const half = static_cast<float>(std::log(0.5));
  auto const rule = run_all(
      "LinearAttention", 27,
      {q, k, v, floats({1, 1, 1, 1}, {2}), floats({1, 2, 1}, {half, half}), floats({1, 2, 1}, {1, 0.5f})}, a, 2);
  // 2 halves to 1, then 1 + 3 (7 - 1 * 3) = 13; 13 halves to 6.5, then 6.5 + 0.5 * 5 (11 - 6.5 * 5) = -47.25
  check_close(rule[0], {13, 130, -94.5, -945});
  check_close(rule[1], {-47.25});
  CHECK_THAT(error_of("LinearAttention", 27, {q, k, v}, a, 2), says("takes decay and beta"));
}

TEST_CASE("CausalConvWithState sees the past only") {
  auto const x = floats({1, 1, 3}, {1, 2, 3}), w = floats({1, 1, 3}, {100, 10, 1});
  auto const y = run_all("CausalConvWithState", 27, {x, w, floats({1}, {0.5f}), floats({1, 1, 2}, {8, 9})}, {}, 2);
  check_close(y[0], {891.5, 912.5, 123.5});
  CHECK(elements<float>(y[1]) == std::vector<float>{2, 3});
  auto const short_one =
      run_all("CausalConvWithState", 27, {floats({1, 1, 1}, {4}), w}, {{"activation", std::string("silu")}}, 2);
  check_close(short_one[0], {4 / (1 + std::exp(-4.0))});
  CHECK(elements<float>(short_one[1]) == std::vector<float>{0, 4});
}

TEST_CASE("FlexAttention applies subgraphs to scores and probabilities") {
  auto const g = parse(R"(graph opset ai.onnx.preview 1 opset 21 {
  input q: float[1x2x1x1]
  input k: float[1x1x2x1]
  input v: float[1x1x2x1]
  input add: float[1x1x1x2]
  y = ai.onnx.preview:FlexAttention(q, k, v, add) {scale = 1.0, score_mod = graph opset 21 {
    input s: float
    capture a: float
    t = Add(s, a)
    output t
  }, prob_mod = graph opset 21 {
    input p: float
    capture a: float
    r = Neg(p)
    output r
  }}
  output y
})");
  auto const third = std::log(3.0f);
  auto const y = evaluate(g, {floats({1, 2, 1, 1}, {0, third}), floats({1, 1, 2, 1}, {0, 1}),
                              floats({1, 1, 2, 1}, {8, 16}), floats({1, 1, 1, 2}, {third, 0})})[0];
  check_close(y, {-10, -12});  // probabilities 3/4 and 1/4, then a half each
}

TEST_CASE("MatMulNBits unpacks low bits first") {
  attribute_map const a{
      {"K", std::int64_t{16}}, {"N", std::int64_t{2}}, {"bits", std::int64_t{4}}, {"block_size", std::int64_t{16}}};
  any_tensor x(dtype::float32, {1, 16}), b(dtype::uint8, {2, 1, 8});
  static_cast<float*>(x.data())[0] = 1;
  static_cast<float*>(x.data())[1] = 10;
  auto* const bytes = static_cast<std::uint8_t*>(b.data());
  bytes[0] = 0xa9;  // 9, 10
  bytes[8] = 0x07;  // 7, 0
  auto const scales = floats({2}, {1, 0.5f});
  CHECK(elements<float>(run("com.microsoft:MatMulNBits", 1, {x, b, scales}, a)) == std::vector<float>{21, -40.5f});
  auto const zeros = any_tensor::of<std::uint8_t>({2}, {9, 0});
  CHECK(elements<float>(run("com.microsoft:MatMulNBits", 1, {x, b, scales, zeros}, a)) == std::vector<float>{10, 3.5f});
  CHECK_THAT(error_of("com.microsoft:MatMulNBits", 1, {x, b, floats({1}, {1})}, a), says("the scales have shape 1"));
}

TEST_CASE("SwiGLU gates one input with the other") {
  auto const y = run("SwiGLU", 28, {floats({2}, {1, -2}), floats({2}, {3, 4})}, {{"alpha", 2.0f}});
  check_close(y, {3 / (1 + std::exp(-2.0)), -8 / (1 + std::exp(4.0))});
}

TEST_CASE("DeformConv moves its taps between pixels") {
  auto const x = floats({1, 1, 1, 3}, {1, 2, 4}), w = floats({1, 1, 1, 1}, {10});
  auto const offsets = floats({1, 2, 1, 3}, {0, 0, 0, 0.5f, 1, 0.5f});  // rows, then columns
  check_close(run("DeformConv", 19, {x, w, offsets, floats({1}, {1})}), {16, 41, 21});
  check_close(run("DeformConv", 19, {x, w, offsets, {}, floats({1, 1, 1, 3}, {1, 2, 0})}), {15, 80, 0});
}

TEST_CASE("Random numbers follow their seed and their bounds") {
  attribute_map const a{{"shape", list{1000}}, {"seed", 3.0f}, {"low", 2.0f}, {"high", 4.0f}};
  auto const x = run("RandomUniform", 22, {}, a);
  CHECK(elements<float>(x) == elements<float>(run("RandomUniform", 22, {}, a)));
  auto other = a;
  other["seed"] = 4.0f;
  CHECK(elements<float>(x) != elements<float>(run("RandomUniform", 22, {}, other)));
  double sum = 0;
  for (auto const v : x.as<float>()) {
    CHECK((v >= 2 && v < 4));
    sum += v;
  }
  CHECK(sum / 1000 == Approx(3).margin(0.1));
  auto const normal =
      run("RandomNormal", 22, {}, {{"shape", list{4000}}, {"seed", 1.0f}, {"mean", 5.0f}, {"scale", 2.0f}});
  double mean = 0, square = 0;
  for (auto const v : normal.as<float>()) mean += v / 4000;
  for (auto const v : normal.as<float>()) square += (v - mean) * (v - mean) / 4000;
  CHECK(mean == Approx(5).margin(0.2));
  CHECK(std::sqrt(square) == Approx(2).margin(0.2));
  CHECK(elements<float>(run("Bernoulli", 22, {floats({2}, {0, 1})})) == std::vector<float>{0, 1});
  auto const drawn =
      run("Multinomial", 22, {floats({1, 3}, {-INFINITY, 0, -INFINITY})}, {{"sample_size", std::int64_t{4}}});
  CHECK(elements<std::int32_t>(drawn) == std::vector<std::int32_t>{1, 1, 1, 1});
}

TEST_CASE("Dropout in training drops by its seed and scales what it keeps") {
  // NumPy's RandomState(0) begins with 0.549, 0.715, 0.603, 0.545.
  auto const x = floats({4}, {1, 2, 3, 4});
  auto const y = run_all("Dropout", 13, {x, floats({}, {0.6f}), bools({}, {true})}, {{"seed", std::int64_t{0}}}, 2);
  check_close(y[0], {0, 5, 7.5, 0});
  CHECK(elements<bool>(y[1]) == std::vector<bool>{false, true, true, false});
  CHECK(elements<float>(run("Dropout", 13, {x, floats({}, {0.6f}), bools({}, {false})})) == elements<float>(x));
  CHECK_THAT(error_of("Dropout", 13, {x, floats({}, {1.5f}), bools({}, {true})}), says("the ratio is 1.5"));
}
