#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include <string>
#include <string_view>

using namespace sinter;
using namespace sinter::test;

namespace {

struct node_case {
  std::string_view x, nodes;
  std::size_t launches = 1;
};

graph graph_of(node_case const& c) {
  return parse(fmt::format("graph opset 18 {{\n input x: {}\n {}\n output y\n}}\n", c.x, c.nodes));
}

}  // namespace

/// Against the CPU's plain loops, in every bit.
TEST_CASE("nodes that look along lines are one launch") {
  auto const c = GENERATE(
      node_case{"float[3x40x5]", "y = ArgMax(x) {axis = 1}"},
      node_case{"float[3x40]", "y = ArgMin(x) {axis = -1, keepdims = 0, select_last_index = 1}"},
      node_case{"float[2x7x5]", "const a = int64[] {1}\n y = CumSum(x, a)"},
      node_case{"int64[2x7]", "const a = int64[] {-1}\n y = CumSum(x, a) {exclusive = 1, reverse = 1}"},
      node_case{"int32[6]", "const a = int64[1] {0}\n y = CumSum(x, a)"}, node_case{"float[2x5x6]", "y = Trilu(x)"},
      node_case{"int64[4x6]", "const k = int64[] {-2}\n y = Trilu(x, k) {upper = 0}"},
      node_case{"bool[2x5x3]", "const k = int64[] {1}\n y = Trilu(x, k) {upper = 1}"},
      node_case{"uint8[5x3]", "const k = int64[] {900}\n y = Trilu(x, k) {upper = 1}"},
      node_case{"float[2x3x5]", "const p = int64[6] {0, 2, -1, 0, 1, 7}\n y = Pad(x, p)"},
      node_case{"float[2x5]", "const p = int64[4] {3, 1, 0, 9}\n const v = float[] {2.5}\n y = Pad(x, p, v)"},
      node_case{"float[3x5]", "const p = int64[4] {2, 1, 0, 9}\n y = Pad(x, p) {mode = \"reflect\"}"},
      node_case{"int64[3x5]", "const p = int64[4] {2, 1, 0, 9}\n y = Pad(x, p) {mode = \"edge\"}"},
      node_case{"bool[3x5]",
                "const p = int64[2] {4, 4}\n const a = int64[1] {1}\n y = Pad(x, p, _, a) {mode = \"edge\"}"},
      node_case{"float[3x8x5]",
                "const s = int64[2] {-1, 6}\n const e = int64[2] {-99, 0}\n const a = int64[2] {0, 1}\n const t = "
                "int64[2] {-1, -2}\n y = Slice(x, s, e, a, t)"});
  INFO(c.x << " " << c.nodes);
  auto const g = graph_of(c);
  auto const p = plan_for_cuda(g);
  CHECK(count_launches(p) == c.launches);
  CHECK(count_steps<host_call>(p) == 0);
  auto const operands = random_inputs(g, 3);
  CHECK(equal_bits(run_emulated(g, operands), run_compiled(g, operands, {})));
}

TEST_CASE("a diagonal that comes at run time is the host's") {
  auto const g = parse("graph opset 18 {\n input x: float[4x5]\n input k: int64[]\n y = Trilu(x, k)\n output y\n}\n");
  CHECK(count_steps<host_call>(plan_for_cuda(g)) == 1);
}
