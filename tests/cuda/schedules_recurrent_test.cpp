#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include <string>
#include <string_view>

using namespace sinter;
using namespace sinter::test;

namespace {

struct recurrent_case {
  std::string_view name;
  std::size_t launches;
  std::string_view text;
};

recurrent_case const recurrent_cases[] = {
    {"LSTM in both directions, with states and peepholes", 1 + 2 * (1 + 4 + 1), R"(
  input x: float[4x3x5]
  input h0: float[2x3x20]
  input c0: float[2x3x20]
  const w = float[2x80x5] random(1)
  const r = float[2x80x20] random(2)
  const b = float[2x160] random(3)
  const p = float[2x60] random(4)
  y, h, c = LSTM(x, w, r, b, _, h0, c0, p) {hidden_size = 20, direction = "bidirectional"}
  output y
  output h
  output c
)"},
    {"the last state of an LSTM alone", 1 + 1 + 5, R"(
  input x: float[5x2x8]
  const w = float[1x24x8] random(1)
  const r = float[1x24x6] random(2)
  _, h = LSTM(x, w, r) {hidden_size = 6, direction = "reverse"}
  output h
)"},
    {"GRU with biases", 1 + 3 + 1, R"(
  input x: float[3x5x4]
  input h0: float[1x5x16]
  const w = float[1x48x4] random(1)
  const r = float[1x48x16] random(2)
  const b = float[1x96] random(3)
  y, h = GRU(x, w, r, b, _, h0) {hidden_size = 16, linear_before_reset = 1}
  output y
  output h
)"},
    {"GRU whose reset gate comes before the product", 1, R"(
  input x: float[3x2x4]
  const w = float[1x24x4] random(1)
  const r = float[1x24x8] random(2)
  y = GRU(x, w, r) {hidden_size = 8}
  output y
)"},
};

graph graph_of(recurrent_case const& c) { return parse("graph opset 14 {" + std::string(c.text) + "}\n"); }

}  // namespace

TEST_CASE("LSTM and GRU are a launch for each step and direction") {
  for (auto const& c : recurrent_cases) {
    INFO(c.name);
    CHECK(count_launches(plan_for_cuda(graph_of(c))) == c.launches);
    CHECK(emulated_difference(graph_of(c)) == "");
  }
}
