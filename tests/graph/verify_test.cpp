#include <sinter/graph/text.hpp>

#include "catch.hpp"
#include "error_message.hpp"

using namespace sinter;

namespace {

struct sample {
  graph g = parse(R"(graph {
    input x: float[2]
    const w = float[2] {1, 2}
    a = Add(x, w) as n0
    b, c = Split(a) as n1
    d = Mul(a, a) as n2
    output b
    output d
  })");
  value_id x = g.inputs[0].value, w = g.at(node_id{0}).inputs[1], a = g.at(node_id{0}).outputs[0],
           b = g.outputs[0].value, d = g.outputs[1].value;
};

/// What `verify` says of a graph that `damage` has broken.
template <typename Damage>
std::string complaint(Damage damage) {
  sample s;
  REQUIRE_NOTHROW(verify(s.g));
  damage(s);
  return test::message_of([&] { verify(s.g); }, error_code::malformed_model);
}

}  // namespace

TEST_CASE("verify finds each kind of damage and names the place") {
  auto const check = [](auto damage, std::string_view expected) {
    auto const text = complaint(damage);
    INFO("expected: " << expected << ", found: " << text);
    CHECK(text.find(expected) != std::string::npos);
  };
  check([](sample& s) { s.g.at(node_id{0}).op.clear(); }, "node 0 'n0' () has no operator");
  check([](sample& s) { s.g.at(node_id{0}).inputs[0] = {99}; }, "node 0 'n0' (Add) reads value 99");
  check([](sample& s) { s.g.at(node_id{0}).outputs.push_back({99}); }, "writes value 99");
  check([](sample& s) { s.g.at(node_id{0}).outputs.push_back(s.a); }, "writes value 2 'a' twice");
  check([](sample& s) { s.g.at(node_id{0}).outputs.push_back(s.b); }, "writes value 3 'b', whose producer is node 1");
  check([](sample& s) { s.g.at(s.a).producer = {2}; }, "value 2 'a', whose producer is node 2");
  check([](sample& s) { s.g.at(s.w).producer = {0}; }, "value 1 'w' is constant and has a producer");
  check([](sample& s) { s.g.at(s.w).type.element = dtype::int8; }, "its type is not that of its bytes");
  check([](sample& s) { s.g.at(s.x).producer = {0}; }, "node 0 'n0' (Add) does not write value 0 'x'");
  check([](sample& s) { s.g.add_value("v"), s.g.at(value_id{6}).producer = {77}; }, "node 77, which is erased");
  check([](sample& s) { s.g.erase({1}); }, "value 3 'b' is an output of the graph and nothing defines it");
  check([](sample& s) { s.g.erase({0}); }, "value 2 'a' is used by node 1 and nothing defines it");
  check([](sample& s) { s.g.at(s.a).users.pop_back(); }, "reads value 2 'a' more often than the value lists it");
  check([](sample& s) { s.g.at(s.x).users.clear(); }, "node 0 'n0' (Add) reads value 0 'x' more often");
  check([](sample& s) { s.g.at(s.x).users.push_back({2}); }, "value 0 'x' lists node 2 as user more often");
  check([](sample& s) { s.g.at(node_id{0}).inputs[0] = s.w; }, "more often");
  check([](sample& s) { s.g.inputs[0].value = {}; }, "input -1 of the graph does not exist");
  check([](sample& s) { s.g.inputs.clear(); }, "value 0 'x' is used by node 0 and nothing defines it");
  check([](sample& s) { s.g.inputs.push_back(s.g.inputs[0]); }, "value 0 'x' is an input of the graph twice");
  check([](sample& s) { s.g.inputs.push_back({s.a, {}}); }, "value 2 'a' is an input of the graph and has a producer");
  check([](sample& s) { s.g.outputs[0].value = {50}; }, "output 50 of the graph does not exist");
  check([](sample& s) { s.g.outputs[0].value = s.g.add_value("v"); }, "value 6 'v' is an output");
  check([](sample& s) { s.g.set_input({0}, 0, s.d); }, "cycle");
  check([](sample& s) { s.g.at(node_id{0}).attributes["g"] = std::shared_ptr<graph const>(); }, "holds no graph");
  check(
      [](sample& s) {
        auto inner = sample{}.g;
        inner.at(inner.inputs[0].value).users.clear();
        s.g.at(node_id{0}).attributes["g"] = std::make_shared<graph const>(inner);
      },
      "in attribute 'g' of node 'n0' (Add)");
}

TEST_CASE("verify allows omitted operands, dead values and inputs that became constant") {
  sample s;
  s.g.add_value("dead");
  s.g.add_constant("unused", any_tensor::scalar(1.0f));
  s.g.make_constant(s.x, any_tensor::of<float>({2}, {3, 4}));
  s.g.add_node({.op = "F", .inputs = {value_id{}}, .outputs = {value_id{}}});
  CHECK_NOTHROW(verify(s.g));
}

TEST_CASE("after inference, every value in use has an element type") {
  graph g;
  auto const x = g.add_value("x", {dtype::float32, std::nullopt}), y = g.add_value("y"), z = g.add_value("z");
  g.add_value("dead");
  g.inputs = {{x, {}}};
  g.add_node({.op = "F", .inputs = {x}, .outputs = {y}});
  g.add_node({.op = "F", .inputs = {y}, .outputs = {z}});
  CHECK_THROWS_WITH(verify_types(g), "the element type of value 'y' is not known");
  g.at(y).type.element = dtype::int64;
  CHECK_NOTHROW(verify_types(g));
  g.outputs = {{z, {}}};
  CHECK_THROWS_WITH(verify_types(g), "the element type of value 'z' is not known");
}
