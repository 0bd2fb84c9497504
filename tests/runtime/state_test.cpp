#include <sinter/compile.hpp>
#include <sinter/graph/text.hpp>
#include <sinter/model_state.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "runtime/state_models.hpp"
#include <array>
#include <cmath>
#include <span>
#include <string>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

std::vector<float> wave(std::size_t n) {
  std::vector<float> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = std::sin(0.7f * static_cast<float>(i)) + 0.1f;
  return values;
}

std::vector<float> floats(tensor_view t) { return {t.as<float>().begin(), t.as<float>().end()}; }

/// What a context makes of `x` in pieces of `piece` values, one after the other.
std::vector<float> streamed(context& c, std::span<float const> x, shape const& piece) {
  std::vector<float> y;
  for (std::size_t at = 0; at < x.size(); at += piece.elements()) {
    c.set_input("x", {dtype::float32, piece, x.data() + at});
    c.run();
    auto const out = floats(c.output("y"));
    y.insert(y.end(), out.begin(), out.end());
  }
  return y;
}

void check_close(std::vector<float> const& got, std::vector<float> const& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) CHECK(std::abs(got[i] - expected[i]) < 1e-5f);
}

/// s counts up by x.
constexpr auto counter = R"(
graph opset 13 {
  input x: float[2]
  input s: float[2]
  t = Add(s, x)
  y = Neg(t)
  output y
  output t
})";

}  // namespace

TEST_CASE("an LSTM that keeps its state computes a sequence piece by piece") {
  std::int64_t const steps = 12;
  auto const x = wave(steps * 16);
  any_tensor const zero(dtype::float32, {1, 1, 16});
  auto const whole =
      evaluate(parse(lstm_text(steps)), {any_tensor::of<float>({steps, 1, 16}, std::span(x)), zero, zero});
  for (std::int64_t const piece : {1, 3}) {
    auto const net = model_of(lstm_text(piece), {.state = {{"h", "h_next"}, {"c", "c_next"}}});
    auto c = net.context();
    check_close(streamed(c, x, {piece, 1, 16}), floats(whole[0].view()));
    check_close(floats(c.output("h_next")), floats(whole[1].view()));
    c.reset_state();
    check_close(streamed(c, x, {piece, 1, 16}), floats(whole[0].view()));
  }
}

TEST_CASE("causal convolutions that keep what they have seen compute a sequence piece by piece") {
  std::int64_t const length = 24, channels = 8;
  auto const net = model_of(convolutions_text(4), {.state = {{"a", "a_next"}, {"b", "b_next"}}});
  auto const whole = model_of(convolutions_text(length), {});
  auto const x = wave(static_cast<std::size_t>(length * channels));
  tensor<float> const a({1, channels, 2}), b({1, channels, 4});
  auto const expected = whole.run({{"x", {dtype::float32, {1, channels, length}, x.data()}}, {"a", a}, {"b", b}});

  auto const all = expected["y"].as<float>();
  auto c = net.context();
  std::vector<float> piece(static_cast<std::size_t>(4 * channels));
  for (std::int64_t at = 0; at < length; at += 4) {
    for (std::int64_t k = 0; k < channels; ++k)
      for (std::int64_t i = 0; i < 4; ++i)
        piece[static_cast<std::size_t>(k * 4 + i)] = x[static_cast<std::size_t>(k * length + at + i)];
    c.set_input("x", {dtype::float32, {1, channels, 4}, piece.data()});
    c.run();
    auto const y = c.output("y").as<float>();
    for (std::int64_t k = 0; k < channels; ++k)
      for (std::int64_t i = 0; i < 4; ++i)
        CHECK(std::abs(y[static_cast<std::size_t>(k * 4 + i)] - all[static_cast<std::size_t>(k * length + at + i)]) <
              1e-5f);
  }
}

TEST_CASE("state starts with zeros or the default of its input, is saved, restored and reset") {
  auto const net = model_of(counter, {.state = {{"s", "t"}}});
  std::array<float, 2> const one{1, 10};
  tensor_view const x{dtype::float32, {2}, one.data()};
  auto c = net.context(), other = net.context();
  for (auto* each : {&c, &other}) each->set_input("x", x);
  c.run();
  c.run();
  other.run();
  CHECK(floats(c.output("t")) == std::vector<float>{2, 20});
  CHECK(floats(other.output("y")) == std::vector<float>{-1, -10});
  auto const saved = c.save_state();
  REQUIRE(saved.size() == 1);
  c.run();
  CHECK(floats(saved[0].view()) == std::vector<float>{2, 20});
  other.restore_state(saved);
  auto moved = std::move(other);
  moved.run();
  CHECK(floats(moved.output("t")) == std::vector<float>{3, 30});
  c.reset_state();
  c.run();
  CHECK(floats(c.output("t")) == std::vector<float>{1, 10});
  // A run of the model takes and gives state like everything else.
  auto const out = net.run({{"x", x}, {"s", saved[0].view()}});
  CHECK(floats(out["t"]) == std::vector<float>{3, 30});
}

TEST_CASE("the default of an input is the state's first value") {
  auto g = parse(counter);
  auto const s = g.inputs[1].value;
  g.at(s).constant = any_tensor::of<float>({2}, {5, 6});
  auto const net = model_of(std::move(g), {.state = {{"s", "t"}}});
  std::array<float, 2> const one{1, 1};
  auto c = net.context();
  c.set_input("x", {dtype::float32, {2}, one.data()});
  c.run();
  c.run();
  CHECK(floats(c.output("t")) == std::vector<float>{7, 8});
  c.reset_state();
  c.run();
  CHECK(floats(c.output("t")) == std::vector<float>{6, 7});
}

TEST_CASE("a run that fails leaves the state as it was") {
  auto const net = model_of(R"(
graph opset 13 {
  input x: float[2]
  input i: int64[1]
  input s: float[2]
  t = Add(s, x)
  y = Gather(t, i)
  output y
  output t
})",
                            {.state = {{"s", "t"}}});
  std::array<float, 2> const one{1, 2};
  std::int64_t index = 0;
  auto c = net.context();
  c.set_input("x", {dtype::float32, {2}, one.data()});
  c.set_input("i", {dtype::int64, {1}, &index});
  c.run();
  index = 7;
  CHECK_THROWS_AS(c.run(), error);
  index = 1;
  c.run();
  CHECK(floats(c.output("t")) == std::vector<float>{2, 4});
  CHECK(floats(c.output("y")) == std::vector<float>{4});
}

TEST_CASE("what cannot be state is refused") {
  using pairs = std::vector<state_pair>;
  auto const refusal = [](std::string_view text, pairs state) {
    return message_of([&] { model_of(text, {.state = std::move(state)}).context(); });
  };
  CHECK_THAT(refusal(counter, {{"q", "t"}}), says("the model has no input 'q'"));
  CHECK_THAT(refusal(counter, {{"s", "q"}}), says("the model has no output 'q'"));
  CHECK_THAT(refusal(counter, {{"s", "t"}, {"s", "y"}}), says("stands in two pairs"));
  CHECK_THAT(refusal(counter, {{"s", "t"}, {"x", "t"}}), says("stands in two pairs"));
  CHECK_THAT(refusal("graph opset 13 {\n input s: float[2]\n t = Concat(s, s) {axis = 0}\n output t\n}", {{"s", "t"}}),
             says("state keeps its shape"));
  CHECK_THAT(refusal("graph opset 13 {\n input s: float[2]\n t = Cast(s) {to = 1}\n u = Cast(t) {to = 7}\n output u\n}",
                     {{"s", "u"}}),
             says("differ"));

  auto c = model_of(counter, {.state = {{"s", "t"}}}).context();
  tensor<float> two({2});
  CHECK_THAT(message_of([&] { c.set_input("s", two); }), says("restore_state"));
  CHECK_THAT(message_of([&] { c.set_output("t", two); }), says("is state"));
  CHECK_THAT(message_of([&] { c.restore_state({}); }), says("the context keeps 1"));
  std::vector<any_tensor> const wrong{any_tensor(dtype::float32, {3})};
  CHECK_THAT(message_of([&] { c.restore_state(wrong); }), says("expected float 2, got float 3"));
}

TEST_CASE("state is charged against the limits before it is taken") {
  limits small;
  small.arena_bytes = 400;  // the output takes 256, the state 512
  auto const net = model_of("graph opset 13 {\n input s: float[64]\n t = Neg(s)\n output t\n}",
                            {.limits = small, .state = {{"s", "t"}}});
  try {
    net.context();
    FAIL("no error");
  } catch (error const& why) {
    CHECK(why.code() == error_code::limit_exceeded);
    CHECK_THAT(why.message(), says("the state of a context"));
  }
}
