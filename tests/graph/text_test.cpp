#include <sinter/graph/text.hpp>

#include "catch.hpp"
#include "error_message.hpp"

using namespace sinter;

namespace {

constexpr auto tiny = R"(graph tiny opset 17 {
  input x: float[1x3x8x8] declared [N, 3, ?, "8"]
  const w = float[4x3x3x3] random(1)
  const b = float[4] {0.5, 1, -1, 1e-05}
  y: float[1x4x8x8] = Conv(x, w, b) {group = 1, pads = [1, 1, 1, 1]} as conv1
  z = Relu@6(y)
  "s:0", _ = sinter:some_op(z, _, x) {alpha = 1.0, kinds = ["a", "b\"\x0a"], none = floats[], table = int64[2] {1, 2}}
  %0 = Relu("s:0")
  Relu = Relu(%0)
  Relu%1 = Relu(Relu)
  output Relu%1 declared [N, ?]
}
)";

constexpr auto nested = R"(graph opset 17 {
  input c: bool[]
  input a: float[2]
  y: float = If(c, a) {else_branch = graph opset 17 {
    input a
    n = Neg(a)
    output n
  }, then_branch = graph opset 17 {
    input a
    output a
  }}
  output y
}
)";

std::string message_of(std::string_view text) {
  return test::message_of([&] { parse(text); }, error_code::malformed_model);
}

}  // namespace

TEST_CASE("the text form of a graph reads back as it was printed") {
  CHECK(print(parse(tiny)) == tiny);
  CHECK(print(parse(nested)) == nested);
}

TEST_CASE("a parsed graph holds what the text says") {
  auto const g = parse(tiny);
  CHECK(g.name == "tiny");
  CHECK(g.opsets.at("") == 17);
  REQUIRE(g.inputs.size() == 1);
  REQUIRE(g.inputs[0].declared);
  auto const& declared = *g.inputs[0].declared;
  CHECK(declared[0].symbol == "N");
  CHECK(declared[1].extent == 3);
  CHECK((declared[2].extent == -1 && declared[2].symbol.empty()));
  CHECK((declared[3].extent == -1 && declared[3].symbol == "8"));
  auto const order = g.topological_order();
  REQUIRE(order.size() == 6);
  auto const& conv = g.at(order[0]);
  CHECK(conv.name == "conv1");
  CHECK(conv.version == 17);
  CHECK(std::get<std::vector<std::int64_t>>(conv.attributes.find("pads")->second) == std::vector<std::int64_t>(4, 1));
  CHECK(g.at(conv.inputs[2]).constant.as<float>()[3] == 1e-5f);
  CHECK(g.at(conv.outputs[0]).type == tensor_type{dtype::float32, shape{1, 4, 8, 8}});
  CHECK(g.at(order[1]).version == 6);
  auto const& fused = g.at(order[2]);
  CHECK(fused.domain == "sinter");
  CHECK(fused.version == 1);
  CHECK((fused.inputs.size() == 3 && !fused.inputs[1]));
  CHECK((fused.outputs.size() == 2 && !fused.outputs[1]));
  CHECK(std::get<float>(fused.attributes.find("alpha")->second) == 1);
  CHECK(std::get<std::vector<std::string>>(fused.attributes.find("kinds")->second)[1] == "b\"\n");
  CHECK(std::get<std::vector<float>>(fused.attributes.find("none")->second).empty());
  CHECK(std::get<any_tensor>(fused.attributes.find("table")->second).as<std::int64_t>()[1] == 2);
  CHECK(g.at(fused.outputs[0]).name == "s:0");
  CHECK(g.at(g.at(order[3]).outputs[0]).name.empty());
  CHECK(g.at(g.outputs[0].value).name == "Relu");
}

TEST_CASE("every data type has fills, random sequences and lists that read back") {
  for (int i = 1; i < dtype_count; ++i) {
    auto const type = static_cast<dtype>(i);
    auto const is_text = type == dtype::string;
    auto const fill = is_text ? R"("ab")" : "1";
    auto const list = is_text ? R"("ab", "")" : info(type).kind == dtype_kind::complex ? "1, 2, 0.5, 3" : "1, 0";
    for (auto const& form : {fmt::format("[2x3] fill({})", fill), fmt::format("[2] {{{}}}", list),
                             std::string(is_text ? "[0] {}" : "[64] random(7)")}) {
      auto const text = fmt::format("graph {{\n  const c = {}{}\n  output c\n}}\n", name(type), form);
      CHECK(print(parse(text)) == text);
    }
  }
}

TEST_CASE("numbers at the edges of their types survive the text form") {
  auto const text = std::string(R"(graph {
  const a = int64[2] {-9223372036854775808, 9223372036854775807}
  const b = uint64[1] {18446744073709551615}
  const c = float[4] {inf, -inf, nan, -0}
  const d = double[2] {5e-324, 1.7976931348623157e+308}
  const e = float16[3] {65504, 5.9604645e-08, -inf}
  const f = int8[2] {-128, 127}
  output a
  output b
  output c
  output d
  output e
  output f
}
)");
  auto const g = parse(text);
  CHECK(g.at(g.outputs[0].value).constant.as<std::int64_t>()[0] == INT64_MIN);
  auto const again = print(g);
  CHECK(print(parse(again)) == again);
  for (auto const* const number : {"-9223372036854775808", "18446744073709551615", "-inf", "nan", "-0", "5e-324",
                                   "1.7976931348623157e+308", "65504", "5.9604645e-08", "-128"})
    CHECK(again.find(number) != std::string::npos);
}

TEST_CASE("large constants can be left out of the text") {
  graph g;
  std::vector<float> numbers(100);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(i);
  g.outputs.push_back({g.add_constant("c", any_tensor::of<float>({100}, numbers)), {}});
  CHECK(print(g, {.most_numbers = 16}).find("const c = float[100] {...}") != std::string::npos);
  CHECK(print(parse(print(g))) == print(g));
}

TEST_CASE("mistakes in the text are reported with line and column") {
  CHECK(message_of("") == "1:1: expected 'graph', found the end of the text");
  CHECK(message_of("graph {\n  output y\n}") == "2:10: value \"y\" is not defined above");
  CHECK(message_of("graph {\n  input x\n  input x\n}") == "3:9: value \"x\" is defined twice");
  CHECK(message_of("graph {\n  input x: flot[2]\n}") == "2:12: 'flot' is no data type");
  CHECK(message_of("graph {\n  const x = int8[2] {1, 200}\n}") == "2:25: expected an integer in range, found '200'");
  CHECK(message_of("graph {\n  const x = int8[2] {1}\n}") == "2:23: expected ',', found '}'");
  CHECK(message_of("graph {\n  const x = int8 {1}\n}").starts_with("2:13: a tensor needs"));
  CHECK(message_of("graph {\n  y = Relu(x)\n}") == "2:12: value \"x\" is not defined above");
  CHECK(message_of("graph {\n  y = F() {a = [1, 0.5]}\n}") == "2:20: the items of a list are of one type");
  CHECK(message_of("graph {\n  y = F() {a = 1, a = 2}\n}") == "2:19: attribute 'a' occurs twice");
  CHECK(message_of("graph {\n  input \"x\n}") == "2:9: the quoted text has no end");
  CHECK(message_of("graph {\n} x") == "2:3: expected the end of the text, found 'x'");
  CHECK(message_of("graph {") == "1:8: expected a value, found the end of the text");
}
