#include <sinter/graph/verify.hpp>

#include "catch.hpp"
#include "messages.hpp"
#include "temporary_folder.hpp"
#include <cstring>
#include <set>

using namespace sinter;
using namespace messages;

TEST_CASE("a model becomes a graph of its nodes in any order") {
  auto m = model();
  m.mutable_opset_import(0)->set_domain("ai.onnx");
  auto& extra = *m.add_opset_import();
  extra.set_domain("com.example");
  extra.set_version(3);
  auto& g = *m.mutable_graph();
  add_input(g, "x", {1, 2});
  auto& last = add_node(g, "Relu", {"t"}, {"y"});
  last.set_name("act");
  auto& first = add_node(g, "F", {"x", "", "x"}, {"t", "", "unused"});
  first.set_domain("com.example");
  auto& a = *first.add_attribute();
  a.set_name("alpha");
  a.set_f(0.5f);
  a.set_type(proto::AttributeProto::FLOAT);
  add_output(g, "y");
  CHECK(text_of(m) == R"(graph g opset 17 opset com.example 3 {
  input x: float[1x2]
  t, _, unused = com.example:F(x, _, x) {alpha = 0.5} as F_1
  y = Relu(t) as act
  output y
}
)");
}

TEST_CASE("declared shapes keep their symbols") {
  auto m = model();
  auto& g = *m.mutable_graph();
  add_input(g, "x", {1, 2, -1});
  g.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param("N");
  g.mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim();
  auto& open = *g.add_input();
  open.set_name("open");
  open.mutable_type()->mutable_tensor_type()->set_elem_type(7);
  auto& sequence = *g.add_input();
  sequence.set_name("sequence");
  sequence.mutable_type()->mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type()->set_elem_type(1);
  add_node(g, "Relu", {"x"}, {"y"});
  add_output(g, "y");
  set_type(*g.mutable_output(0), {5});
  CHECK(text_of(m) == R"(graph g opset 17 {
  input x: float declared [N, 2, ?, ?]
  input open: int64
  input sequence: sequence.float
  y: float = Relu(x) as Relu_0
  output y declared [5]
}
)");
}

TEST_CASE("an initializer that is listed as input is a constant") {
  auto m = model();
  auto& g = *m.mutable_graph();
  add_input(g, "x");
  add_input(g, "w");
  *g.add_initializer() = raw_tensor("w", 1, {2}, bytes_of<float>({1, 2}));
  add_node(g, "Add", {"x", "w"}, {"y"});
  add_output(g, "y");
  CHECK(text_of(m) == R"(graph g opset 17 {
  input x: float[2]
  const w = float[2] {1, 2}
  y = Add(x, w) as Add_0
  output y
}
)");
}

TEST_CASE("attributes of all kinds are read, with and without their type") {
  for (bool const typed : {true, false}) {
    auto m = model();
    auto& n = add_node(*m.mutable_graph(), "F", {}, {"y"});
    auto const add = [&](std::string const& name, proto::AttributeProto::AttributeType type) -> proto::AttributeProto& {
      auto& a = *n.add_attribute();
      a.set_name(name);
      if (typed) a.set_type(type);
      return a;
    };
    add("f", proto::AttributeProto::FLOAT).set_f(1);
    add("fs", proto::AttributeProto::FLOATS).add_floats(2);
    add("i", proto::AttributeProto::INT).set_i(-3);
    add("is", proto::AttributeProto::INTS).add_ints(4);
    add("s", proto::AttributeProto::STRING).set_s("five");
    add("ss", proto::AttributeProto::STRINGS).add_strings("six");
    *add("t", proto::AttributeProto::TENSOR).mutable_t() = raw_tensor("", 7, {1}, bytes_of<std::int64_t>({7}));
    add_output(*m.mutable_graph(), "y");
    CHECK(text_of(m).find("{f = 1.0, fs = [2.0], i = -3, is = [4], s = \"five\", ss = [\"six\"], "
                          "t = int64[1] {7}}") != std::string::npos);
  }
  auto m = model();
  auto& a = *add_node(*m.mutable_graph(), "Optional", {}, {"y"}).add_attribute();
  a.set_name("type");
  a.set_type(proto::AttributeProto::TYPE_PROTO);
  a.mutable_tp()->mutable_sequence_type()->mutable_elem_type()->mutable_tensor_type()->set_elem_type(1);
  add_output(*m.mutable_graph(), "y");
  CHECK(text_of(m).find("{type = \"sequence.float\"}") != std::string::npos);
  a.set_type(proto::AttributeProto::TENSORS);
  CHECK(error_of(m).code() == error_code::unsupported_feature);
}

TEST_CASE("subgraphs capture outer values through inputs") {
  auto m = model();
  auto& g = *m.mutable_graph();
  add_input(g, "c", {}, 9);
  add_input(g, "a");
  add_input(g, "b");
  *g.add_initializer() = raw_tensor("w", 1, {2}, bytes_of<float>({1, 2}));
  auto& n = add_node(g, "If", {"c"}, {"y"});
  auto const branch = [&](std::string const& name) -> proto::GraphProto& {
    auto& a = *n.add_attribute();
    a.set_name(name);
    a.set_type(proto::AttributeProto::GRAPH);
    a.mutable_g()->set_name(name);
    return *a.mutable_g();
  };
  auto& then_branch = branch("then_branch");
  add_node(then_branch, "Add", {"a", "w"}, {"p"});
  add_output(then_branch, "p");
  auto& else_branch = branch("else_branch");
  auto& inner = add_node(else_branch, "If", {"c"}, {"q"});
  auto& deep = *inner.add_attribute();
  deep.set_name("then_branch");
  deep.set_type(proto::AttributeProto::GRAPH);
  add_node(*deep.mutable_g(), "Neg", {"b"}, {"r"});
  add_output(*deep.mutable_g(), "r");
  add_output(else_branch, "q");
  add_output(g, "y");
  CHECK(text_of(m) == R"(graph g opset 17 {
  input c: bool[]
  input a: float[2]
  input b: float[2]
  y = If(c, a, c, b) {else_branch = graph else_branch opset 17 {
    capture a: float[2] declared ?
    capture c: bool[] declared ?
    capture b: float[2] declared ?
    q = If(c, b) {then_branch = graph opset 17 {
      capture b: float[2] declared ?
      r = Neg(b) as Neg_0
      output r
    }} as If_0
    output q
  }, then_branch = graph then_branch opset 17 {
    capture a: float[2] declared ?
    capture c: bool[] declared ?
    capture b: float[2] declared ?
    const w = float[2] {1, 2}
    p = Add(a, w) as Add_0
    output p
  }} as If_0
  output y
}
)");
  CHECK(error_of(m, {.depth = 1}).code() == error_code::limit_exceeded);
  add_node(then_branch, "Neg", {"nothing"}, {"unused"});
  CHECK(says(error_of(m), "'nothing' is used and nothing defines it"));
}

TEST_CASE("contradictions in a model are errors that name the place") {
  auto const check = [](auto change, std::string_view part, error_code code = error_code::malformed_model) {
    auto m = model();
    auto& g = *m.mutable_graph();
    add_input(g, "x");
    add_node(g, "Relu", {"x"}, {"y"}).set_name("act");
    add_output(g, "y");
    REQUIRE_NOTHROW(import_model(m));
    change(m);
    auto const e = error_of(m);
    INFO(e.what());
    CHECK(e.code() == code);
    CHECK(says(e, part));
  };
  using proto::ModelProto;
  check([](ModelProto& m) { m.mutable_graph()->mutable_node(0)->set_input(0, "z"); }, "node 'act' (Relu)");
  check([](ModelProto& m) { m.mutable_graph()->mutable_node(0)->set_input(0, "z"); }, "'z' is used and nothing");
  check([](ModelProto& m) { m.mutable_graph()->mutable_node(0)->set_input(0, "y"); }, "cycle");
  check([](ModelProto& m) { m.mutable_graph()->mutable_node(0)->set_output(0, "x"); }, "'x' is defined twice");
  check([](ModelProto& m) { m.mutable_graph()->mutable_node(0)->clear_op_type(); }, "names no operator");
  check([](ModelProto& m) { m.mutable_graph()->mutable_node(0)->set_domain("ai.onnx.ml"); }, "'ai.onnx.ml'");
  check([](ModelProto& m) { m.mutable_graph()->mutable_output(0)->set_name("z"); }, "output 'z' of the graph");
  check([](ModelProto& m) { m.mutable_graph()->mutable_output(0)->set_name(""); }, "has no name");
  check([](ModelProto& m) { m.mutable_graph()->mutable_input(0)->set_name(""); }, "has no name");
  check([](ModelProto& m) { add_input(*m.mutable_graph(), "x"); }, "'x' is defined twice");
  check([](ModelProto& m) { *m.mutable_graph()->add_initializer() = tensor("", 1, {0}); }, "initializer has no name");
  check([](ModelProto& m) { m.mutable_opset_import(0)->set_version(-1); }, "version -1");
  check([](ModelProto& m) { m.clear_graph(); }, "hold no graph");
  check([](ModelProto& m) { set_type(*m.mutable_graph()->mutable_input(0), {1}, 77); }, "number 77",
        error_code::unsupported_feature);
  check(
      [](ModelProto& m) {
        for (int i = 0; i < 2; ++i) m.mutable_graph()->mutable_node(0)->add_attribute()->set_name("a");
      },
      "attribute 'a' occurs twice");
}

TEST_CASE("a model without operator sets is of version 1") {
  auto m = model();
  m.clear_opset_import();
  add_input(*m.mutable_graph(), "x");
  add_node(*m.mutable_graph(), "Relu", {"x"}, {"y"});
  add_output(*m.mutable_graph(), "y");
  auto const g = import_model(m);
  CHECK(g.at(g.topological_order().at(0)).version == 1);
}

TEST_CASE("limits are charged before memory is taken") {
  auto m = model();
  for (int i = 0; i < 100; ++i) add_node(*m.mutable_graph(), "F", {}, {});
  CHECK_NOTHROW(import_model(m, {.nodes = 100}));
  CHECK(error_of(m, {.nodes = 99}).code() == error_code::limit_exceeded);
  auto const bytes = m.ByteSizeLong();
  CHECK(error_of(m, {.model_bytes = bytes - 1}).code() == error_code::limit_exceeded);
  CHECK_NOTHROW(import_model(m, {.model_bytes = bytes}));
  auto many = model();
  for (int i = 0; i < 100; ++i) many.mutable_graph()->add_initializer();
  CHECK(error_of(many, {.nodes = 2}).code() == error_code::limit_exceeded);
}

TEST_CASE("files that are no models are refused with what to do") {
  temporary_folder const folder;
  auto const check = [&](std::filesystem::path const& file, error_code code, std::string_view part) {
    auto const e = error_of([&] { sinter::onnx::import_file(file); });
    INFO(e.what());
    CHECK(e.code() == code);
    CHECK(says(e, part));
    CHECK(says(e, "in file '" + file.string() + "'"));
  };
  check(folder.path() / "missing.onnx", error_code::io, "No such file");
  check(folder.path(), error_code::io, "not a regular file");
  check(folder.write("empty.onnx", ""), error_code::malformed_model, "0 bytes");
  check(folder.write("text.onnx", "version https://git-lfs.github.com/spec/v1"), error_code::malformed_model,
        "no ONNX model");
  check(folder.write("picture.onnx", "\x89PNG\r\n\x1a\n"), error_code::malformed_model, "no ONNX model");
  auto m = model();
  add_input(*m.mutable_graph(), "x");
  auto const bytes = m.SerializeAsString();
  check(folder.write("cut.onnx", bytes.substr(0, bytes.size() - 5)), error_code::malformed_model, "cut short");
}

TEST_CASE("constants in a file outlive the import and the file's name") {
  temporary_folder const folder;
  auto m = model();
  *m.mutable_graph()->add_initializer() = raw_tensor("bytes", 2, {100}, std::string(100, 'x'));
  *m.mutable_graph()->add_initializer() = raw_tensor("floats", 1, {100}, bytes_of(std::vector<float>(100, 2.5f)));
  add_output(*m.mutable_graph(), "bytes");
  add_output(*m.mutable_graph(), "floats");
  auto const file = folder.write("m.onnx", m.SerializeAsString());
  auto const g = sinter::onnx::import_file(file);
  std::filesystem::remove(file);
  for (auto const byte : g.at(g.outputs[0].value).constant.as<std::uint8_t>()) CHECK(byte == 'x');
  for (auto const number : g.at(g.outputs[1].value).constant.as<float>()) CHECK(number == 2.5f);
}

TEST_CASE("constants in a file are read when they are asked for, and each has a number") {
  temporary_folder const folder;
  std::vector<float> const values{1, -2, 0.5f, 1e30f};
  std::set<std::uint64_t> numbers;
  for (int padding = 0; padding < 4; ++padding) {
    auto m = model();
    m.set_producer_name(std::string(static_cast<std::size_t>(padding), 'p'));
    *m.mutable_graph()->add_initializer() = raw_tensor("floats", 1, {4}, bytes_of(values));
    add_output(*m.mutable_graph(), "floats");
    auto const g = sinter::onnx::import_file(folder.write("m.onnx", m.SerializeAsString()));
    auto const& t = g.at(g.outputs[0].value).constant;
    CHECK(t.resident() == nullptr);
    std::vector<float> some(2);
    t.read(4, std::as_writable_bytes(std::span(some)));
    CHECK(some == std::vector<float>{-2, 0.5f});
    CHECK(t.resident() == nullptr);
    CHECK(std::ranges::equal(t.as<float>(), values));
    numbers.insert(t.number());
  }
  CHECK(numbers.size() == 4);
}

TEST_CASE("constants of a file that got shorter are an error, not a signal") {
  temporary_folder const folder;
  auto m = model();
  std::vector<float> const values(10'000, 1.5f);
  *m.mutable_graph()->add_initializer() = raw_tensor("floats", 1, {10'000}, bytes_of(values));
  add_output(*m.mutable_graph(), "floats");
  auto const file = folder.write("m.onnx", m.SerializeAsString());
  auto const g = sinter::onnx::import_file(file);
  std::filesystem::resize_file(file, 5000);
  auto const e = error_of([&] { g.at(g.outputs[0].value).constant.as<float>(); });
  INFO(e.what());
  CHECK(e.code() == error_code::io);
  CHECK(says(e, "m.onnx' ends at byte 5000"));
}

TEST_CASE("4-bit numbers and booleans in a file are unpacked across the windows it is read in") {
  temporary_folder const folder;
  auto m = model();
  std::string nibbles, truths;
  for (int i = 0; i < 10'001; ++i) {
    nibbles += static_cast<char>(i % 16 | (15 - i % 16) << 4);
    truths += static_cast<char>(i % 3);
  }
  *m.mutable_graph()->add_initializer() = raw_tensor("nibbles", 21, {20'002}, nibbles);
  *m.mutable_graph()->add_initializer() = raw_tensor("truths", 9, {10'001}, truths);
  add_output(*m.mutable_graph(), "nibbles");
  add_output(*m.mutable_graph(), "truths");
  auto const g = sinter::onnx::import_file(folder.write("m.onnx", m.SerializeAsString()));
  auto const* const unpacked = static_cast<std::uint8_t const*>(g.at(g.outputs[0].value).constant.data());
  auto const* const booleans = static_cast<bool const*>(g.at(g.outputs[1].value).constant.data());
  int wrong = 0;
  for (int i = 0; i < 10'001; ++i)
    wrong += unpacked[2 * i] != i % 16 || unpacked[2 * i + 1] != 15 - i % 16 || booleans[i] != (i % 3 != 0);
  CHECK(wrong == 0);
}
