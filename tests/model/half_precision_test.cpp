#include <sinter/core/widened_halves.hpp>
#include <sinter/graph/text.hpp>
#include <sinter/onnx/export.hpp>
#include <sinter/ops/evaluate.hpp>
#include <sinter/sinter.hpp>

#include <fmt/format.h>

#include "catch.hpp"
#include "halves.hpp"
#include "model/pipeline.hpp"
#include "passes/random_inputs.hpp"
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

using namespace sinter;
using namespace sinter::test;

TEST_CASE("half precision models agree with evaluation within the rounding of their type") {
  std::string const type = GENERATE("float16", "bfloat16");
  auto text = with_halves_of(type, R"(
graph opset 13 {
  input x: half[2x3x16x16]
  const w1 = half[16x3x3x3] random(1)
  const w2 = half[16x16x3x3] random(2)
  const scales = float[4] {1, 1, 2, 2}
  a = Conv(x, w1) {pads = [1, 1, 1, 1]}
  b = Relu(a)
  c = Resize(b, _, scales) {mode = "nearest", coordinate_transformation_mode = "asymmetric", nearest_mode = "floor"}
  d = Conv(c, w2)
  e = Cast(d) {to = 1}
  f = Cast(e) {to = to_half}
  g = GlobalAveragePool(f)
  y = Add(f, g)
  output y
})");
  text.replace(text.find("to_half"), 7, type == "float16" ? "10" : "16");
  auto const g = parse(text);
  auto const inputs = random_inputs(g);
  auto const expected = evaluate(g, inputs);
  auto const rounding = type == "float16" ? 0x1p-11 : 0x1p-8;
  auto const interpreted = run_compiled(g, inputs, {.interpret = true});
  CHECK(expected[0].type() == (type == "float16" ? dtype::float16 : dtype::bfloat16));
  CHECK(largest_difference(expected, interpreted) <= 4 * rounding);
  if (!native_target().covers("avx512")) return;
  CHECK(equal_bits(interpreted, run_compiled(g, inputs, {.set = "avx512"})));
}

TEST_CASE("float32 models whose factors are rounded agree with evaluation within that") {
  auto const g = parse(R"(
graph opset 13 {
  input x: float[2x3x32x32]
  const w1 = float[32x3x3x3] random(1)
  const w2 = float[64x32x3x3] random(2)
  const w3 = float[256x64x1x1] random(3)
  const w4 = float[256x1024] random(4)
  const b4 = float[1024] random(5)
  a = Conv(x, w1) {pads = [1, 1, 1, 1]}
  b = Relu(a)
  c = Conv(b, w2) {pads = [1, 1, 1, 1]}
  d = Relu(c)
  e = Conv(d, w3)
  f = GlobalAveragePool(e)
  h = Flatten(f)
  y = Gemm(h, w4, b4)
  output y
})");
  auto const inputs = random_inputs(g);
  auto const expected = evaluate(g, inputs);
  for (auto const rounded : {precision::bfloat16, precision::float16, precision::fastest})
    for (target const set : {"x86-64:avx512f,avx512bf16", "avx512", "avx2"}) {
      INFO("precision " << static_cast<int>(rounded) << " on " << to_string(set));
      preferences const prefer{.precision = rounded};
      auto const interpreted = run_compiled(g, inputs, {.set = set, .prefer = prefer, .interpret = true});
      auto const difference = largest_difference(expected, interpreted);
      bool const pairs = set.has(feature::avx512bf16) && rounded != precision::float16;
      CHECK(difference <= (pairs ? 0.03 : 0.004));
      if (pairs) CHECK(difference > 1e-4);  // constants of texts are exact in float16
      if (native_target().covers(set))
        CHECK(equal_bits(interpreted, run_compiled(g, inputs, {.set = set, .prefer = prefer})));
      auto const exact = run_compiled(g, inputs, {.set = set, .interpret = true});
      CHECK(largest_difference(expected, exact) < 1e-5);
    }
}

namespace {

/// Nodes of a model, and the tensor that they read; `rounded`: its bytes in bfloat16.
struct rounded_part {
  std::string input, shape, nodes, output;
  std::int64_t rounded = 0;
};

/// Checks that a model gives the bits of its parts, one after another, whose tensors between them are rounded.
void check_rounded_parts(std::vector<rounded_part> const& parts) {
  auto const graph_of = [](rounded_part const& p) {
    return parse(fmt::format("graph opset 20 {{\n input {}: float[{}]\n {}\n output {}\n}}", p.input, p.shape, p.nodes,
                             p.output));
  };
  auto whole = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) whole.nodes += "\n" + parts[i].nodes;
  whole.output = parts.back().output;
  auto const g = graph_of(whole);
  auto const inputs = random_inputs(g);
  pipeline_options how{.set = "amx", .prefer = {.precision = precision::bfloat16}, .interpret = true};
  auto expected = inputs;
  for (auto const& each : parts) expected = run_compiled(graph_of(each), expected, how);
  pipeline const rounded(g, how);
  CHECK(equal_bits(rounded.run(inputs), expected));
  for (auto const& each : parts) {
    if (each.rounded == 0) continue;
    INFO(each.input);
    CHECK(std::ranges::any_of(rounded.code.plan().allocations,
                              [&](auto const& t) { return t.name == each.input && t.bytes == each.rounded; }));
  }
  how.interpret = false;
  if (native_target().covers("amx")) CHECK(equal_bits(run_compiled(g, inputs, how), expected));
}

}  // namespace

TEST_CASE("what convolutions by tiles read of each other is rounded once") {
  check_rounded_parts(
      {{"x", "2x64x9x8", "const w = float[96x64x3x3] random(1)\n a = Conv(x, w) {pads = [1, 1, 1, 1]}\n y = Relu(a)",
        "y"},
       {"y", "2x96x9x8", "p = MaxPool(y) {kernel_shape = [3, 3], pads = [1, 1, 1, 1]}", "p", 2 * 96 * 72 * 2},
       {"p", "2x96x9x8", "const u = float[64x96x1x1] random(2)\n z = Conv(p, u)", "z", 2 * 96 * 72 * 2},
       {"z", "2x64x9x8",
        "const v = float[32x64x3x3] random(3)\n o = Conv(z, v) {pads = [1, 1, 1, 1], strides = [2, 2]}", "o",
        2 * 64 * 72 * 2}});
}

TEST_CASE("what matrix products by tiles read of normalised rows and of each other is rounded once") {
  check_rounded_parts(
      {{"x", "3x25x64",
        "const s = float[64] random(1)\n const b = float[64] random(2)\n y = LayerNormalization(x, s, b)", "y"},
       {"y", "3x25x64",
        "const w = float[64x160] random(3)\n const c = float[160] random(4)\n m = MatMul(y, w)\n a = "
        "Add(m, c)\n z = Gelu(a)",
        "z", 96 * 64 * 2},
       {"z", "3x25x160", "const u = float[160x96] random(5)\n v = MatMul(z, u)", "v", 96 * 160 * 2},
       {"v", "3x25x96", "const t = float[96x40] random(6)\n o = MatMul(v, t)", "o", 96 * 96 * 2}});
}

TEST_CASE("terms that products by tiles add are rounded as their results are") {
  auto const g = parse(R"(
graph opset 13 {
  input x: float[2x64x9x8]
  const w = float[64x64x3x3] random(1)
  const u = float[64x64x1x1] random(2)
  a = Conv(x, w) {pads = [1, 1, 1, 1]}
  b = Conv(a, u)
  c = Add(b, a)
  r = Relu(c)
  d = Conv(r, u)
  e = Add(d, r)
  f = Conv(e, w) {pads = [1, 1, 1, 1]}
  output f
})");
  auto const inputs = random_inputs(g);
  pipeline_options how{.set = "amx", .prefer = {.precision = precision::bfloat16}, .interpret = true};
  auto const interpreted = run_compiled(g, inputs, how);
  auto const difference = largest_difference(evaluate(g, inputs), interpreted);
  CHECK(difference < 0.02);
  CHECK(difference > 1e-4);
  how.interpret = false;
  if (native_target().covers("amx")) CHECK(equal_bits(run_compiled(g, inputs, how), interpreted));
}

TEST_CASE("a precision that a CPU does not have is an error") {
  auto const g = parse("graph g opset 13 { input x: float[2] y = Relu(x) output y }");
  auto const message = says("precision tf32 is for CUDA devices, not for x86-64");
  CHECK_THROWS_WITH(run_compiled(g, random_inputs(g), {.prefer = {.precision = precision::tf32}, .interpret = true}),
                    message);
  CHECK(precision_on("x86-64:avx512bf16", precision::fastest) == precision::bfloat16);
  CHECK(precision_on("avx512", precision::fastest) == precision::float16);
  CHECK(precision_on("cuda:sm_90", precision::fastest) == precision::float16);
  CHECK(precision_on("cuda:sm_90", precision::tf32) == precision::tf32);
}

TEST_CASE("weights of a file in 16 bits stay in 16 bits, and compute the same") {
  std::string const type = GENERATE("float16", "bfloat16");
  auto const g = parse(with_halves_of(type, R"(
graph opset 13 {
  input ids: int64[7]
  const table = half[500x96] random(1)
  const w = half[96x200] random(2)
  const u = half[200x96] random(3)
  a = Gather(table, ids)
  b = MatMul(a, w)
  c = Relu(b)
  d = MatMul(c, u)
  y = Cast(d) {to = 1}
  output y
})"));
  auto const file = std::filesystem::temp_directory_path() / fmt::format("sinter_halves_{}_{}.onnx", type, ::getpid());
  sinter::onnx::export_file(g, file);
  auto const ids = any_tensor::of<std::int64_t>({7}, {3, 499, 0, 17, 250, 1, -1});
  auto const expected = evaluate(g, {ids});
  auto const net = load(file, {.threads = 1});
  auto const out = net.run({{"ids", ids.view()}});
  auto const memory = net.memory();
  std::filesystem::remove(file);
  CHECK(largest_difference(expected, {copy_of(out[0])}) <= 4 * (type == "float16" ? 0x1p-11 : 0x1p-8));
  constexpr std::size_t padded = 96 * 256 + 200 * 128, rows = 500 * 96;  // elements
  if (native_target().covers("avx2")) CHECK(memory.weight_bytes <= 2 * (padded + rows) + 1024);
}

TEST_CASE("halves of a file are widened in pieces, and at once where they are in memory") {
  any_tensor halves(dtype::float16, {3001});
  auto* const bits = static_cast<std::uint16_t*>(halves.data());
  for (std::uint16_t i = 0; i < 3001; ++i) bits[i] = static_cast<std::uint16_t>(i * 21);
  auto const file = std::filesystem::temp_directory_path() / fmt::format("sinter_halves_{}.bin", ::getpid());
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<char const*>(bits), 6002);
  any_tensor const located(dtype::float16, {3001},
                           std::make_shared<located_bytes const>(input_file::open(file, 6002), 0, 6002));
  std::filesystem::remove(file);
  auto const lazy = widened(located), whole = widened(halves);
  CHECK_FALSE(lazy.resident());
  CHECK(lazy.number() == widened(located).number());
  CHECK(lazy.number() != located.number());
  CHECK(whole.resident());
  std::vector<float> part(1500);
  lazy.read(4 * 1234, std::as_writable_bytes(std::span(part)));
  CHECK(std::memcmp(part.data(), whole.as<float>().data() + 1234, 6000) == 0);
  CHECK(std::memcmp(lazy.data(), whole.data(), 4 * 3001) == 0);
}
