#include <sinter/graph/verify.hpp>
#include <sinter/onnx/export.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/quantize/sensitivity.hpp>
#include <sinter/quantize/short_names.hpp>

#include "catch.hpp"
#include "quantize/graphs.hpp"
#include <cmath>
#include <span>

using namespace quantizing;
using namespace sinter::quantize;

namespace {

/// A graph with its samples and what was seen of them. Others refer to the samples: it is not copied.
struct calibrated {
  graph g;
  std::vector<tensors> samples, others;
  calibration seen;
  measured_samples held_out;

  explicit calibrated(graph from)
      : g(std::move(from)),
        samples(samples_for(g, 8)),
        others(samples_for(g, 4, 99)),
        seen(calibrate(g, samples, evaluated)),
        held_out(measure_float(g, others, evaluated)) {}
  calibrated(calibrated const&) = delete;
  double sqnr(graph const& other) const { return measure_accuracy(other, held_out, evaluated)[0].sqnr(); }
};

}  // namespace

TEST_CASE("Static quantisation puts integers between products and sums, and what it computes is close") {
  calibrated const c(residual_network());
  auto const q = quantize_static(c.g, c.seen);
  sinter::verify(q);
  // x, relu, pooled, second convolution, sum, depthwise, and what the Gemm reads; the scores stay float
  CHECK(count_nodes(q, "QuantizeLinear") == 7);
  CHECK(count_nodes(q, "DequantizeLinear") == 7 + 4 + 1);  // and weights, and the bias of the Gemm
  CHECK(c.sqnr(q) > 25);
  CHECK(q.at(q.outputs[0].value).producer == node_named(q, "scores"));
}

TEST_CASE("Weights are int8 with a step for each channel, biases of convolutions float, others in units of the sums") {
  calibrated const c(residual_network());
  auto const q = quantize_static(c.g, c.seen, {.in_float = {}, .correct_bias = false});
  auto const& conv = q.at(node_named(q, "first"));
  auto const& w = before(q, conv, 1);
  auto const& integers = q.at(w.inputs[0]).constant;
  auto const steps = q.at(w.inputs[1]).constant.as<float>();
  CHECK(integers.type() == sinter::dtype::int8);
  CHECK(sinter::passes::attribute_or<std::int64_t>(w, "axis", -1) == 0);
  REQUIRE(steps.size() == 16);
  auto const& original = c.g.at(c.g.at(node_named(c.g, "first")).inputs[1]).constant;
  for (std::size_t i = 0; i < original.elements(); ++i) {
    auto const step = steps[i / 27];
    CHECK(std::fabs(step * integers.as<std::int8_t>()[i] - original.as<float>()[i]) <= step * 0.5001f);
  }
  auto const bias = c.g.at(c.g.at(node_named(c.g, "first")).inputs[2]).constant.as<float>();
  CHECK(std::ranges::equal(q.at(conv.inputs[2]).constant.as<float>(), bias));
  auto const& scores = q.at(node_named(q, "scores"));
  auto const &x = before(q, scores, 0), &v = before(q, scores, 1), &b = before(q, scores, 2);
  auto const x_step = q.at(x.inputs[1]).constant.as<float>()[0];
  CHECK(q.at(b.inputs[0]).constant.type() == sinter::dtype::int32);
  for (std::size_t i = 0; i < 10; ++i)
    CHECK(q.at(b.inputs[1]).constant.as<float>()[i] == Approx(x_step * q.at(v.inputs[1]).constant.as<float>()[i]));
}

TEST_CASE("Gates of channels and means of what they multiply read integers") {
  calibrated const c(sinter::quantize::standard_form(sinter::parse(R"(graph gated opset 13 {
    input x: float[2x8x6x6]
    const w1 = float[16x8x3x3] random(1)
    const w2 = float[16x16x1x1] random(2)
    const w3 = float[10x16x1x1] random(3)
    c = Conv(x, w1)
    s = Sigmoid(c)
    t = Mul(c, s) as swish
    a = GlobalAveragePool(t) as mean
    n = Conv(a, w2)
    h = Sigmoid(n)
    m = Mul(t, h) as gate
    y = Conv(m, w3) as last
    output y
  })")));
  auto const q = quantize_static(c.g, c.seen);
  sinter::verify(q);
  CHECK(count_nodes(q, "QuantizeLinear") == 7);  // x, c, t, a, n, h, m
  CHECK(before(q, q.at(node_named(q, "mean")), 0).op == "DequantizeLinear");
  for (std::size_t const slot : {0, 1}) CHECK(before(q, q.at(node_named(q, "gate")), slot).op == "DequantizeLinear");
  CHECK(c.sqnr(q) > 25);
}

TEST_CASE("What only chooses elements keeps their steps") {
  calibrated const c(residual_network());
  auto seen = c.seen;  // another range behind the pool than before it
  seen.at(c.g.at(node_named(c.g, "second")).inputs[0]).chosen.greatest *= 0.5f;
  auto const q = quantize_static(c.g, seen);
  auto const& second = q.at(node_named(q, "second"));
  auto const& pooled = before(q, before(q, second, 0), 0);  // QuantizeLinear
  auto const& pool = before(q, pooled, 0);
  REQUIRE(pool.op == "MaxPool");
  auto const& given = before(q, before(q, pool, 0), 0);
  CHECK(q.at(given.inputs[1]).constant.as<float>()[0] == q.at(pooled.inputs[1]).constant.as<float>()[0]);
  CHECK(before(q, given, 0).op == "Relu");  // quantised behind the activation
}

TEST_CASE("A MatMul and its bias are quantised as one") {
  calibrated const c(standard_form(sinter::parse(R"(graph biased opset 13 {
    input x: float[2x3x8]
    const w = float[8x4] random(1)
    const b = float[4] random(2)
    const v = float[4x4] random(3)
    m = MatMul(x, w)
    s = Add(m, b)
    y = MatMul(s, v) as last
    output y
  })")));
  auto const q = quantize_static(c.g, c.seen);
  CHECK(count_nodes(q, "QuantizeLinear") == 2);  // x, and the sum
  CHECK(before(q, before(q, before(q, q.at(node_named(q, "last")), 0), 0), 0).op == "Add");
}

TEST_CASE("Scores stay float32 where an operator makes probabilities of them") {
  calibrated const c(standard_form(sinter::parse(R"(graph scored opset 13 {
    input x: float[2x8]
    const w = float[8x4] random(1)
    y = MatMul(x, w) as scores
    p = Softmax(y) {axis = -1} as probabilities
    output p
  })")));
  auto const q = quantize_static(c.g, c.seen);
  CHECK(count_nodes(q, "QuantizeLinear") == 1);
  CHECK(before(q, q.at(node_named(q, "probabilities")), 0).name == "scores");
}

TEST_CASE("What only products of two values read stays float32, embeddings are int8 by columns, names are numbers") {
  auto const g = standard_form(sinter::parse(R"(graph attention opset 13 {
    input ids: int64[5]
    const table = float[40x16] random(1)
    const wq = float[16x16] random(2)
    const bq = float[16] random(3)
    const wk = float[16x16] random(4)
    const wv = float[16x16] random(5)
    const wo = float[16x4] random(6)
    const scale = float[1] {0.25}
    const split = int64[3] {5, 2, 8}
    e = Gather(table, ids) as embedding
    q = MatMul(e, wq) as query
    qb = Add(q, bq)
    qs = Mul(qb, scale)
    qr = Reshape(qs, split)
    qt = Transpose(qr) {perm = [1, 0, 2]}
    k = MatMul(e, wk) as key
    kr = Reshape(k, split)
    kt = Transpose(kr) {perm = [1, 2, 0]}
    s = MatMul(qt, kt) as dots
    p = Softmax(s) {axis = -1}
    v = MatMul(e, wv) as value
    vr = Reshape(v, split)
    vt = Transpose(vr) {perm = [1, 0, 2]}
    a = MatMul(p, vt)
    at = Transpose(a) {perm = [1, 0, 2]}
    const joined = int64[2] {5, 16}
    ar = Reshape(at, joined)
    y = MatMul(ar, wo) as last
    output y
  })"));
  std::vector<tensors> samples;
  for (std::int64_t i = 0; i < 8; ++i)
    samples.push_back({any_tensor::of<std::int64_t>({5}, {i, 39 - i, 3 * i, 20, 7})});
  auto const seen = calibrate(g, samples, evaluated);
  auto q = quantize_static(g, seen);
  CHECK(count_nodes(q, "QuantizeLinear") == 2);  // what the first products read, and the last one
  auto const& embedding = q.at(node_named(q, "embedding"));
  CHECK(q.at(embedding.inputs[0]).constant.type() == sinter::dtype::int8);
  auto const& dequantize = q.at(q.at(embedding.outputs[0]).users.at(0));
  REQUIRE(dequantize.op == "DequantizeLinear");
  CHECK(q.at(dequantize.inputs[1]).constant.shape() == sinter::shape{16});
  auto const held_out = measure_float(g, samples, evaluated);
  CHECK(measure_accuracy(q, held_out, evaluated)[0].sqnr() > 25);

  auto const before_names = sinter::evaluate(q, samples[0]);
  shorten_names(q);
  sinter::verify(q);
  CHECK(q.at(q.inputs[0].value).name == "ids");
  CHECK(q.at(q.outputs[0].value).name == "y");
  for (auto const id : q.topological_order()) {
    CHECK(q.at(id).name.empty());
    for (auto const out : q.at(id).outputs) CHECK(q.at(out).name.size() <= 2);
  }
  auto const bytes = sinter::onnx::export_bytes(q);
  auto const after = sinter::evaluate(sinter::onnx::import_bytes(std::as_bytes(std::span(bytes))), samples[0]);
  CHECK(std::ranges::equal(after[0].as<float>(), before_names[0].as<float>()));
}

TEST_CASE("Correction of the bias takes what rounding adds on average") {
  // Inputs of mean 3, so that rounding of weights shifts the outputs.
  auto const g = standard_form(sinter::parse(R"(graph biased opset 13 {
    input x: float[4x64]
    const w = float[64x3] random(3)
    const b = float[3] {0, 1, 2}
    y = Gemm(x, w, b) as product
    z = Relu(y)
    v = Identity(z)
    output v
  })"));
  auto const samples = samples_for(g, 32, 5, 3);
  auto const seen = calibrate(g, samples, evaluated);
  auto const mean_error = [&](bool correct) {
    auto const q = quantize_static(g, seen, {.in_float = {}, .correct_bias = correct});
    double sum = 0;
    for (auto const& s : samples) {
      auto const a = sinter::evaluate(g, s)[0], b = sinter::evaluate(q, s)[0];
      for (std::size_t i = 0; i < a.elements(); ++i) sum += double{b.as<float>()[i]} - double{a.as<float>()[i]};
    }
    return std::fabs(sum);
  };
  CHECK(mean_error(true) < mean_error(false) / 2);
}

TEST_CASE("Means of channels correct grouped convolutions, too") {
  product const p{.outputs = 0, .inputs = 1, .convolves = true};
  auto const w = any_tensor::of<float>({2, 1, 1, 2}, {1.0f, 0.3f, 0.2f, -0.1f});
  auto const rounded = round_weights(w, 0);
  std::vector<double> const means{10, 100};
  auto const added = rounding_bias(p, 2, w, rounded, means);
  REQUIRE(added.size() == 2);
  auto const error = [&](std::size_t i) {
    return double{rounded.steps[i / 2]} * rounded.values.as<std::int8_t>()[i] - double{w.as<float>()[i]};
  };
  CHECK(added[0] == Approx(10 * (error(0) + error(1))));
  CHECK(added[1] == Approx(100 * (error(2) + error(3))));
  CHECK(rounding_bias(p, 1, w, rounded, means).empty());
}

TEST_CASE("A large bias makes the steps of its channel larger, so that it fits") {
  auto const g = standard_form(sinter::parse(R"(graph large opset 13 {
    input x: float[1x4]
    const w = float[4x2] {1e-9, 1, 1e-9, 1, 1e-9, 1, 1e-9, 1}
    const b = float[2] {1000, 1}
    y = Gemm(x, w, b) as product
    output y
  })"));
  calibrated const c(g);
  auto const q = quantize_static(c.g, c.seen);
  auto const b = before(q, q.at(node_named(q, "product")), 2);
  auto const step = q.at(b.inputs[1]).constant.as<float>()[0];
  CHECK(step * static_cast<float>(q.at(b.inputs[0]).constant.as<std::int32_t>()[0]) == Approx(1000));
  CHECK(c.sqnr(q) > 25);
}

TEST_CASE("Methods of calibration differ where there are outliers") {
  auto const g = residual_network();
  auto samples = samples_for(g, 4);
  samples[0][0].mutable_view().as<float>()[0] = 1000;
  auto const input = g.inputs[0].value;
  auto const range_of = [&](range_method m) {
    return calibrate(g, samples, evaluated, {.method = m, .percent = 99.5}).at(input).chosen.greatest;
  };
  CHECK(range_of(range_method::minmax) == 1000);
  CHECK(range_of(range_method::percentile) < 10);
  CHECK(range_of(range_method::entropy) < 100);
}

TEST_CASE("Numbers that are not finite are an error, and so are no samples") {
  auto const g = residual_network();
  auto samples = samples_for(g, 1);
  samples[0][0].mutable_view().as<float>()[5] = INFINITY;
  CHECK_THROWS_WITH(calibrate(g, samples, evaluated), says("value 'x' is inf"));
  CHECK_THROWS_WITH(calibrate(g, {}, evaluated), says("no sample"));
}

TEST_CASE("A graph without products is an error") {
  auto const g = standard_form(sinter::parse("graph g opset 13 { input x: float[2] y = Relu(x) output y }"));
  CHECK_THROWS_WITH(quantize_static(g, {}), says("nothing to quantise"));
}

TEST_CASE("The node that loses most is first in the table, and stays in float for a budget") {
  // The second product has one huge input beside small ones, which one step for all cannot hold.
  auto const g = standard_form(sinter::parse(R"(graph uneven opset 13 {
    input x: float[2x8]
    const w1 = float[8x8] random(1)
    const big = float[8] {100000, 1, 1, 1, 1, 1, 1, 1}
    const w2 = float[8x8] random(2)
    const zero = float[8] {0.00001, 1, 1, 1, 1, 1, 1, 1}
    const w3 = float[8x4] random(3)
    a = MatMul(x, w1) as plain
    t = Tanh(a)
    b = Mul(t, big)
    c = Mul(b, zero)
    d = MatMul(c, w2) as middle
    e = Tanh(d)
    h = Mul(e, big)
    const wi = float[8x8] {0.00001, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0,
      0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
      0, 0, 0, 0, 0, 0, 0, 1}
    k = MatMul(h, wi) as bad
    y = MatMul(k, w3) as last
    output y
  })"));
  calibrated const c(g);
  auto const table = measure_sensitivity(c.g, c.seen, c.held_out, evaluated);
  REQUIRE(table.size() == 4);
  CHECK(c.g.at(table[0].node).name == "bad");
  CHECK(table[0].sqnr < table[1].sqnr);

  auto const free = quantize_within(c.g, c.seen, {}, c.held_out, evaluated);
  CHECK(free.in_float.empty());
  CHECK(free.table.empty());
  accuracy_budget const budget{.agreement = {}, .sqnr = 20};
  CHECK_FALSE(budget.holds(free.reached));
  auto const within = quantize_within(c.g, c.seen, budget, c.held_out, evaluated);
  CHECK(budget.holds(within.reached));
  CHECK(within.in_float.contains(node_named(c.g, "bad")));
  CHECK(within.in_float.size() < 4);
  auto const exact = quantize_within(c.g, c.seen, {.agreement = {}, .sqnr = 200}, c.held_out, evaluated);
  CHECK(exact.in_float.size() == 4);
  CHECK(count_nodes(exact.g, "QuantizeLinear") == 0);
}

TEST_CASE("Agreement counts rows whose largest score is the same") {
  accuracy a{{.name = "y"}};
  auto const expected = any_tensor::of<float>({3, 2}, {1, 2, 4, 3, 0, 1});
  auto const got = any_tensor::of<float>({3, 2}, {1, 3, 3, 4, 0, 1});
  add_run(a, {expected}, {got});
  CHECK(*a[0].agreement() == Approx(2.0 / 3));
  CHECK(a[0].largest == 1);
  CHECK(a[0].sqnr() == Approx(10 * std::log10(31.0 / 3)));
  accuracy_budget const budget{.agreement = 0.99, .sqnr = {}};
  CHECK_FALSE(budget.holds(a));
  accuracy none{{.name = "picture"}};
  add_run(none, {any_tensor(sinter::dtype::float32, {1, 3, 2, 2})}, {any_tensor(sinter::dtype::float32, {1, 3, 2, 2})});
  CHECK_FALSE(none[0].agreement());
  CHECK(std::isinf(none[0].sqnr()));
  CHECK(budget.holds(none));
  CHECK_THROWS_WITH(add_run(none, {expected}, {any_tensor(sinter::dtype::float32, {3})}), says("has shape 3"));
}
