#include <sinter/ops/evaluate.hpp>

#include "one_node.hpp"
#include <set>

using namespace sinter;

TEST_CASE("a node gets the latest definition that is not newer than its operator set") {
  CHECK(find_operator("", "Add", 6)->schema.since == 1);
  CHECK(find_operator("", "Add", 7)->schema.since == 7);
  CHECK(find_operator("", "Add", 25)->schema.since == 7);
  CHECK(find_operator("", "Gelu", 19) == nullptr);
  CHECK(find_operator("com.example", "Add", 14) == nullptr);
  CHECK(find_operator("", "add", 14) == nullptr);
}

TEST_CASE("no two definitions share domain, name and version, and each can run") {
  std::set<std::tuple<std::string_view, std::string_view, std::int64_t>> seen;
  for (auto const& entry : operator_table()) {
    INFO(entry.schema.name << " " << entry.schema.since);
    CHECK(seen.insert({entry.schema.domain, entry.schema.name, entry.schema.since}).second);
    CHECK((entry.parse && entry.infer));
    CHECK((entry.kernel != nullptr) + (entry.evaluate != nullptr) + (entry.execute != nullptr) == 1);
  }
}

TEST_CASE("unsupported operators are listed all at once, with those of subgraphs") {
  auto body = std::make_shared<graph>();
  body->add_node({.name = "inner", .op = "Inner", .version = 13, .outputs = {body->add_value("i")}});
  graph g;
  auto const x = g.add_value("x");
  g.inputs = {{x, {}}};
  g.add_node({.name = "first", .op = "First", .version = 13, .inputs = {x}, .outputs = {g.add_value("a")}});
  g.add_node(
      {.name = "second", .domain = "d", .op = "Second", .version = 2, .inputs = {x}, .outputs = {g.add_value("b")}});
  g.add_node({.name = "branch",
              .op = "If",
              .version = 13,
              .attributes = {{"then_branch", std::shared_ptr<graph const>(body)}}});
  try {
    check_supported(g);
    FAIL("nothing was thrown");
  } catch (error const& e) {
    CHECK(e.code() == error_code::unsupported_operator);
    for (auto const* expected :
         {"3 nodes", "'first' (First), version 13", "'second' (d.Second), version 2", "'inner' (Inner)"})
      CHECK(e.message().find(expected) != std::string::npos);
  }
}

TEST_CASE("a graph runs in topological order; inputs and constants may be outputs") {
  graph g;
  auto const x = g.add_value("x"), y = g.add_value("y"), z = g.add_value("z");
  auto const two = g.add_constant("two", floats({}, {2}));
  g.inputs = {{x, {}}};
  g.outputs = {{z, {}}, {x, {}}, {two, {}}, {z, {}}};
  g.add_node({.name = "late", .op = "Mul", .version = 14, .inputs = {y, y}, .outputs = {z}});
  g.add_node({.name = "early", .op = "Add", .version = 14, .inputs = {x, two}, .outputs = {y}});
  auto const out = evaluate(g, {floats({2}, {1, 2})});
  CHECK(elements<float>(out[0]) == std::vector<float>{9, 16});
  CHECK(elements<float>(out[1]) == std::vector<float>{1, 2});
  CHECK(elements<float>(out[2]) == std::vector<float>{2});
  CHECK(elements<float>(out[3]) == std::vector<float>{9, 16});
  CHECK_THROWS_AS(evaluate(g, {}), error);
}

TEST_CASE("an input of another element type is refused by name") {
  graph g;
  auto const x = g.add_value("pixels", {dtype::float32, shape{1}});
  g.inputs = {{x, {}}};
  g.outputs = {{x, {}}};
  try {
    evaluate(g, {ints({1}, {1})});
    FAIL("nothing was thrown");
  } catch (error const& e) {
    CHECK(e.message() == "the input 'pixels' holds int64, expected float");
  }
}

TEST_CASE("inference without the values that decide a shape gives an unknown one") {
  graph g;
  auto const x = g.add_value("x", {dtype::float32, shape{2, 3}}), s = g.add_value("s", {dtype::int64, shape{1}});
  node const n{.op = "Reshape", .version = 14, .inputs = {x, s}, .outputs = {g.add_value("y")}};
  CHECK(infer(g, n) == types{unknown_shape(dtype::float32)});
  g.make_constant(s, ints({1}, {-1}));
  CHECK(infer(g, n) == types{{dtype::float32, shape{6}}});
}

TEST_CASE("If runs one branch on the captured values") {
  auto const branch = [](char const* op) {
    auto g = std::make_shared<graph>();
    auto const x = g->add_value("x"), y = g->add_value("y");
    g->inputs = {{x, {}}};
    g->outputs = {{y, {}}};
    g->add_node({.name = "b", .op = op, .version = 16, .inputs = {x}, .outputs = {y}});
    return std::shared_ptr<graph const>(g);
  };
  attribute_map const branches{{"then_branch", branch("Neg")}, {"else_branch", branch("Size")}};
  auto const x = floats({2}, {1, -2});
  CHECK(elements<float>(run("If", 16, {bools({}, {true}), x}, branches)) == std::vector<float>{-1, 2});
  CHECK(elements<std::int64_t>(run("If", 16, {bools({1}, {false}), x}, branches)) == list{2});
  CHECK(!error_of("If", 16, {floats({}, {1}), x}, branches).empty());
  CHECK(!error_of("If", 16, {bools({}, {true})}, branches).empty());

  node const n{.op = "If", .version = 16, .attributes = branches, .inputs = {{0}, {1}}, .outputs = {{2}}};
  operand const operands[] = {{{dtype::boolean, shape{}}}, {{dtype::float32, shape{2}}, &x}};
  CHECK(bind(n).infer(inputs(operands))[0].shape == std::nullopt);
}
