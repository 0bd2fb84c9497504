#include "model_verify.hpp"

#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "onnx/messages.hpp"
#include "temporary_folder.hpp"
#include "tensor_files.hpp"
#include <cmath>
#include <cstring>
#include <limits>
#include <string>

using namespace codegen;
using sinter::any_tensor;

namespace {

any_tensor floats(std::vector<float> const& values) {
  return any_tensor::of<float>({static_cast<std::int64_t>(values.size())}, std::span<float const>(values));
}

messages::proto::TensorProto constant(std::string const& name, std::vector<std::int64_t> const& dims, float value) {
  auto t = messages::tensor(name, 1, dims);
  t.add_float_data(value);
  return t;
}

/// y = Conv(x, 0.1) * 0.3, of 1x1x8x8: the product of the constants, which a rewrite takes, rounds otherwise.
messages::proto::ModelProto scaled_convolution() {
  auto m = messages::model();
  auto& g = *m.mutable_graph();
  messages::add_input(g, "x", {1, 1, 8, 8});
  *g.add_initializer() = constant("w", {1, 1, 1, 1}, 0.1f);
  *g.add_initializer() = constant("s", {}, 0.3f);
  messages::add_node(g, "Conv", {"x", "w"}, {"c"}).set_name("conv");
  messages::add_node(g, "Mul", {"c", "s"}, {"y"}).set_name("scale");
  messages::add_output(g, "y");
  return m;
}

/// A model in a file, with a reference that `evaluate` made of it.
struct saved_model {
  temporary_folder folder{};
  std::string file = folder.write("model.onnx", scaled_convolution().SerializeAsString()).string();
  any_tensor x = any_tensor(sinter::dtype::float32, {1, 1, 8, 8});
  any_tensor c{}, y{};

  saved_model() {
    auto const values = x.mutable_view().as<float>();
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 0.37f * static_cast<float>(i) - 5;
    auto g = sinter::onnx::import_file(file);
    for (std::size_t i = 0; i < g.value_count(); ++i)
      if (sinter::value_id const id{static_cast<std::int32_t>(i)}; g.at(id).name == "c") g.outputs.push_back({id, {}});
    auto const out = sinter::evaluate(g, {x});
    y = out[0], c = out[1];
  }

  std::string npz(std::vector<sinter::named_tensor> const& tensors) const {
    auto const to = folder.path() / "reference.npz";
    write_tensors(to, tensors);
    return to.string();
  }
};

any_tensor with_first(any_tensor const& t, float value) {
  auto changed = sinter::copy_of(t.view());
  changed.mutable_view().as<float>()[0] = value;
  return changed;
}

constexpr tolerance exact{.rtol = 0, .atol = 0};

}  // namespace

TEST_CASE("the first bad number is found wherever it is") {
  for (std::int64_t const most : {0, 1, 2, 7, 100})
    for (std::int64_t first = 0; first <= most; ++first)
      CHECK(first_bad(most, [&](std::int64_t n) { return n >= first; }) == first);
}

TEST_CASE("tensors are compared element by element") {
  auto const nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  auto const same = compare_tensors("t", floats({1, nan, infinity}), floats({1, nan, infinity}), exact);
  CHECK(same.good());
  CHECK(same.absolute == 0);
  auto const off = compare_tensors("t", floats({1, 2.5f, 4}), floats({1, 2, 5}), {.rtol = 0.1, .atol = 0.35});
  CHECK(off.absolute == 1);
  CHECK(off.relative == 0.25);
  CHECK(off.bad == 1);  // 0.5 is within 0.35 + 0.2, 1 is not within 0.35 + 0.5
  CHECK(off.first_bad == "element 2 is 4, expected 5");
  CHECK_THAT(to_string(off),
             says("BAD  t float 3: differs by at most 1, relatively 0.25") && says("1 of 3 are beyond"));
  CHECK(std::isinf(compare_tensors("t", floats({1}), floats({nan}), {.rtol = 1}).absolute));
  CHECK_FALSE(compare_tensors("t", floats({infinity}), floats({3e38f}), {.rtol = 1}).good());
  CHECK_FALSE(compare_tensors("t", floats({1}), floats({1, 2}), {.rtol = 1}).good());
  CHECK_FALSE(compare_tensors("t", floats({1}), any_tensor::of<double>({1}, {1}), {.rtol = 1}).good());
  CHECK(compare_tensors("t", floats({1000, 0.09f}), floats({1000, 0}), {}).good());  // 1e-4 of the largest
  CHECK_FALSE(compare_tensors("t", floats({1000, 0.11f}), floats({1000, 0}), {}).good());
  CHECK_FALSE(compare_tensors("t", any_tensor::of<std::string>({1}, {"a"}), any_tensor::of<std::string>({1}, {"b"}), {})
                  .good());
}

TEST_CASE("a model is verified against evaluate, and each of its nodes") {
  saved_model const m;
  auto const r = verify_model({.file = m.file}, {.nodes = true});
  CHECK(r.good());
  CHECK(r.findings.empty());
  REQUIRE(r.outputs.size() == 1);
  CHECK(r.outputs[0].name == "y");
  CHECK(r.outputs[0].elements == 64);
  REQUIRE(r.nodes.size() == 2);
  CHECK(r.nodes[0].name == "c of node 'conv' (Conv)");
  CHECK(r.nodes[1].name == "y of node 'scale' (Mul)");
}

TEST_CASE("the rewrite that changes a result is found") {
  saved_model const m;
  auto const r = verify_model({.file = m.file}, {.inputs = {{"x", m.x}}, .allowed = exact});
  REQUIRE_FALSE(r.good());
  REQUIRE(!r.findings.empty());
  CHECK_THAT(r.findings[0], says("is the first that makes an output bad: in place of") && says("'scale' (Mul)"));
}

TEST_CASE("an archive holds inputs, outputs and values of nodes") {
  saved_model const m;
  CHECK(verify_model({.file = m.file}, {.reference = m.npz({{"x", m.x.view()}, {"y", m.y.view()}})}).good());
  auto const bad_y = with_first(m.y, 7), bad_c = with_first(m.c, 8);
  auto const wrong = verify_model({.file = m.file}, {.reference = m.npz({{"x", m.x.view()}, {"y", bad_y.view()}})});
  CHECK_FALSE(wrong.good());
  CHECK(wrong.outputs[0].bad == 1);
  REQUIRE(wrong.findings.size() == 1);
  CHECK_THAT(wrong.findings[0],
             says("what evaluate computes differs from the reference as well, first in y of node 'scale'"));
  auto const both = verify_model({.file = m.file},
                                 {.reference = m.npz({{"x", m.x.view()}, {"y", bad_y.view()}, {"c", bad_c.view()}})});
  REQUIRE(both.findings.size() == 1);
  CHECK_THAT(both.findings[0], says("first in c of node 'conv' (Conv)"));
}

TEST_CASE("outputs that a reference lacks are told") {
  saved_model const m;
  auto two = scaled_convolution();
  messages::add_output(*two.mutable_graph(), "c");
  auto const file = m.folder.write("two.onnx", two.SerializeAsString());
  auto const r = verify_model({.file = file.string()}, {.reference = m.npz({{"x", m.x.view()}, {"y", m.y.view()}})});
  CHECK(r.good());
  CHECK(r.outputs.size() == 1);
  CHECK(r.missing == std::vector<std::string>{"c"});
}

TEST_CASE("a folder in the layout of the official tests is a reference") {
  saved_model const m;
  write_tensors(m.folder.path() / "input_0.pb", std::vector<sinter::named_tensor>{{"", m.x.view()}});
  write_tensors(m.folder.path() / "output_0.pb", std::vector<sinter::named_tensor>{{"", m.y.view()}});
  CHECK(verify_model({.file = m.file}, {.reference = m.folder.path().string()}).good());
  auto const bad = with_first(m.y, 7);
  write_tensors(m.folder.path() / "output_0.pb", std::vector<sinter::named_tensor>{{"", bad.view()}});
  CHECK_FALSE(verify_model({.file = m.file}, {.reference = m.folder.path().string()}).good());
}

TEST_CASE("references and inputs that do not fit are errors") {
  saved_model const m;
  auto const fails = [&](verify_options const& how, std::string const& text) {
    CHECK_THROWS_WITH(verify_model({.file = m.file}, how), says(text));
  };
  fails({.reference = m.npz({{"y", m.y.view()}})}, "the reference has no input 'x'; give it: --input x=FILE");
  fails({.reference = m.npz({{"x", m.x.view()}, {"z", m.y.view()}})}, "has none of the model's outputs");
  fails({.reference = m.folder.path().string()}, "has no output_0.pb");
  fails({.inputs = {{"z", m.x}}}, "the model has no input 'z'");
  fails({.inputs = {{"x", floats({1})}}}, "does not fit");
  fails({.inputs = {{"x", any_tensor(sinter::dtype::int64, {1, 1, 8, 8})}}}, "expected elements of float, got int64");
  write_tensors(m.folder.path() / "input_0.pb", std::vector<sinter::named_tensor>{{"", m.x.view()}});
  write_tensors(m.folder.path() / "input_1.pb", std::vector<sinter::named_tensor>{{"", m.x.view()}});
  fails({.reference = m.folder.path().string()}, "is one input too many, the model has 1");
}
