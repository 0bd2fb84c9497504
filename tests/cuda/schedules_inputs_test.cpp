#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include <cstring>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

/// An input that the host reads, as it is and in another shape, and one that both sides read.
graph const reads_inputs = parse(R"(graph opset 13 {
  input ids: int64[6]
  input x: float[3x3]
  const depth = int64[] {5}
  const values = float[2] {-1, 2}
  const pair = int64[2] {2, 3}
  a = OneHot(ids, depth, values)
  shaped = Reshape(ids, pair)
  b = OneHot(shaped, depth, values)
  d = Det(x)
  e = Sigmoid(x)
  y = Add(d, e)
  output a
  output b
  output y
})");

std::vector<any_tensor> results_of(executable const& e, std::vector<tensor_view> const& in) {
  workspace w(e.memory());
  std::vector<any_tensor> results;
  e.run(w, in);
  for (auto const& r : w.results) results.push_back(own(r));
  return results;
}

}  // namespace

TEST_CASE("the host reads inputs of a program for a device where the caller has them") {
  auto const p = plan_for_cuda(reads_inputs);
  CHECK(count_steps<transfer>(p) == 3);  // of what the host computes
  auto const operands = random_inputs(reads_inputs);
  auto const expected = run_compiled(reads_inputs, operands, {});
  emulated_device device;
  model_store store({}, &device);
  auto const code = compile(graph(reads_inputs), {.machine = device.machine()}, store, nullptr);
  CHECK_FALSE(code.memory().inputs[0].on_device);
  CHECK((code.memory().inputs[1].on_device && code.memory().inputs[1].on_host));

  std::vector<tensor_view> in, there;
  std::vector<device_memory> memories;
  for (auto const& t : operands) {
    in.push_back(t.view());
    there.push_back(t.view());
    memories.push_back(device.allocate(t.bytes()));
    std::memcpy(memories.back().get(), t.data(), t.bytes());
    there.back().data = memories.back().get();
  }
  CHECK(difference(results_of(code, in), expected) == "");
  CHECK(difference(results_of(code, there), expected) == "");
  alignas(8) std::byte bytes[6 * 8 + 1];
  std::memcpy(bytes + 1, in[0].data, 6 * 8);
  in[0].data = bytes + 1;  // misaligned
  CHECK(difference(results_of(code, in), expected) == "");
}

TEST_CASE("an input that lies on the device at an address that kernels do not take is copied there") {
  auto const g = parse("graph opset 13 {\n  input x: float[4x8]\n  y = Sigmoid(x)\n  output y\n}\n");
  auto const operands = random_inputs(g);
  emulated_device device;
  model_store store({}, &device);
  auto const code = compile(graph(g), {.machine = device.machine()}, store, nullptr);
  auto const memory = device.allocate(operands[0].bytes() + 4);
  std::memcpy(memory.get() + 4, operands[0].data(), operands[0].bytes());
  auto in = operands[0].view();
  in.data = memory.get() + 4;
  CHECK(difference(results_of(code, {in}), run_compiled(g, operands, {})) == "");
}

TEST_CASE("checks that a program does not have are refused") {
  auto p = plan_for_cuda(parse(R"(graph opset 13 {
  input x: float[5x3]
  input i: int64[2]
  y = Gather(x, i)
  output y
})"));
  REQUIRE(p.checks.size() == 1);
  auto const with = [&](std::vector<index_check> checks) {
    p.checks = std::move(checks);
    verify(p);
  };
  CHECK_THROWS_WITH(with({}), says("argument 3 of gather reaches bytes 0 to 8 of c0, which lie outside"));
  CHECK_THROWS_WITH(with({{node_id{7}, -5, 4}}), says("a check of indices from -5 to 4 of node 7"));
  CHECK_THROWS_WITH(with({{node_id{0}, 1, 4}}), says("a check of indices from 1 to 4 of node 0"));
  with({{node_id{0}, -5, 4}});
}
