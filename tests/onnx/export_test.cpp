#include <sinter/graph/text.hpp>
#include <sinter/onnx/export.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "error_message.hpp"
#include "onnx/messages.hpp"
#include "shared.hpp"
#include "temporary_folder.hpp"
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

using sinter::graph;

namespace {

graph through_file_format(graph const& g) {
  auto const bytes = sinter::onnx::export_bytes(g);
  return sinter::onnx::import_bytes(std::as_bytes(std::span(bytes)));
}

messages::proto::ModelProto message_of(graph const& g) {
  messages::proto::ModelProto m;
  REQUIRE(m.ParseFromString(sinter::onnx::export_bytes(g)));
  return m;
}

}  // namespace

TEST_CASE("A graph that was written is read as it was") {
  auto const g = sinter::parse(R"(graph all opset 21 opset com.microsoft 1 {
    input x: float[1x4x6x6] declared [N, 4, 6, 6]
    input n: int64[]
    const w = float[4x4x3x3] random(1)
    const half = float16[2] {0.5, -2}
    const wide = bfloat16[3] {1, 2, 3}
    const nibbles = int4[5] {-8, 7, 1, -1, 3}
    const crumbs = uint4[3] {15, 0, 9}
    const yes = bool[2] {1, 0}
    const words = string[2] {"one", "two"}
    const nothing = float[0] {}
    y = Conv(x, w) {pads = [1, 1, 1, 1], auto_pad = "NOTSET"} as conv
    z: float = LeakyRelu(y) {alpha = 0.25} as leaky
    a = Identity(half) as i0
    b = Identity(wide) as i1
    c = Identity(nibbles) as i2
    d = Identity(crumbs) as i3
    e = Identity(yes) as i4
    f = Identity(words) as i5
    h = Identity(nothing) as i6
    k = Constant() {value = int64[2] {1, 2}} as k
    m = Clip(z, _, _) as clip
    q = com.microsoft:Gelu(m) as gelu
    output z declared [N, 4, ?, ?]
    output a
    output b
    output c
    output d
    output e
    output f
    output h
    output k
    output q
    output n
  })");
  auto const back = through_file_format(g);
  // Types of values inside are not written.
  auto const x = sinter::any_tensor::of<float>({1, 4, 6, 6}, std::vector<float>(144, 0.5f));
  auto const n = sinter::any_tensor::scalar<std::int64_t>(7);
  CHECK(sinter::print(through_file_format(back)) == sinter::print(back));
  CHECK(back.inputs[0].declared->at(0).symbol == "N");
  REQUIRE(back.outputs[0].declared);
  CHECK(back.outputs[0].declared->at(1).extent == 4);
  CHECK_FALSE(back.outputs[0].declared->at(2).known());
  auto const expected = sinter::evaluate(g, {x, n}), got = sinter::evaluate(back, {x, n});
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    INFO("output " << i);
    REQUIRE(got[i].type() == expected[i].type());
    REQUIRE(got[i].shape() == expected[i].shape());
    if (got[i].type() == sinter::dtype::string)
      CHECK(std::ranges::equal(got[i].as<std::string>(), expected[i].as<std::string>()));
    else
      CHECK(std::memcmp(got[i].data(), expected[i].data(), got[i].bytes()) == 0);
  }
}

TEST_CASE("Names in a written model are unique, and those of inputs and outputs stay") {
  graph g;
  g.opsets[""] = 13;
  auto const x = g.add_value("same", {sinter::dtype::float32, sinter::shape{2}});
  g.inputs.push_back({.value = x, .declared = {}});
  auto last = x;
  for (int i = 0; i < 3; ++i) {
    auto const next = g.add_value(i == 2 ? "out" : "same", {sinter::dtype::float32, sinter::shape{2}});
    g.add_node({.op = "Relu", .version = 13, .inputs = {last}, .outputs = {next}});
    last = next;
  }
  g.outputs.push_back({.value = last, .declared = {}});
  auto const m = message_of(g);
  std::set<std::string> names{m.graph().input(0).name()};
  for (auto const& n : m.graph().node()) CHECK(names.insert(n.output(0)).second);
  CHECK(m.graph().input(0).name() == "same");
  CHECK(m.graph().output(0).name() == "out");
  CHECK(through_file_format(g).topological_order().size() == 3);
}

TEST_CASE("The file says the IR version that its operator set needs") {
  auto const version = [](int opset) {
    return message_of(
               sinter::parse("graph g opset " + std::to_string(opset) + " { input x: float[2] y = Relu(x) output y }"))
        .ir_version();
  };
  CHECK(version(13) == 7);
  CHECK(version(17) == 8);
  CHECK(version(21) == 10);
}

TEST_CASE("What other programs would misread is not written") {
  auto const error = [](std::string const& text) {
    return sinter::test::message_of([&] { sinter::onnx::export_bytes(sinter::parse(text)); }, std::nullopt);
  };
  CHECK_THAT(error("graph g opset 13 opset sinter 1 { input x: float[2] y = sinter:Elementwise(x) {function = \"x0\"} "
                   "output y }"),
             says("one of this library"));
  CHECK_THAT(error("graph g opset 13 { input x: float[2] y = Relu @ 6 (x) output y }"),
             says("version 6 of operator set '', the graph has 13"));
}

TEST_CASE("A file is there whole or not at all") {
  temporary_folder folder;
  auto const g = sinter::parse("graph g opset 13 { input x: float[2] y = Relu(x) output y }");
  sinter::onnx::export_file(g, folder.path() / "m.onnx");
  CHECK(folder.files().size() == 1);
  CHECK(sinter::onnx::import_file(folder.path() / "m.onnx").topological_order().size() == 1);
  CHECK_THROWS_WITH(sinter::onnx::export_file(g, folder.path() / "no" / "m.onnx"), says("cannot write"));
}

TEST_CASE("Official cases with subgraphs compute the same when they were written and read") {
  for (auto const* const name : {"test_if", "test_loop11", "test_loop13_seq", "test_scan9_sum", "test_if_seq",
                                 "test_range_float_type_positive_delta_expanded"}) {
    auto const folder = shared(std::string("onnx-backend-tests/node/") + name);
    if (!folder) {
      WARN("SKIPPED: needs shared/onnx-backend-tests");
      return;
    }
    INFO(name);
    auto const g = sinter::onnx::import_file(*folder / "model.onnx");
    graph back;
    try {
      back = through_file_format(g);
    } catch (sinter::error const& e) {
      CHECK_THAT(e.what(), says("only tensors are written"));
      continue;
    }
    std::vector<sinter::any_tensor> inputs;
    for (std::size_t i = 0; i < g.inputs.size(); ++i)
      inputs.push_back(
          sinter::onnx::import_tensor_file(*folder / "test_data_set_0" / ("input_" + std::to_string(i) + ".pb")));
    auto const expected = sinter::evaluate(g, inputs), got = sinter::evaluate(back, inputs);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i) {
      REQUIRE(got[i].shape() == expected[i].shape());
      CHECK(std::memcmp(got[i].data(), expected[i].data(), got[i].bytes()) == 0);
    }
  }
}

TEST_CASE("Real models are read as they were written") {
  auto const folder = shared("models");
  if (!folder) {
    WARN("SKIPPED: needs shared/models");
    return;
  }
  for (auto const* const name :
       {"mnist_cntk", "squeezenet_fp16", "keyword_spotting_qoperator", "face_detector_rfb320"}) {
    INFO(name);
    auto const g = sinter::onnx::import_file(*folder / name / "model.onnx");
    auto const text = [](graph const& of) { return sinter::print(of); };
    auto const back = through_file_format(g);
    CHECK(text(through_file_format(back)) == text(back));
    CHECK(back.topological_order().size() == g.topological_order().size());
  }
}
