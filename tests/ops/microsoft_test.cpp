#include <sinter/graph/verify.hpp>
#include <sinter/passes/prepare.hpp>

#include "one_node.hpp"

using namespace sinter;

namespace {

any_tensor uint8s(shape s, std::initializer_list<std::uint8_t> values) {
  return any_tensor::of<std::uint8_t>(s, values);
}
any_tensor int32s(shape s, std::initializer_list<std::int32_t> values) {
  return any_tensor::of<std::int32_t>(s, values);
}
std::string microsoft_name(char const* op) { return fmt::format("com.microsoft:{}", op); }

/// The operators of the graph that `prepare` makes of a graph of one node, whose inputs have these types.
std::vector<std::string> prepared_operators(node n, std::vector<tensor_type> const& types) {
  graph g;
  for (auto const& type : types) {
    n.inputs.push_back(g.add_value("x", type));
    g.inputs.push_back({.value = n.inputs.back(), .declared = std::nullopt});
  }
  n.domain = "com.microsoft";
  n.version = 1;
  n.outputs = {g.add_value("y")};
  g.outputs.push_back({.value = n.outputs[0], .declared = std::nullopt});
  g.add_node(std::move(n));
  auto const result = prepare(std::move(g));
  verify(result.g);
  std::vector<std::string> names;
  for (auto const id : result.g.topological_order()) names.push_back(result.g.at(id).op);
  return names;
}

}  // namespace

TEST_CASE("BiasAdd and BiasSplitGelu, which onnxruntime has on GPUs only") {
  auto const x = floats({1, 2, 2}, {1, 2, 3, 4}), bias = floats({2}, {10, 20});
  CHECK(elements<float>(run(microsoft_name("BiasAdd"), 1, {x, bias, floats({1, 2, 2}, {0, 1, 2, 3})})) ==
        std::vector<float>{11, 23, 15, 27});
  CHECK_THAT(error_of(microsoft_name("BiasAdd"), 1, {x, floats({1}, {10}), x}), says("the input 1 has shape 1"));
  auto const y = elements<float>(run(microsoft_name("BiasSplitGelu"), 1, {floats({1, 1, 2}, {-7, -21}), bias}));
  REQUIRE(y.size() == 1);
  CHECK(std::abs(y[0] - 3 * -0.158655f) < 1e-5f);  // Gelu(-1) = -Φ(-1)
}

TEST_CASE("QLinearReduceMean, of which onnxruntime has the schema only") {
  auto const one = floats({}, {1}), half = floats({}, {0.5f});
  auto const y =
      run(microsoft_name("QLinearReduceMean"), 1, {uint8s({2, 2}, {10, 20, 30, 50}), one, uint8s({}, {10}), half},
          {{"axes", list{1}}, {"keepdims", std::int64_t{0}}});
  CHECK(elements<std::uint8_t>(y) == std::vector<std::uint8_t>{10, 60});
}

TEST_CASE("what operators of com.microsoft do not do is an error that names it") {
  auto const x = floats({1, 2, 2}, {1, 2, 3, 4}), w = floats({2, 6}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  auto const v = floats({6}, {1, 2, 3, 4, 5, 6}), two = floats({2}, {1, 1});
  std::int64_t const one = 1;
  auto const none = any_tensor();
  CHECK_THAT(error_of(microsoft_name("Attention"), 1, {x, w, v}), says("'num_heads' is required"));
  CHECK_THAT(error_of(microsoft_name("Attention"), 1, {x, w, v}, {{"num_heads", one}, {"do_rotary", one}}),
             says("'do_rotary'"));
  CHECK_THAT(error_of(microsoft_name("Attention"), 1, {x, w, v}, {{"num_heads", one}, {"beta", one}}),
             says("attribute 'beta'"));
  CHECK_THAT(error_of(microsoft_name("Attention"), 1, {x, w, v}, {{"num_heads", std::int64_t{3}}}),
             says("a divisor of 2"));
  CHECK_THAT(
      error_of(microsoft_name("Attention"), 1,
               {x, w, v, int32s({1, 1, 4, 4}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}, {{"num_heads", one}}),
      says("the mask has shape 1x1x4x4"));
  CHECK_THAT(error_of(microsoft_name("MultiHeadAttention"), 1, {x}, {{"num_heads", one}}), says("packed"));
  CHECK_THAT(error_of(microsoft_name("RotaryEmbedding"), 1, {x, ints({1}, {0}), x, x}, {{"scale", 2.0f}}),
             says("'scale'"));
  CHECK_THAT(error_of(microsoft_name("SkipLayerNormalization"), 1, {x, x, v}), says("the input 2 has shape 6"));
  CHECK_THAT(error_of(microsoft_name("SkipLayerNormalization"), 1, {x, floats({1, 1, 2}, {1, 2}), two}),
             says("skipped"));
  CHECK_THAT(error_of(microsoft_name("SkipSimplifiedLayerNormalization"), 1, {x, x, two}, {}, 2), says("'mean'"));
  CHECK_THAT(error_of(microsoft_name("EmbedLayerNormalization"), 1, {int32s({1, 1}, {0}), none, w}), says("input 3"));
  CHECK_THAT(error_of(microsoft_name("FusedConv"), 1, {x, x}, {{"activation", std::string("Sine")}}), says("'Sine'"));
  CHECK_THAT(error_of(microsoft_name("FusedConv"), 1, {x, x}, {{"activation", std::string("LeakyRelu")}}),
             says("expected 1"));
  CHECK_THAT(error_of(microsoft_name("FusedGemm"), 1, {w, w}, {{"activation", std::string("LeakyRelu")}}),
             says("'activation_alpha' is required"));
  CHECK_THAT(error_of(microsoft_name("QLinearAdd"), 1, {uint8s({1}, {1}), two, none, uint8s({1}, {1})}),
             says("input 4"));
  CHECK_THAT(error_of(microsoft_name("QLinearConcat"), 1,
                      {two, uint8s({1}, {1}), uint8s({1}, {1}), two, uint8s({1}, {1}), two}),
             says("6 inputs"));
  CHECK_THAT(error_of(microsoft_name("CDist"), 1, {w, w}, {{"metric", std::string("cosine")}}), says("'cosine'"));
  CHECK_THAT(error_of(microsoft_name("Inverse"), 1, {w}), says("square"));
}

TEST_CASE("GroupQueryAttention refuses lengths that do not fit and what it does not know") {
  auto const q = floats({1, 1, 2}, {1, 2}), past = floats({1, 1, 1, 2}, {1, 2});
  std::int64_t const one = 1;
  auto const error = [&](std::int32_t last, std::int32_t total, attribute_map more = {}) {
    more["num_heads"] = one;
    more["kv_num_heads"] = one;
    return error_of(microsoft_name("GroupQueryAttention"), 1,
                    {q, q, q, past, past, int32s({1}, {last}), int32s({}, {total})}, more);
  };
  CHECK(error(1, 2).empty());
  CHECK_THAT(error(2, 2), says("the last key of a batch is 2, of 2 in all"));
  CHECK_THAT(error(2, 3), says("1 of them past"));
  CHECK_THAT(error(-1, 2), says("the last key"));
  CHECK_THAT(error(1, 2, {{"sliding_window_cache", one}}), says("'sliding_window_cache'"));
  CHECK_THAT(error(1, 2, {{"k_quant_type", std::string("PER_TENSOR")}}), says("'k_quant_type'"));
  CHECK_THAT(error(1, 2, {{"do_rotary", one}}), says("cosines or sines"));
}

TEST_CASE("composites become what defines them, also while shapes are open where these do not matter") {
  tensor_type const open{dtype::float32, std::nullopt}, matrix{dtype::float32, shape{3, 3}};
  using names = std::vector<std::string>;
  CHECK(prepared_operators({.op = "BiasGelu"}, {open, open}) == names{"Add", "Gelu"});
  CHECK(prepared_operators({.op = "SkipSimplifiedLayerNormalization"}, {open, open, open}) ==
        names{"Add", "RMSNormalization"});
  CHECK(prepared_operators({.op = "FusedMatMul"}, {open, open}) == names{"FusedMatMul"});
  node attention{.op = "Attention", .attributes = {{"num_heads", std::int64_t{1}}}};
  CHECK(prepared_operators(attention, {open, matrix}) == names{"Attention"});
}

TEST_CASE("causal queries are the last of the positions; keys of other positions are refused") {
  attribute_map const how{{"num_heads", std::int64_t{1}}, {"unidirectional", std::int64_t{1}}};
  auto const q = floats({1, 2, 1}, {0, 0}), v = floats({1, 2, 1}, {6, 9}), past = floats({1, 1, 1, 1}, {3});
  auto const none = any_tensor();
  auto const y =
      run(microsoft_name("MultiHeadAttention"), 1, {q, q, v, none, none, none, floats({1, 1, 1, 1}, {0}), past}, how);
  CHECK(elements<float>(y) == std::vector<float>{4.5f, 6});
  auto const three = floats({1, 3, 1}, {3, 6, 9});
  CHECK_THAT(error_of(microsoft_name("MultiHeadAttention"), 1, {q, three, three}, how), says("2 queries for 3 keys"));
}
