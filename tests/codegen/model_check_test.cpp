#include "model_check.hpp"

#include "catch.hpp"
#include "onnx/messages.hpp"
#include "temporary_folder.hpp"
#include <string>

using namespace codegen;

namespace {

void declare(messages::proto::ValueInfoProto& info, std::vector<std::int64_t> const& dims, int type = 1) {
  info.clear_type();
  messages::set_type(info, dims, type);
}

/// y = op(x), of 4x4 float.
messages::proto::ModelProto one_node(std::string const& op) {
  auto m = messages::model();
  auto& g = *m.mutable_graph();
  messages::add_input(g, "x", {4, 4});
  messages::add_node(g, op, {"x"}, {"y"}).set_name("n");
  messages::add_output(g, "y");
  messages::set_type(*g.mutable_output(0), {4, 4});
  return m;
}

check_report check(messages::proto::ModelProto const& m, std::vector<std::string> shapes = {}) {
  temporary_folder const folder;
  auto const file = folder.write("model.onnx", m.SerializeAsString());
  return check_model({.file = file.string(), .shapes = std::move(shapes)}, "avx2", {});
}

/// The only fault of a model.
std::string fault_of(messages::proto::ModelProto const& m) {
  auto const r = check(m);
  REQUIRE(r.faults.size() == 1);
  CHECK_FALSE(r.runs());
  return r.faults[0];
}

}  // namespace

TEST_CASE("a model that is sound and runs as kernels has nothing to report") {
  auto m = one_node("Neg");
  m.set_producer_name("me");
  auto const r = check(m);
  CHECK(r.runs());
  CHECK(r.nodes == 1);
  CHECK(r.compared == 2);
  CHECK(r.steps == 1);
  CHECK(r.loops.empty());
  CHECK_THAT(to_string(r), says("IR version 8, made by me, operator sets ai.onnx 17\nsound: 1 node, 2 values") &&
                               says("0 of 1 step without code"));
}

TEST_CASE("what ONNX forbids is a fault, also where the import takes it") {
  auto m = one_node("Neg");
  m.set_ir_version(0);
  CHECK(check(m).faults.size() >= 1);
  m = one_node("Neg");
  m.set_ir_version(99);
  CHECK_THAT(fault_of(m), says("the IR version is 99, newer than"));
  m = one_node("Neg");
  m.add_opset_import()->set_version(17);
  CHECK_THAT(fault_of(m), says("the operator set of domain 'ai.onnx' is imported twice"));
  m = one_node("Neg");
  m.mutable_graph()->clear_name();
  CHECK_THAT(fault_of(m), says("the graph has no name"));
  m = one_node("Neg");
  m.mutable_graph()->mutable_output(0)->clear_type();
  CHECK_THAT(fault_of(m), says("output 'y' of the graph has no type"));
  m = one_node("Neg");
  *m.mutable_graph()->add_initializer() = messages::tensor("w", 1, {0});
  CHECK(check(m).runs());
  m.set_ir_version(3);
  CHECK_THAT(fault_of(m), says("initializer 'w' is no input of the graph"));
}

TEST_CASE("nodes stand behind those that they read") {
  auto m = messages::model();
  auto& g = *m.mutable_graph();
  messages::add_input(g, "x");
  messages::add_node(g, "Neg", {"a"}, {"y"}).set_name("late");
  messages::add_node(g, "Abs", {"x"}, {"a"});
  messages::add_output(g, "y");
  messages::set_type(*g.mutable_output(0), {2});
  CHECK_THAT(fault_of(m), says("node 'late' (Neg) reads 'a', which no earlier node"));
}

TEST_CASE("types and shapes of values must be those that the model declares") {
  auto m = one_node("Neg");
  declare(*m.mutable_graph()->mutable_output(0), {4, 5});
  CHECK_THAT(fault_of(m), says("value 'y' is declared as float 4x5, it is float 4x4"));
  m = one_node("Neg");
  auto& g = *m.mutable_graph();
  messages::add_node(g, "Shape", {"y"}, {"s"});
  auto& declared = *g.add_value_info();
  declared.set_name("s");
  declare(declared, {2}, 7);
  CHECK(check(m).compared == 3);
  declare(declared, {2}, 1);
  CHECK_THAT(fault_of(m), says("value 's' is declared as float 2, it is int64 2"));
  m = one_node("MatMul");
  CHECK_THAT(fault_of(m), says("node 'n' (MatMul)"));
}

TEST_CASE("all nodes that do not run are listed") {
  auto m = one_node("Neg");
  auto& g = *m.mutable_graph();
  messages::add_node(g, "Nothing", {"x"}, {"a"});
  messages::add_node(g, "Nowhere", {"x"}, {"b"}).set_domain("my.ops");
  auto& set = *m.add_opset_import();
  set.set_domain("my.ops");
  set.set_version(1);
  auto const r = check(m);
  CHECK(r.is_sound());
  REQUIRE(r.unsupported.size() == 2);
  CHECK_THAT(r.unsupported[0], says("operator Nothing is not supported at version 17"));
  CHECK_THAT(r.unsupported[1], says("my.ops.Nowhere") && says("options::operators"));
  CHECK_THAT(to_string(r), says("does not run here, 2 reasons:"));
}

TEST_CASE("steps without code are listed") {
  auto m = messages::model();
  auto& g = *m.mutable_graph();
  messages::add_input(g, "x", {4, 4});
  messages::add_node(g, "Det", {"x"}, {"d"}).set_name("det");
  messages::add_node(g, "Neg", {"d"}, {"y"});
  messages::add_output(g, "y");
  messages::set_type(*g.mutable_output(0), {});
  auto const r = check(m);
  CHECK(r.runs());
  REQUIRE(r.loops.size() == 1);
  CHECK_THAT(r.loops[0], says("node 'det' (Det): a plain loop over float 4x4"));
}

TEST_CASE("open shapes are asked for, and checked when they are given") {
  auto m = one_node("Neg");
  for (auto* info : {m.mutable_graph()->mutable_input(0), m.mutable_graph()->mutable_output(0)})
    info->mutable_type()->mutable_tensor_type()->mutable_shape()->mutable_dim(0)->set_dim_param("rows");
  auto const open = check(m);
  CHECK(open.runs());
  CHECK_THAT(open.not_planned, says("--shape x=rowsx4"));
  auto const given = check(m, {"x=3x4"});
  CHECK(given.runs());
  CHECK(given.not_planned.empty());
  CHECK(given.steps == 1);
  CHECK_THROWS_WITH(check(m, {"x=3x5"}), says("does not fit"));
}

TEST_CASE("a file that is cut short is a fault") {
  temporary_folder const folder;
  auto const text = one_node("Neg").SerializeAsString();
  for (std::size_t cut = 1; cut < text.size(); cut += 3) {
    auto const file = folder.write("model.onnx", std::string_view(text).substr(0, cut));
    check_model({.file = file.string()}, "avx2", {});  // whatever it says, it does not crash
  }
  auto const file = folder.write("model.onnx", "nonsense");
  CHECK_FALSE(check_model({.file = file.string()}, "avx2", {}).is_sound());
}
