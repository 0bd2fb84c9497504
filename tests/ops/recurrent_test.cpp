// Weights of zero leave only the biases, so that the expected values follow from the cells' formulas by hand.
#include "one_node.hpp"
#include <cmath>

using sinter::any_tensor;
using std::string;

namespace {

any_tensor zeros(sinter::shape s) { return any_tensor(sinter::dtype::float32, s); }
sinter::attribute_map const hidden{{"hidden_size", std::int64_t{1}}};

}  // namespace

TEST_CASE("LSTM: gates of one half and a candidate of one") {
  auto const bias = floats({1, 8}, {0, 0, 0, 100, 0, 0, 0, 0});
  auto const y = run_all("LSTM", 14, {zeros({2, 1, 1}), zeros({1, 4, 1}), zeros({1, 4, 1}), bias}, hidden, 3);
  check_close(y[0], {0.5 * std::tanh(0.5), 0.5 * std::tanh(0.75)});
  check_close(y[1], {0.5 * std::tanh(0.75)});
  check_close(y[2], {0.75});
  CHECK(y[0].shape() == sinter::shape{2, 1, 1, 1});
}

TEST_CASE("GRU: half of the state is kept") {
  auto const bias = floats({1, 6}, {0, 0, 100, 0, 0, 0}), start = floats({1, 1, 1}, {3});
  auto const y = run("GRU", 14, {zeros({2, 1, 1}), zeros({1, 3, 1}), zeros({1, 3, 1}), bias, {}, start}, hidden);
  check_close(y, {2, 1.5});
}

TEST_CASE("RNN: both directions, lengths of sequences, clip and layout") {
  // two sequences, of 3 and 2 steps; h = x + h
  auto const x = floats({3, 2, 1}, {1, 10, 2, 20, 3, 30}), ones = floats({2, 1, 1}, {1, 1});
  auto const lengths = any_tensor::of<std::int32_t>({2}, {3, 2});
  sinter::attribute_map a = hidden;
  a["direction"] = string("bidirectional");
  a["activations"] = std::vector<string>{"Relu", "Relu"};
  auto y = run_all("RNN", 14, {x, ones, ones, {}, lengths}, a, 2);
  check_close(y[0], {1, 10, 6, 30, 3, 30, 5, 20, 6, 0, 3, 0});
  check_close(y[1], {6, 30, 6, 30});
  a["clip"] = 4.0f;
  check_close(run_all("RNN", 14, {x, ones, ones, {}, lengths}, a, 2)[1], {4, 4, 4, 4});
  a.erase("clip");
  a["layout"] = std::int64_t{1};
  auto const batch_first = floats({2, 3, 1}, {1, 2, 3, 10, 20, 30});
  y = run_all("RNN", 14, {batch_first, ones, ones, {}, lengths}, a, 2);
  check_close(y[0], {1, 6, 3, 5, 6, 3, 10, 30, 30, 20, 0, 0});
  CHECK(y[1].shape() == sinter::shape{2, 2, 1});
}

TEST_CASE("Recurrent operators check shapes, activations and lengths") {
  auto const x = zeros({2, 1, 1}), w = zeros({1, 1, 1});
  CHECK_THAT(error_of("RNN", 14, {x, w, zeros({1, 2, 1})}, hidden), says("the input 2 has shape 1x2x1"));
  CHECK_THAT(error_of("RNN", 14, {x, w, w}, {{"hidden_size", std::int64_t{2}}}), says("'hidden_size' is 2"));
  CHECK_THAT(error_of("RNN", 14, {x, w, w}, {{"activations", std::vector<string>{"Cosh"}}}), says("'Cosh'"));
  CHECK_THAT(error_of("RNN", 14, {x, w, w}, {{"direction", string("up")}}), says("'direction' is 'up'"));
  CHECK_THAT(error_of("RNN", 14, {x, w, w, {}, any_tensor::of<std::int32_t>({1}, {3})}, hidden),
             says("length is 3, expected 0 to 2"));
}
