// Expected values are worked out by hand.
#include "one_node.hpp"

using sinter::any_tensor;
using bytes = std::vector<std::uint8_t>;
using values = std::vector<float>;

namespace {

any_tensor u8(sinter::shape s, std::initializer_list<std::uint8_t> v) { return any_tensor::of<std::uint8_t>(s, v); }

}  // namespace

TEST_CASE("QuantizeLinear rounds to even and saturates") {
  auto const x = floats({6}, {1, 3, 5, -1000, 1000, 0}), scale = floats({}, {2});
  CHECK(elements<std::uint8_t>(run("QuantizeLinear", 13, {x, scale, u8({}, {10})})) == bytes{10, 12, 12, 0, 255, 10});
  CHECK(run("QuantizeLinear", 13, {x, scale}).type() == sinter::dtype::uint8);
  auto const y = run("QuantizeLinear", 13, {x, scale, any_tensor::of<std::int8_t>({}, {0})});
  CHECK(elements<std::int8_t>(y) == std::vector<std::int8_t>{0, 2, 2, -128, 127, 0});
}

TEST_CASE("Scales for each index of an axis, and for each block") {
  auto const x = floats({2, 2}, {2, 4, 6, 8}), scale = floats({2}, {1, 2}), zero = u8({2}, {0, 1});
  CHECK(elements<std::uint8_t>(run("QuantizeLinear", 13, {x, scale, zero})) == bytes{2, 3, 6, 5});
  CHECK(elements<std::uint8_t>(run("QuantizeLinear", 13, {x, scale, zero}, {{"axis", std::int64_t{0}}})) ==
        bytes{2, 4, 4, 5});
  auto const q = u8({1, 3}, {1, 2, 3}), blocks = floats({1, 2}, {10, 100});
  sinter::attribute_map const a{{"block_size", std::int64_t{2}}};
  CHECK(elements<float>(run("DequantizeLinear", 21, {q, blocks}, a)) == values{10, 20, 300});
  CHECK_THAT(error_of("DequantizeLinear", 21, {q, floats({1, 3}, {1, 1, 1})}, a), says("expected 1x2 for blocks"));
  CHECK_THAT(error_of("QuantizeLinear", 13, {x, floats({3}, {1, 1, 1})}), says("expected one element or 2"));
  CHECK_THAT(error_of("QuantizeLinear", 13, {x, scale, u8({}, {1})}), says("the zero point has shape scalar"));
}

TEST_CASE("DynamicQuantizeLinear includes zero in its range") {
  auto const y = run_all("DynamicQuantizeLinear", 11, {floats({2}, {255, 510})}, {}, 3);
  CHECK(elements<std::uint8_t>(y[0]) == bytes{128, 255});
  CHECK(y[1].as<float>()[0] == 2);
  CHECK(y[2].as<std::uint8_t>()[0] == 0);
  CHECK(elements<std::uint8_t>(run("DynamicQuantizeLinear", 11, {floats({2}, {0, 0})})) == bytes{0, 0});
}

TEST_CASE("Integer products and convolutions subtract zero points; padding is the zero point") {
  auto const a = u8({1, 2}, {3, 4}), b = u8({2, 1}, {5, 6});
  CHECK(elements<std::int32_t>(run("MatMulInteger", 10, {a, b, u8({}, {1}), u8({}, {2})})) ==
        std::vector<std::int32_t>{18});
  auto const x = u8({1, 1, 2}, {3, 4}), w = u8({1, 1, 2}, {1, 1});
  auto const y = run("ConvInteger", 10, {x, w, u8({}, {2})}, {{"pads", list{1, 0}}});
  CHECK(elements<std::int32_t>(y) == std::vector<std::int32_t>{1, 3});
  auto const f = [](float v) { return floats({}, {v}); };
  auto const q = run("QLinearConv", 10,
                     {x, f(1), u8({}, {2}), u8({2, 1, 1}, {1, 2}), floats({2}, {1, 2}), u8({2}, {0, 0}), f(0.5f),
                      u8({}, {3}), any_tensor::of<std::int32_t>({2}, {10, 0})});
  CHECK(elements<std::uint8_t>(q) == bytes{25, 27, 11, 19});
  auto const m = run("QLinearMatMul", 21, {a, f(1), u8({}, {1}), b, f(1), u8({}, {2}), f(4), u8({}, {0})});
  CHECK(elements<std::uint8_t>(m) == bytes{4});
}
