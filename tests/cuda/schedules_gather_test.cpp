#include "catch.hpp"
#include "cuda/device_under_test.hpp"
#include "cuda/emulated_run.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

/// A graph with the inputs x and i.
graph gather_graph(std::string_view x, std::string_view i, std::string_view nodes) {
  return parse(fmt::format("graph opset 18 {{\n input x: {}\n input i: {}\n {}\n output y\n}}\n", x, i, nodes));
}

any_tensor counted_tensor(shape const& s) {
  any_tensor t(dtype::float32, s);
  for (std::size_t k = 0; k < t.elements(); ++k) t.mutable_view().as<float>()[k] = static_cast<float>(k);
  return t;
}

struct gather_case {
  std::string_view x, i, nodes;
  std::vector<std::int64_t> indices;
};

}  // namespace

TEST_CASE("gathers by indices that come at run time are one launch") {
  auto const c = GENERATE(
      gather_case{"float[5x3]", "int64[2x2]", "y = Gather(x, i)", {4, -5, 0, 2}},
      gather_case{"float[2x5x8]", "int64[3]", "y = Gather(x, i) {axis = 1}", {4, -1, 2}},
      gather_case{"float[2x3x5]",
                  "int64[2x3x2]",
                  "y = GatherElements(x, i) {axis = 2}",
                  {4, 0, -5, 1, 2, 3, 3, 3, 0, 0, 1, -1}},
      gather_case{"float[4x3x5]",
                  "int64[2x3x2]",
                  "y = GatherElements(x, i) {axis = 0}",
                  {3, 0, -4, 1, 2, 3, 3, 3, 0, 0, 1, -1}},
      gather_case{"float[2x3x4x6]", "int64[2x2x2]", "y = GatherND(x, i) {batch_dims = 1}", {0, -4, 2, 3, 1, 1, -3, 0}},
      gather_case{"float[2x3x4]", "int64[2x3]", "y = GatherND(x, i)", {0, 1, 2, -1, -3, 3}});
  INFO(c.nodes);
  auto const g = gather_graph(c.x, c.i, c.nodes);
  auto const p = plan_for_cuda(g);
  CHECK(count_launches(p) == 1);
  CHECK(count_steps<host_call>(p) == 0);
  auto const& type = g.at(g.inputs[1].value).type;
  std::vector<any_tensor> const operands{counted_tensor(*g.at(g.inputs[0].value).type.shape),
                                         any_tensor::of<std::int64_t>(*type.shape, c.indices)};
  CHECK(equal_bits(run_emulated(g, operands), run_compiled(g, operands, {})));
}

TEST_CASE("an index outside is an error of its node, and of its run only", "[device]") {
  auto const g = gather_graph("float[5x3]", "int64[2]",
                              "a = Gather(x, i) as first\n b = Neg(a)\n y = Gather(b, i) {axis = 1} as second");
  auto const given = device_under_test();
  emulated_device emulated;
  auto& device = given ? *given : emulated;
  model_store store({}, &device);
  auto const code = compile(graph(g), {.machine = device.machine()}, store, nullptr);
  workspace w(code.memory());
  auto const x = counted_tensor({5, 3});
  auto const run = [&](std::int64_t a, std::int64_t b) {
    auto const i = any_tensor::of<std::int64_t>({2}, {a, b});
    tensor_view const in[] = {x.view(), i.view()};
    code.run(w, in);
    return std::vector(w.results[0].as<float>().begin(), w.results[0].as<float>().end());
  };
  std::vector<float> const expected{-2, -1, -8, -7};
  CHECK(run(2, 1) == std::vector<float>{-8, -7, -5, -4});
  CHECK_THROWS_WITH(run(1, 5), says("an index or length is 5, expected -5 to 4") && says("first"));
  CHECK(run(-3, 1) == std::vector<float>{-6, -7, -3, -4});
  CHECK_THROWS_WITH(run(4, 0), says("an index or length is 4, expected -3 to 2") && says("second"));
  CHECK_THROWS_WITH(run(0, INT64_MIN), says("an index or length is -9223372036854775808, expected -5 to 4"));
  CHECK(run(0, 2).size() == 4);
}
