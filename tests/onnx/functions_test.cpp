#include "catch.hpp"
#include "messages.hpp"

using namespace sinter;
using namespace messages;

namespace {

/// A model of opset 17 that imports domain "local", with input x and output y.
proto::ModelProto caller() {
  auto m = model();
  auto& opset = *m.add_opset_import();
  opset.set_domain("local");
  opset.set_version(1);
  add_input(*m.mutable_graph(), "x");
  add_output(*m.mutable_graph(), "y");
  return m;
}

proto::FunctionProto& add_function(proto::ModelProto& m, std::string const& name,
                                   std::vector<std::string> const& inputs, std::vector<std::string> const& outputs,
                                   std::int64_t opset = 17) {
  auto& f = *m.add_functions();
  f.set_domain("local");
  f.set_name(name);
  for (auto const& in : inputs) f.add_input(in);
  for (auto const& out : outputs) f.add_output(out);
  f.add_opset_import()->set_version(opset);
  return f;
}

proto::NodeProto& call(proto::NodeProto& n) {
  n.set_domain("local");
  return n;
}

void set_reference(proto::NodeProto& n, std::string const& name, std::string const& of) {
  auto& a = *n.add_attribute();
  a.set_name(name);
  a.set_ref_attr_name(of);
  a.set_type(proto::AttributeProto::FLOAT);
}

void set_float(proto::AttributeProto& a, std::string const& name, float value) {
  a.set_name(name);
  a.set_f(value);
  a.set_type(proto::AttributeProto::FLOAT);
}

/// Appends a length-delimited field that this version of the ONNX headers may not know.
void append_field(std::string& message, int number, std::string const& bytes) {
  REQUIRE((number < 16 && bytes.size() < 128));
  message += static_cast<char>(number << 3 | 2);
  message += static_cast<char>(bytes.size());
  message += bytes;
}

template <typename Message>
void add_unknown(Message& message, int number, std::string const& bytes) {
  auto all = message.SerializeAsString();
  append_field(all, number, bytes);
  REQUIRE(message.ParseFromString(all));
}

}  // namespace

TEST_CASE("a call of a local function becomes its body") {
  auto m = caller();
  auto& f = add_function(m, "twice", {"a", "b"}, {"r", "t"}, 13);
  add_node(f, "Neg", {"a"}, {"t"}).set_name("neg");
  add_node(f, "Clip", {"t", "b"}, {"r"});
  auto& g = *m.mutable_graph();
  call(add_node(g, "twice", {"x"}, {"u"})).set_name("first");
  call(add_node(g, "twice", {"u", "x"}, {"y", "v"})).set_name("second");
  add_output(g, "v");
  CHECK(text_of(m) == R"(graph g opset 17 opset local 1 {
  input x: float[2]
  first/t = Neg@13(x) as first/neg
  u = Clip@13(first/t, _) as first/Clip_1
  v = Neg@13(u) as second/neg
  y = Clip@13(v, x) as second/Clip_1
  output y
  output v
}
)");
}

TEST_CASE("functions call functions, and attributes reach the innermost node") {
  auto m = caller();
  auto& inner = add_function(m, "inner", {"a"}, {"r"});
  set_reference(add_node(inner, "LeakyRelu", {"a"}, {"r"}), "alpha", "slope");
  inner.add_attribute("slope");
  auto& outer = add_function(m, "outer", {"a"}, {"r"});
  auto& opset = *outer.add_opset_import();
  opset.set_domain("local");
  opset.set_version(1);
  set_reference(call(add_node(outer, "inner", {"a"}, {"r"})), "slope", "s");
  auto& n = call(add_node(*m.mutable_graph(), "outer", {"x"}, {"y"}));
  CHECK(text_of(m).find("y = LeakyRelu(x) as outer_0/inner_0/LeakyRelu_0") != std::string::npos);
  set_float(*n.add_attribute(), "s", 0.25f);
  CHECK_THAT(error_of(m).what(), says("the function does not know the attribute 's'"));
  m.mutable_functions(1)->add_attribute("s");
  CHECK(text_of(m).find("LeakyRelu(x) {alpha = 0.25}") != std::string::npos);
}

TEST_CASE("what calls of a function repeat is charged") {
  auto const wide = [](int outputs, std::string const& name, int calls) {
    auto m = caller();
    auto& f = add_function(m, "wide", {"a"}, {"o0"});
    std::vector<std::string> names;
    for (int i = 0; i < outputs; ++i) names.push_back("o" + std::to_string(i));
    add_node(f, "Split", {"a"}, names);
    for (int i = 0; i < calls; ++i)
      call(add_node(*m.mutable_graph(), "wide", {"x"}, {i ? "u" + std::to_string(i) : "y"})).set_name(name);
    return m;
  };
  CHECK_NOTHROW(import_model(wide(1000, "n", 10), {.nodes = 1000}));
  CHECK(error_of(wide(1000, "n", 100), {.nodes = 1000}).code() == error_code::limit_exceeded);
  CHECK(error_of(wide(1000, std::string(10000, 'n'), 1), {.nodes = 1000}).code() == error_code::limit_exceeded);
}

TEST_CASE("attributes of functions have defaults") {
  auto m = caller();
  auto& f = add_function(m, "f", {"a"}, {"r"});
  set_reference(add_node(f, "LeakyRelu", {"a"}, {"r"}), "alpha", "slope");
  proto::AttributeProto standard;
  set_float(standard, "slope", 0.125f);
  add_unknown(f, 11, standard.SerializeAsString());
  auto& n = call(add_node(*m.mutable_graph(), "f", {"x"}, {"y"}));
  CHECK(text_of(m).find("{alpha = 0.125}") != std::string::npos);
  set_float(*n.add_attribute(), "slope", 0.5f);
  CHECK(text_of(m).find("{alpha = 0.5}") != std::string::npos);
}

TEST_CASE("overloads of a function are told apart") {
  auto m = caller();
  for (std::string const overload : {"", "one", "two"}) {
    auto& f = add_function(m, "f", {"a"}, {"r"});
    add_node(f, "Op" + overload, {"a"}, {"r"});
    if (!overload.empty()) add_unknown(f, 13, overload);
  }
  auto& n = call(add_node(*m.mutable_graph(), "f", {"x"}, {"y"}));
  CHECK(text_of(m).find("y = Op(x)") != std::string::npos);
  add_unknown(n, 8, "two");
  CHECK(text_of(m).find("y = Optwo(x)") != std::string::npos);
}

TEST_CASE("documentation does not pass for an overload") {
  auto m = caller();
  auto& f = add_function(m, "f", {"a"}, {"r"});
  f.set_doc_string("what f does");
  add_node(f, "Op", {"a"}, {"r"});
  call(add_node(*m.mutable_graph(), "f", {"x"}, {"y"})).set_doc_string("why f is called");
  CHECK(text_of(m).find("y = Op(x)") != std::string::npos);
}

TEST_CASE("an output of a function that is an input as well is copied") {
  auto m = caller();
  add_function(m, "f", {"a"}, {"a", "a"});
  call(add_node(*m.mutable_graph(), "f", {"x"}, {"y", "z"}));
  add_output(*m.mutable_graph(), "z");
  auto const text = text_of(m);
  CHECK(text.find("y = Identity(x)") != std::string::npos);
  CHECK(text.find("z = Identity(x)") != std::string::npos);
  m.mutable_graph()->mutable_node(0)->clear_input();
  CHECK(says(error_of(m), "an input that the node omits"));
}

TEST_CASE("subgraphs in functions capture what the function names") {
  auto m = caller();
  auto& f = add_function(m, "f", {"c", "a"}, {"r"});
  add_node(f, "Neg", {"a"}, {"n"});
  auto& a = *add_node(f, "If", {"c"}, {"r"}).add_attribute();
  a.set_name("then_branch");
  a.set_type(proto::AttributeProto::GRAPH);
  add_node(*a.mutable_g(), "Abs", {"n"}, {"s"});
  add_output(*a.mutable_g(), "s");
  call(add_node(*m.mutable_graph(), "f", {"x", "x"}, {"y"}));
  CHECK(text_of(m).find("y = If(x, f_0/n) {then_branch") != std::string::npos);
}

TEST_CASE("functions that never end, or do not fit, are errors") {
  auto m = caller();
  auto& f = add_function(m, "f", {"a"}, {"r"});
  call(add_node(f, "f", {"a"}, {"r"}));
  auto& n = call(add_node(*m.mutable_graph(), "f", {"x"}, {"y"}));
  auto const endless = error_of(m);
  CHECK(endless.code() == error_code::limit_exceeded);
  CHECK(says(endless, "calls itself"));
  n.add_input("x");
  CHECK(says(error_of(m), "takes 1 inputs and gives 1 outputs, the node has 2 and 1"));
  n.mutable_input()->RemoveLast();
  f.mutable_node(0)->set_op_type("g");
  CHECK_NOTHROW(import_model(m));  // an operator of domain "local", which a later stage may know
  f.set_output(0, "other");
  CHECK(says(error_of(m), "'other' is used and nothing defines it"));
  add_function(m, "f", {}, {});
  CHECK(says(error_of(m), "defines function 'f' of domain 'local' twice"));
}

TEST_CASE("functions that multiply are stopped by the limit on nodes") {
  auto m = caller();
  for (int level = 0; level < 30; ++level) {
    auto& f = add_function(m, fmt::format("f{}", level), {"a"}, {"r"});
    auto const below = fmt::format("f{}", level - 1);
    if (level == 0)
      add_node(f, "Neg", {"a"}, {"r"});
    else {
      call(add_node(f, below, {"a"}, {"t"}));
      call(add_node(f, below, {"t"}, {"r"}));
    }
  }
  call(add_node(*m.mutable_graph(), "f29", {"x"}, {"y"}));
  CHECK(error_of(m, {.nodes = 10'000}).code() == error_code::limit_exceeded);
}
