// Sequences and optionals, with values worked out by hand from the words of the specification.
#include <sinter/graph/text.hpp>

#include "one_node.hpp"

using namespace sinter;

namespace {

any_tensor sequence(std::vector<any_tensor> items) {
  return any_tensor::holding(sequence_of(dtype::float32), std::move(items));
}
any_tensor number(float x) { return floats({1}, {x}); }
any_tensor at(std::int64_t i) { return any_tensor::scalar(i); }

/// The numbers that a sequence of one-element tensors holds.
std::vector<float> numbers(any_tensor const& s) {
  std::vector<float> all;
  for (auto const& item : s.items()) all.push_back(item.as<float>()[0]);
  return all;
}

}  // namespace

TEST_CASE("Types of containers have names that can be read back") {
  for (auto const type : {sequence_of(dtype::int64), optional_of(dtype::string),
                          optional_of(sequence_of(dtype::float32)), sequence_of(dtype::map_string_float32)}) {
    CHECK(is_container(type));
    CHECK(dtype_named(name(type)) == type);
  }
  CHECK(name(optional_of(sequence_of(dtype::float32))) == "optional.sequence.float");
  CHECK(item_of(optional_of(sequence_of(dtype::float32))) == sequence_of(dtype::float32));
  CHECK(item_of(sequence_of(dtype::int8)) == dtype::int8);
  CHECK_FALSE(is_container(dtype::int2));
  CHECK(dtype_named("") == dtype::undefined);
  CHECK(dtype_named("sequence.") != dtype::float32);
}

TEST_CASE("What a container holds is its own") {
  float memory[] = {1, 2};
  any_tensor const shown(dtype::float32, {2}, std::shared_ptr<void const>(std::shared_ptr<void const>(), memory));
  auto const s = sequence({shown});
  memory[0] = 7;
  CHECK(elements<float>(s.items()[0]) == std::vector<float>{1, 2});
  CHECK(copy_of(s.view()).items()[0].shares_elements(s.items()[0]));
  CHECK_THROWS_AS(number(1).items(), error);
}

TEST_CASE("Sequences grow, shrink and are read by position") {
  auto const s = run("SequenceConstruct", 11, {number(1), number(2), number(3)});
  CHECK(numbers(s) == std::vector<float>{1, 2, 3});
  CHECK(numbers(run("SequenceInsert", 11, {s, number(9)})) == std::vector<float>{1, 2, 3, 9});
  CHECK(numbers(run("SequenceInsert", 11, {s, number(9), at(0)})) == std::vector<float>{9, 1, 2, 3});
  CHECK(numbers(run("SequenceInsert", 11, {s, number(9), at(-1)})) == std::vector<float>{1, 2, 9, 3});
  CHECK(numbers(run("SequenceInsert", 11, {s, number(9), at(3)})) == std::vector<float>{1, 2, 3, 9});
  CHECK(numbers(run("SequenceErase", 11, {s})) == std::vector<float>{1, 2});
  CHECK(numbers(run("SequenceErase", 11, {s, at(-3)})) == std::vector<float>{2, 3});
  CHECK(elements<float>(run("SequenceAt", 11, {s, at(-2)})) == std::vector<float>{2});
  CHECK(elements<std::int64_t>(run("SequenceLength", 11, {s})) == list{3});
  CHECK(run("SequenceEmpty", 11, {}, {{"dtype", std::int64_t{7}}}).type() == sequence_of(dtype::int64));
  CHECK_THAT(error_of("SequenceAt", 11, {s, at(3)}), says("position in a sequence is 3, expected -3 to 2"));
  CHECK_THAT(error_of("SequenceInsert", 11, {s, number(9), at(-4)}), says("is -4"));
  CHECK_THAT(error_of("SequenceErase", 11, {sequence({})}), says("is -1"));
}

TEST_CASE("Tensors are split into sequences and put together again") {
  auto const x = floats({2, 3}, {1, 2, 3, 4, 5, 6});
  attribute_map const columns{{"axis", std::int64_t{1}}};
  auto const ones = run("SplitToSequence", 11, {x}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{0}}});
  REQUIRE(ones.items().size() == 3);
  CHECK(ones.items()[1].shape() == shape{2});
  CHECK(elements<float>(ones.items()[1]) == std::vector<float>{2, 5});
  auto const pairs = run("SplitToSequence", 11, {x, at(2)}, columns);
  REQUIRE(pairs.items().size() == 2);
  CHECK(elements<float>(pairs.items()[0]) == std::vector<float>{1, 2, 4, 5});
  CHECK(pairs.items()[1].shape() == shape{2, 1});
  auto const given = run("SplitToSequence", 11, {x, ints({2}, {1, 2})}, columns);
  CHECK(elements<float>(given.items()[1]) == std::vector<float>{2, 3, 5, 6});
  CHECK(elements<float>(run("ConcatFromSequence", 11, {given}, columns)) == elements<float>(x));
  auto const stacked = run("ConcatFromSequence", 11, {ones}, {{"axis", std::int64_t{-1}}, {"new_axis", one}});
  CHECK(stacked.shape() == shape{2, 3});
  CHECK(elements<float>(stacked) == elements<float>(x));
  CHECK_THAT(error_of("SplitToSequence", 11, {x, ints({2}, {1, 1})}, columns), says("2 elements together, of 3"));
  CHECK_THAT(error_of("SplitToSequence", 11, {x, at(0)}, columns), says("is 0"));
  CHECK_THAT(error_of("ConcatFromSequence", 11, {sequence({})}, columns), says("empty"));
}

TEST_CASE("SequenceMap walks sequences side by side; tensors and captures stay") {
  auto const g = parse(R"(graph opset 21 {
  input s: sequence.float
  input t: sequence.float
  input x: float[1]
  input y: float[1]
  r = SequenceMap(s, t, x, y) {body = graph opset 21 {
    input a: float[1]
    input b: float[1]
    input c: float[1]
    capture d: float[1]
    p = Mul(a, b)
    q = Add(p, c)
    r = Add(q, d)
    output r
  }}
  output r
})");
  auto const s = sequence({number(1), number(2)}), t = sequence({number(10), number(20)});
  CHECK(numbers(evaluate(g, {s, t, number(100), number(1000)})[0]) == std::vector<float>{1110, 1140});
  CHECK(evaluate(g, {sequence({}), sequence({}), number(1), number(1)})[0].type() == sequence_of(dtype::float32));
  CHECK_THROWS_AS(evaluate(g, {s, sequence({}), number(1), number(1)}), error);
}

TEST_CASE("Optionals have an element or none") {
  auto const some = run("Optional", 15, {number(4)});
  auto const none = run("Optional", 15, {}, {{"type", std::string("sequence.float")}});
  CHECK(some.type() == optional_of(dtype::float32));
  CHECK(none.type() == optional_of(sequence_of(dtype::float32)));
  auto const has = [](any_tensor const& t) { return run("OptionalHasElement", 18, {t}).as<bool>()[0]; };
  CHECK(has(some));
  CHECK_FALSE(has(none));
  CHECK(has(number(4)));
  CHECK_FALSE(run("OptionalHasElement", 18, {}).as<bool>()[0]);
  CHECK(elements<float>(run("OptionalGetElement", 18, {some})) == std::vector<float>{4});
  CHECK(elements<float>(run("OptionalGetElement", 18, {number(5)})) == std::vector<float>{5});
  CHECK_THAT(error_of("OptionalGetElement", 18, {none}), says("empty"));
  CHECK_THAT(error_of("Optional", 15, {}), says("'type'"));
}
