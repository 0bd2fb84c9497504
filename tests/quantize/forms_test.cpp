#include <sinter/graph/verify.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/quantize/accuracy.hpp>
#include <sinter/quantize/dynamic_quantization.hpp>
#include <sinter/quantize/weight_storage.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "quantize/graphs.hpp"
#include "shared.hpp"
#include <cmath>

using namespace quantizing;
using namespace sinter::quantize;

namespace {

graph two_products() {
  return standard_form(sinter::parse(R"(graph products opset 13 {
    input x: float[3x40]
    const w1 = float[24x40] random(1)
    const b1 = float[24] random(2)
    const w2 = float[24x70] random(3)
    const few = float[70] random(4)
    a = Gemm(x, w1, b1) {transB = 1} as first
    r = Relu(a)
    c = MatMul(r, w2) as second
    y = Mul(c, few)
    output y
  })"));
}

double sqnr(graph const& before, graph const& after) {
  auto all = no_runs(before);
  for (auto const& s : samples_for(before, 4)) add_run(all, sinter::evaluate(before, s), sinter::evaluate(after, s));
  return all[0].sqnr();
}

}  // namespace

TEST_CASE("Dynamic quantisation takes ranges from each run") {
  auto const g = two_products();
  auto const q = quantize_dynamic(g);
  sinter::verify(q);
  CHECK(count_nodes(q, "DynamicQuantizeLinear") == 2);
  CHECK(count_nodes(q, "MatMulInteger") == 2);
  CHECK(count_nodes(q, "Gemm") + count_nodes(q, "MatMul") == 0);
  CHECK(sqnr(g, q) > 30);
}

TEST_CASE("Products of one value read the same integers") {
  auto const q = quantize_dynamic(standard_form(sinter::parse(R"(graph shared opset 13 {
    input x: float[2x8]
    const w1 = float[8x4] random(1)
    const w2 = float[8x4] random(2)
    a = MatMul(x, w1)
    b = MatMul(x, w2)
    y = Add(a, b)
    output y
  })")));
  CHECK(count_nodes(q, "DynamicQuantizeLinear") == 1);
}

TEST_CASE("Weights in blocks of 4 and 8 bits") {
  auto const g = two_products();
  auto const four = store_blocks(g, {.bits = 4, .block = 16}), eight = store_blocks(g, {.bits = 8, .block = 16});
  sinter::verify(four);
  CHECK(count_nodes(four, "MatMulNBits") == 2);
  CHECK(sqnr(g, four) > 15);
  CHECK(sqnr(g, eight) > 35);
  CHECK(four.opsets.at("com.microsoft") == 1);
}

TEST_CASE("Each block of weights is as near as its bits allow") {
  auto const w = any_tensor::of<float>({4, 1}, {-8, 4, 1, 7.4f});
  auto const packed = detail::pack_blocks(w, {.bits = 4, .block = 16});
  CHECK(packed.scales.as<float>()[0] == 1);
  auto const bytes = packed.numbers.as<std::uint8_t>();
  REQUIRE(bytes.size() == 8);
  CHECK(bytes[0] == (0 | (12 << 4)));
  CHECK(bytes[1] == (9 | (15 << 4)));
  auto const zero = detail::pack_blocks(any_tensor(sinter::dtype::float32, {4, 1}), {.bits = 4, .block = 16});
  CHECK(zero.numbers.as<std::uint8_t>()[0] == 0x88);
}

TEST_CASE("Matrices of fewer rows than a block stay, and if all do that is an error") {
  auto const g = two_products();
  CHECK(count_nodes(store_blocks(g, {.bits = 4, .block = 32}), "MatMulNBits") == 1);
  CHECK_THROWS_WITH(store_blocks(g, {.bits = 4, .block = 64}), says("of 64 rows or more"));
}

TEST_CASE("Constants of 16 bits, computed in float32") {
  auto const g = two_products();
  for (auto const type : {sinter::dtype::float16, sinter::dtype::bfloat16}) {
    auto const q = store_halves(g, type);
    sinter::verify(q);
    CHECK(count_nodes(q, "Cast") == 3);  // w1, w2, few; b1 is short
    CHECK(sqnr(g, q) > (type == sinter::dtype::float16 ? 60 : 40));
  }
  auto const large = standard_form(sinter::parse(R"(graph large opset 13 {
    input x: float[2x8]
    const w = float[8x8] fill(70000)
    y = MatMul(x, w)
    output y
  })"));
  CHECK_THROWS_WITH(store_halves(large, sinter::dtype::float16), says("nothing to store"));
  CHECK(count_nodes(store_halves(large, sinter::dtype::bfloat16), "Cast") == 1);
}

TEST_CASE("Forms without a matrix are errors") {
  auto const g = standard_form(sinter::parse("graph g opset 13 { input x: float[2] y = Relu(x) output y }"));
  CHECK_THROWS_WITH(quantize_dynamic(g), says("nothing to quantise"));
  CHECK_THROWS_WITH(store_blocks(g), says("nothing to quantise"));
  CHECK_THROWS_WITH(store_halves(g, sinter::dtype::float16), says("nothing to store"));
}

TEST_CASE("The standard form has normalisation in the weights and operators of set 13") {
  auto const old = sinter::parse(R"(graph old opset 9 {
    input x: float[1x3x8x8] declared [N, 3, 8, 8]
    const w = float[6x3x3x3] random(1)
    const scale = float[6] fill(2)
    const shift = float[6] random(2)
    const mean = float[6] random(3)
    const variance = float[6] fill(0.5)
    const v = float[1x6x1x1] fill(3)
    c = Conv(x, w) {pads = [1, 1, 1, 1]}
    n = BatchNormalization(c, scale, shift, mean, variance) {epsilon = 0.001}
    m = Mul(n, v)
    k = Clip(m) {min = 0.0, max = 6.0}
    p = Pad(k) {pads = [0, 0, 1, 1, 0, 0, 1, 1], value = 0.5}
    s = Slice(p) {starts = [0, 1], ends = [5, 7], axes = [1, 2]}
    e = ReduceMean(s) {axes = [2, 3], keepdims = 1}
    q = Squeeze(e) {axes = [2, 3]}
    u = Unsqueeze(q) {axes = [0]}
    a = Split(u) {axis = 2, split = [5]}
    d = Dropout(a) {ratio = 0.5}
    z = Softmax(d) {axis = 2}
    output z
  })");
  auto const g = standard_form(old);
  sinter::verify(g);
  CHECK(g.opsets.at("") == 13);
  CHECK(count_nodes(g, "BatchNormalization") + count_nodes(g, "Mul") + count_nodes(g, "Dropout") == 0);
  for (auto const id : g.topological_order()) CHECK((g.at(id).domain.empty() && g.at(id).version == 13));
  CHECK(g.inputs[0].declared->at(0).symbol == "N");
  auto all = no_runs(old);
  for (auto const& s : samples_for(old, 2)) add_run(all, sinter::evaluate(old, s), sinter::evaluate(g, s));
  CHECK(all[0].sqnr() > 100);
}

TEST_CASE("What set 13 cannot say is an error that names the node") {
  auto const error = [](std::string const& text) {
    return sinter::test::message_of([&] { standard_form(sinter::parse(text)); }, std::nullopt);
  };
  CHECK_THAT(error("graph g opset 9 { input x: float[2x3x4] y = Softmax(x) {axis = 1} as soft output y }"),
             says("over several axes"));
  CHECK_THAT(error("graph g opset 9 { input x: float[1x1x2x2] const s = float[4] {1, 1, 2, 2} "
                   "y = Upsample(x, s) as up output y }"),
             says("export the model with opset 13"));
}

TEST_CASE("Real models compute the same in standard form") {
  auto const folder = shared("models");
  if (!folder) {
    WARN("SKIPPED: needs shared/models");
    return;
  }
  for (auto const* const name : {"mnist_cntk", "mnist_pytorch", "keyword_spotting_fp32", "cct_opset20"}) {
    INFO(name);
    auto old = sinter::onnx::import_file(*folder / name / "model.onnx");
    auto const g = standard_form(old);
    for (auto const id : g.topological_order()) CHECK(g.at(id).domain != "sinter");
    std::erase_if(old.inputs, [&](auto const& p) { return old.at(p.value).is_constant(); });
    auto all = no_runs(old);
    for (auto const& s : samples_for(old, 1)) add_run(all, sinter::evaluate(old, s), sinter::evaluate(g, s));
    CHECK(all[0].sqnr() > 80);
  }
}
