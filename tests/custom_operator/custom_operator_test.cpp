#include <sinter/compile.hpp>
#include <sinter/onnx/import.hpp>
#include <sinter/ops/custom.hpp>
#include <sinter/sinter.hpp>

#include "catch.hpp"
#include "onnx/messages.hpp"
#include <algorithm>
#include <string>
#include <variant>
#include <vector>

using namespace sinter;

namespace {

/// y = x with each row rotated to the left by `by` elements; `wrapped`, where it is used: how many there are, for each
/// row. x is a matrix.
struct rotate {
  static std::vector<shape> shapes(std::span<tensor_view const> in, custom_attributes const&) {
    return {in[0].shape, {in[0].shape[0]}};
  }
  void operator()(std::span<tensor_view const> in, std::span<mutable_tensor_view const> out,
                  custom_attributes const& a) const {
    auto const by = a.get<std::int64_t>("by"), columns = in[0].shape[1];
    auto const x = in[0].as<float>();
    auto const y = out[0].as<float>();
    for (std::int64_t i = 0; i < std::ssize(x); ++i)
      y[static_cast<std::size_t>(i)] = x[static_cast<std::size_t>(i - i % columns + (i + by) % columns)];
    if (out[1]) std::ranges::fill(out[1].as<std::int64_t>(), by);
  }
};

custom_operator rotate_operator() {
  return {.domain = "my.ops",
          .name = "Rotate",
          .inputs = {{.name = "x", .element = dtype::float32}, {.name = "unused", .optional = true}},
          .outputs = {{.name = "y"}, {.name = "wrapped", .element = dtype::int64}},
          .attributes = {{.name = "by", .value = std::int64_t{1}}},
          .shapes = rotate::shapes,
          .compute = rotate{}};
}

/// relu(Rotate(-x)), with `by` where it is not 0.
messages::proto::ModelProto rotate_model(std::vector<std::int64_t> const& dims, std::int64_t by = 0) {
  auto m = messages::model();
  auto& set = *m.add_opset_import();
  set.set_domain("my.ops");
  set.set_version(3);
  auto& g = *m.mutable_graph();
  messages::add_input(g, "x", dims);
  messages::add_node(g, "Neg", {"x"}, {"a"});
  auto& n = messages::add_node(g, "Rotate", {"a"}, {"b"});
  n.set_domain("my.ops");
  n.set_name("turn");
  if (by) {
    auto& a = *n.add_attribute();
    a.set_name("by");
    a.set_type(messages::proto::AttributeProto::INT);
    a.set_i(by);
  }
  messages::add_node(g, "Relu", {"b"}, {"y"});
  messages::add_output(g, "y");
  return m;
}

model load_with(messages::proto::ModelProto const& m, std::vector<custom_operator> operators) {
  return load_bytes(messages::as_bytes(m.SerializeAsString()), {.threads = 1, .operators = std::move(operators)});
}

std::vector<float> run(model const& net, shape extents, std::vector<float> const& values) {
  tensor<float> const x(extents, std::span<float const>(values));
  auto const out = net.run({{"x", x}});
  auto const y = out[0].as<float>();
  return {y.begin(), y.end()};
}

}  // namespace

TEST_CASE("a custom operator runs between others, with its default and with a given attribute") {
  auto const net = load_with(rotate_model({2, 3}), {rotate_operator()});
  CHECK(net.outputs()[0].type == dtype::float32);
  CHECK(run(net, {2, 3}, {-1, -2, -3, -4, -5, -6}) == std::vector<float>{2, 3, 1, 5, 6, 4});
  auto const by_two = load_with(rotate_model({2, 3}, 2), {rotate_operator()});
  CHECK(run(by_two, {2, 3}, {-1, -2, -3, -4, -5, -6}) == std::vector<float>{3, 1, 2, 6, 4, 5});
}

TEST_CASE("a custom operator is a host step of the program; kernels stand around it") {
  auto g = sinter::onnx::import_bytes(messages::as_bytes(rotate_model({2, 3}).SerializeAsString()));
  bind_custom(g, std::vector{rotate_operator()});
  model_store store;
  auto const code = compile(std::move(g), {.machine = "avx2"}, store, nullptr);
  auto const& steps = code.plan().steps;
  REQUIRE(steps.size() == 3);
  CHECK(std::holds_alternative<region>(steps[0].action));
  CHECK(std::holds_alternative<host_call>(steps[1].action));
  CHECK(std::holds_alternative<region>(steps[2].action));
}

TEST_CASE("a model with open shapes and a custom operator is compiled for the shapes that come") {
  auto m = rotate_model({-1, -1});
  auto& dims = *m.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type()->mutable_shape();
  dims.mutable_dim(0)->set_dim_param("rows");
  dims.mutable_dim(1)->set_dim_param("columns");
  auto const net = load_with(m, {rotate_operator()});
  CHECK(run(net, {1, 2}, {-1, -2}) == std::vector<float>{2, 1});
  CHECK(run(net, {2, 2}, {-1, -2, -3, -4}) == std::vector<float>{2, 1, 4, 3});
}

TEST_CASE("nodes of subgraphs are bound, too; of several definitions they get the newest that is not newer") {
  auto old = rotate_operator(), newer = rotate_operator(), newest = rotate_operator();
  newer.since = 3;
  newer.compute = [](auto in, auto out, auto const&) {
    std::ranges::transform(in[0].template as<float>(), out[0].template as<float>().begin(),
                           [](float v) { return 2 * v; });
  };
  newest.since = 4;
  auto const outer = rotate_model({1, 2});
  auto m = messages::model();
  *m.mutable_opset_import() = outer.opset_import();
  auto& g = *m.mutable_graph();
  messages::add_input(g, "x", {1, 2});
  messages::add_input(g, "c", {}, 9);
  auto& branch = messages::add_node(g, "If", {"c"}, {"y"});
  for (auto const* name : {"then_branch", "else_branch"}) {
    auto& a = *branch.add_attribute();
    a.set_name(name);
    a.set_type(messages::proto::AttributeProto::GRAPH);
    auto& body = *a.mutable_g();
    body.set_name(name);
    auto& n = messages::add_node(body, "Rotate", {"x"}, {std::string(name) + "_y"});
    n.set_domain("my.ops");
    messages::add_output(body, std::string(name) + "_y");
  }
  messages::add_output(g, "y");
  auto const net = load_with(m, {old, newest, newer});
  tensor<float> const x({1, 2}, {1, 2});
  auto const c = any_tensor::scalar<bool>(true);
  auto const out = net.run({{"x", x}, {"c", c.view()}});
  CHECK(out[0].as<float>()[0] == 2);
  CHECK(out[0].as<float>()[1] == 4);
}

TEST_CASE("what does not fit a custom operator is an error that says so") {
  auto const fails = [](messages::proto::ModelProto const& m, custom_operator const& op, std::string const& text) {
    CHECK_THROWS_WITH(load_with(m, {op}), says(text));
  };
  auto const good = rotate_model({2, 3});
  auto m = rotate_model({2, 3}, 2);
  m.mutable_graph()->mutable_node(1)->mutable_attribute(0)->set_name("to");
  fails(m, rotate_operator(), "the custom operator does not know the attribute 'to'");
  auto op = rotate_operator();
  op.attributes[0].value = 1.0f;
  fails(rotate_model({2, 3}, 2), op, "'by' is of another type");
  op.attributes[0].required = true;
  fails(good, op, "the attribute 'by' is required");
  op = rotate_operator();
  op.inputs[0].element = dtype::int64;
  fails(good, op, "the input 'x' of my.ops.Rotate holds float, expected int64");
  op = rotate_operator();
  op.inputs[1].optional = false;
  fails(good, op, "the input 'unused' of the custom operator is not given");
  op = rotate_operator();
  op.shapes = [](auto, auto const&) { return std::vector<shape>{{1}}; };
  fails(good, op, "2 outputs, its shape function gives 1 shapes");
  op.shapes = [](auto, auto const&) { return std::vector<shape>{{1}, {-2}}; };
  fails(good, op, "a dimension is negative");
  op = rotate_operator();
  op.outputs.resize(1);
  m = good;
  m.mutable_graph()->mutable_node(1)->add_output("second");
  fails(m, op, "1 inputs and 2 outputs, the custom operator 2 and 1");
  fails(good, {}, "has no name");
  op = rotate_operator();
  op.domain = "ai.onnx";
  fails(good, op, "is of a domain of the library's");
  op = rotate_operator();
  op.domain = "ai.onnx.ml", op.name = "Scaler";
  fails(good, op, "is one that the library has");
  op = rotate_operator();
  op.compute = nullptr;
  fails(good, op, "lacks its function");
  CHECK_THROWS_WITH(load_with(good, {rotate_operator(), rotate_operator()}), says("is defined twice"));
  CHECK_THROWS_WITH(load_with(good, {}), says("operators of your own are given to sinter::load"));
}

TEST_CASE("an attribute that a custom operator does not declare cannot be read") {
  auto op = rotate_operator();
  op.compute = [](auto, auto, custom_attributes const& a) { a.get<std::int64_t>("speed"); };
  auto const net = load_with(rotate_model({1, 2}), {op});
  CHECK_THROWS_WITH(run(net, {1, 2}, {1, 2}), says("reads the attribute 'speed', which it declares nowhere") &&
                                                  says("in node 'turn' (my.ops.Rotate)"));
}
