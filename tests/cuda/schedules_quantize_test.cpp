#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include "model/real_model.hpp"
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Quantized numbers on an emulated device, in every bit against the CPU's plain loops.
using namespace sinter;
using namespace sinter::test;

namespace {

/// Random bytes as integers; floats in [-60, 60), some of which lie halfway between integers.
std::vector<any_tensor> quantized_operands(graph const& g) {
  std::vector<any_tensor> all;
  std::uint32_t seed = 1;
  for (auto const& in : g.inputs) {
    auto const& type = g.at(in.value).type;
    auto& t = all.emplace_back(type.element, *type.shape);
    for (std::size_t i = 0; i < t.elements(); ++i) {
      seed = seed * 1664525u + 1013904223u;
      auto const number = static_cast<std::int64_t>(seed >> 20) - 2048;
      if (is_floating(type.element))
        store<float>(type.element, t.data(), i, static_cast<float>(number / 16) * 0.5f);
      else
        store<std::int64_t>(type.element, t.data(), i, number);
    }
  }
  return all;
}

void check_quantized(std::string_view text) {
  INFO(text);
  auto const g = parse(fmt::format("graph opset 21 {{\n{}\n output y\n}}\n", text));
  CHECK(count_steps<host_call>(plan_for_cuda(g)) == 0);
  auto const operands = quantized_operands(g);
  CHECK(equal_bits(run_emulated(g, operands), run_compiled(g, operands, {target("none")})));
}

}  // namespace

TEST_CASE("numbers are quantized and back as on the CPU") {
  for (auto const* type : {"int8", "uint8", "int16", "uint16"}) {
    check_quantized(fmt::format(
        " input x: float[2x5x7]\n const s = float[] {{0.25}}\n const z = {}[] {{3}}\n y = QuantizeLinear(x, s, z)",
        type));
    check_quantized(
        fmt::format(" input x: {0}[2x5x7]\n const s = float[5] {{0.25, 1, 2, 0.1, 7}}\n const z = {0}[5] {{3, 0, 5, 1, "
                    "2}}\n y = DequantizeLinear(x, s, z)",
                    type));
    check_quantized(
        fmt::format(" input x: float[2x5x7]\n const s = float[7] {{0.25, 1, 2, 0.1, 7, 3, 0.5}}\n input z: {}[7]\n y = "
                    "QuantizeLinear(x, s, z) {{axis = -1}}",
                    type));
  }
  check_quantized(" input x: float[9]\n const s = float[] {0.1}\n y = QuantizeLinear(x, s)");
  check_quantized(
      " input x: int32[4x9]\n const s = float[9] {1, 2, 3, 4, 5, 6, 7, 8, 0.1}\n const z = int32[9] fill(0)\n y = "
      "DequantizeLinear(x, s, z)");
  check_quantized(" input x: float[4]\n input s: float[]\n y = QuantizeLinear(x, s)");
}

TEST_CASE("convolutions whose filters are computed are launches") {
  auto const* const node = GENERATE(" input w: float[6x4x3x3]\n y = Conv(x, w, b) {pads = [1, 1, 1, 1]}",
                                    " input w: float[6x2x3x2]\n y = Conv(x, w, b) {group = 2, strides = [2, 1]}",
                                    " input w: float[6x4x1x1]\n y = Conv(x, w)",
                                    " input w: float[4x6x3x3]\n y = ConvTranspose(x, w, b) {strides = [2, 2]}",
                                    " input w: float[4x3x3x2]\n y = ConvTranspose(x, w, b) {group = 2}");
  INFO(node);
  auto const g = parse(fmt::format(
      "graph opset 21 {{\n input x: float[2x4x7x6]\n const b = float[6] random(3)\n{}\n output y\n}}\n", node));
  CHECK(count_steps<host_call>(plan_for_cuda(g)) == 0);
  CHECK(emulated_difference(g) == "");
}

TEST_CASE("a quantized model runs on a CUDA device and agrees with the CPU", "[thorough]") {
  auto const* const name = GENERATE("keyword_spotting_qdq", "classifier_qdq");
  auto const folder = shared("models/" + std::string(name));
  if (!folder) {
    WARN("SKIPPED: needs shared/models/" << name);
    return;
  }
  auto const m = read_folder(*folder);
  CHECK(count_steps<host_call>(plan_for_cuda(m.g)) <= 3);  // a last product of computed weights, and around it
  auto const operands = m.operands(m.examples[0].inputs);
  auto const got = run_emulated(m.g, operands), expected = run_compiled(m.g, operands, {});
  auto const x = got[0].as<float>(), y = expected[0].as<float>();
  // Sums in another order round to another integer now and then.
  CHECK(largest_difference(got, expected) < 0.1);
  CHECK(std::ranges::max_element(x) - x.begin() == std::ranges::max_element(y) - y.begin());
}
