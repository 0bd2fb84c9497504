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

TEST_CASE("a node that is left bound is bound anew when it changes") {
  node n{.op = "LeakyRelu", .version = 16, .attributes = {{"alpha", 1.0f}}, .inputs = {{0}}, .outputs = {{1}}};
  keep_bound(n);
  auto copy = n;
  CHECK(bind(copy).attributes == bind(n).attributes);
  copy.attributes["alpha"] = 2.0f;
  CHECK(bind(copy).attributes != bind(n).attributes);
  copy = n;
  copy.op = "Elu";
  CHECK(bind(copy).entry != bind(n).entry);
  copy = n;
  copy.version = 0;
  CHECK_THROWS_AS(bind(copy), error);
  copy = n;
  copy.outputs = {};
  CHECK(bind(copy).outputs == 0);
  copy = n;
  copy.inputs = {{}};
  CHECK_THROWS_AS(bind(copy), error);
}

TEST_CASE("an attribute that the operator does not know is an error") {
  auto const x = floats({2}, {1, -2});
  std::int64_t const one = 1;
  CHECK_THAT(error_of("Neg", 13, {x}, {{"alpha", 2.0f}}), says("does not know the attribute 'alpha'"));
  CHECK_THAT(error_of("LeakyRelu", 16, {x}, {{"alpha", 2.0f}, {"beta", 2.0f}}), says("attribute 'beta'"));
  CHECK_THAT(error_of("Clip", 13, {x}, {{"min", 2.0f}}), says("attribute 'min'"));  // an input since 11
  CHECK_THAT(error_of("Neg", 6, {x}, {{"consumed_inputs", list{0}}}), says("'consumed_inputs'"));
  CHECK(elements<float>(run("Neg", 1, {x}, {{"consumed_inputs", list{0}}})) == std::vector<float>{-1, 2});
  CHECK(elements<float>(run("Neg", 13, {x}, {{"__origin", one}})) == std::vector<float>{-1, 2});
  CHECK(elements<float>(run("Dropout", 7, {x}, {{"ratio", 0.5f}})) == std::vector<float>{1, -2});
  attribute_map many;
  for (int i = 0; i < 70; ++i) many[fmt::format("a{:02}", i)] = one;
  many["alpha"] = 2.0f;
  CHECK_THAT(error_of("LeakyRelu", 16, {x}, many), says("'a69'"));
}

TEST_CASE("nodes that are not supported are listed all at once, with those of subgraphs") {
  auto body = std::make_shared<graph>();
  body->add_node({.name = "inner", .op = "Inner", .version = 13, .outputs = {body->add_value("i")}});
  graph g;
  auto const x = g.add_value("x");
  g.inputs = {{x, {}}};
  g.add_node({.name = "first", .op = "First", .version = 13, .inputs = {x}, .outputs = {g.add_value("a")}});
  g.add_node(
      {.name = "second", .domain = "d", .op = "Second", .version = 2, .inputs = {x}, .outputs = {g.add_value("b")}});
  g.add_node({.name = "sum", .op = "Add", .version = 13, .inputs = {x}, .outputs = {g.add_value("c")}});
  g.add_node({.name = "window",
              .op = "Neg",
              .version = 13,
              .attributes = {{"slope", 1.0f}, {"window", std::int64_t{3}}},
              .inputs = {x},
              .outputs = {g.add_value("d")}});
  g.add_node({.name = "branch",
              .op = "If",
              .version = 13,
              .attributes = {{"then_branch", std::shared_ptr<graph const>(body)},
                             {"else_branch", std::make_shared<graph const>()}},
              .inputs = {x}});
  try {
    check_supported(g);
    FAIL("nothing was thrown");
  } catch (error const& e) {
    CHECK(e.code() == error_code::unsupported_operator);
    for (auto const* expected :
         {"5 of the model's nodes", "'first' (First): the operator First is not supported at version 13",
          "'second' (d.Second): the operator Second is not supported at version 2", "'inner' (Inner)",
          "'sum' (Add): the first 2 inputs are required",
          "'window' (Neg): Neg at version 13 of its operator set does not know the attributes 'slope', 'window'"})
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

TEST_CASE("element types are inferred where shapes are not known") {
  graph g;
  auto const x = g.add_value("x", unknown_shape(dtype::float32));
  auto const n = g.add_value("n", unknown_shape(dtype::int64)), b = g.add_value("b", unknown_shape(dtype::boolean));
  auto const h = g.add_value("h", {dtype::float16, shape{2}}), u = g.add_value("u", unknown_shape(dtype::uint8));
  auto const of = [&](std::string op, std::vector<value_id> inputs, attribute_map attributes = {},
                      std::size_t outputs = 1) {
    node made{.op = std::move(op), .version = 21, .attributes = std::move(attributes), .inputs = std::move(inputs)};
    for (std::size_t i = 0; i < outputs; ++i) made.outputs.push_back(g.add_value("y"));
    std::vector<dtype> elements;
    for (auto const& type : infer(g, made)) elements.push_back(type.element);
    return elements;
  };
  using elements_of = std::vector<dtype>;
  CHECK(of("Neg", {x}) == elements_of{dtype::float32});
  CHECK(of("Reshape", {x, n}) == elements_of{dtype::float32});
  CHECK(of("Cast", {x}, {{"to", std::int64_t{7}}}) == elements_of{dtype::int64});
  CHECK(of("CastLike", {x, h}) == elements_of{dtype::float16});
  CHECK(of("Equal", {x, x}) == elements_of{dtype::boolean});
  CHECK(of("Where", {b, x, x}) == elements_of{dtype::float32});
  CHECK(of("Shape", {x}) == elements_of{dtype::int64});
  CHECK(of("ArgMax", {x}) == elements_of{dtype::int64});
  CHECK(of("TopK", {x, n}, {}, 2) == elements_of{dtype::float32, dtype::int64});
  CHECK(of("Unique", {h}, {}, 3) == elements_of{dtype::float16, dtype::int64, dtype::int64});
  CHECK(of("QuantizeLinear", {x, x, u}) == elements_of{dtype::uint8});
  CHECK(of("DequantizeLinear", {u, h}) == elements_of{dtype::float16});
  CHECK(of("OneHot", {n, n, x}) == elements_of{dtype::float32});
  CHECK(of("Split", {x, n}, {}, 3) == elements_of(3, dtype::float32));
  CHECK(of("LayerNormalization", {h, h}, {}, 2) == elements_of{dtype::float16, dtype::float32});
  auto const untyped = g.add_value("untyped");
  CHECK_THROWS_WITH(of("Add", {x, untyped}), says("the element type of input 1 is not known"));
}

TEST_CASE("an output of another type than the model declares is an error") {
  graph g;
  auto const x = g.add_value("x", {dtype::float32, shape{1}}), y = g.add_value("y", {dtype::int64, std::nullopt});
  g.inputs = {{x, {}}};
  g.outputs = {{y, {}}};
  g.add_node({.name = "n", .op = "Neg", .version = 13, .inputs = {x}, .outputs = {y}});
  CHECK_THROWS_WITH(evaluate(g, {floats({1}, {1})}),
                    says("'y' of the graph is declared as int64") && says("gives float"));
  operand const operands[] = {{{dtype::float32, std::nullopt}}};
  CHECK_THROWS_WITH(infer_outputs(g, operands), says("'y' of the graph is declared as int64"));
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
  CHECK_THROWS_WITH(bind(n).infer(inputs(operands)), says("output 0 holds float or int64"));
  auto const condition = bools({}, {true});
  operand const known[] = {{{dtype::boolean, shape{}}, &condition}, {{dtype::float32, std::nullopt}}};
  CHECK(bind(n).infer(inputs(known))[0] == unknown_shape(dtype::float32));
}
