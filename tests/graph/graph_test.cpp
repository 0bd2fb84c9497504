#include <sinter/graph/text.hpp>

#include "catch.hpp"

using namespace sinter;

namespace {

std::string names_in_order(graph const& g) {
  std::string names;
  for (auto const id : g.topological_order()) names += g.at(id).name;
  return names;
}

}  // namespace

TEST_CASE("the topological order follows edges and is otherwise the order of storage") {
  graph g;
  auto const x = g.add_value("x");
  g.inputs.push_back({x, {}});
  auto const make = [&](std::string name, std::vector<value_id> inputs, value_id output) {
    g.add_node({.name = std::move(name), .op = "F", .inputs = std::move(inputs), .outputs = {output}});
  };
  auto const p = g.add_value("p"), q = g.add_value("q"), r = g.add_value("r");
  make("d", {q, p, q}, r);
  make("b", {x}, q);
  make("c", {x, value_id{}}, p);
  make("a", {}, value_id{});
  CHECK(names_in_order(g) == "bcda");
  g.erase({3});
  CHECK(names_in_order(g) == "bcd");
}

TEST_CASE("a cycle has no order") {
  auto g = parse("graph { input x a = Neg(x) as first b = Abs(a) as second output b }");
  g.set_input({0}, 0, g.at(node_id{1}).outputs[0]);
  try {
    g.topological_order();
    FAIL("no error");
  } catch (error const& e) {
    CHECK(e.code() == error_code::malformed_model);
    CHECK(e.message().find("cycle: node 'first' (Neg)") != std::string::npos);
  }
}

TEST_CASE("a long chain needs no deep stack") {
  graph g;
  auto last = g.add_value("x");
  g.inputs.push_back({last, {}});
  for (int i = 0; i < 100'000; ++i) {
    auto const next = g.add_value("v");
    g.add_node({.op = "Neg", .inputs = {last}, .outputs = {next}});
    last = next;
  }
  g.outputs.push_back({last, {}});
  CHECK(g.topological_order().size() == 100'000);
  CHECK_NOTHROW(verify(g));
}

TEST_CASE("uses can be replaced, nodes erased and values made constant") {
  auto g = parse(R"(graph {
    input x: float[2]
    a = Neg(x) as n0
    b = Add(a, a) as n1
    output a
    output b
  })");
  auto const x = g.inputs[0].value, a = g.outputs[0].value, b = g.outputs[1].value;
  g.replace_uses(a, x);
  CHECK(g.outputs[0].value == x);
  CHECK(g.at(a).users.empty());
  CHECK(g.at(x).users.size() == 3);
  g.erase({0});
  CHECK_NOTHROW(verify(g));
  g.make_constant(b, any_tensor::of<float>({2}, {1, 2}));
  CHECK(g.at(b).type == tensor_type{dtype::float32, shape{2}});
  CHECK_FALSE(g.at(node_id{1}).outputs[0]);
  CHECK_NOTHROW(verify(g));
  CHECK(g.is_input(x));
  CHECK(g.is_output(b));
  CHECK_FALSE(g.is_output(a));
}
