// Products, sums and conversions of 8-bit integers: all bits are those of the operators.
#include <sinter/ops/concat.hpp>
#include <sinter/ops/integer_gemm.hpp>
#include <sinter/ops/pooling.hpp>
#include <sinter/ops/quantized.hpp>
#include <sinter/ops/quantized_elementwise.hpp>
#include <sinter/ops/quantized_pooling.hpp>
#include <sinter/ops/transpose.hpp>
#include <sinter/schedules/byte_table.hpp>
#include <sinter/schedules/copy.hpp>
#include <sinter/schedules/dynamic_quantize.hpp>
#include <sinter/schedules/elementwise.hpp>
#include <sinter/schedules/global_pooling.hpp>
#include <sinter/schedules/integer_gemm.hpp>
#include <sinter/schedules/moves.hpp>
#include <sinter/schedules/pooling.hpp>
#include <sinter/schedules/quantize.hpp>
#include <sinter/schedules/quantized_gemm.hpp>

#include "schedules/quantized_cases.hpp"
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto quantized_gemm_entry = entry_of<quantized_gemm>();
constexpr auto quantized_elementwise_entry = entry_of<quantized_elementwise>();
constexpr auto integer_gemm_entry = entry_of<integer_gemm>();
constexpr auto dynamic_quantize_entry = entry_of<dynamic_quantize_linear>();
constexpr auto quantized_mean_entry = entry_of<quantized_global_average>();
constexpr auto byte_concat_entry = entry_of<concat>();
constexpr auto byte_transpose_entry = entry_of<transpose>();
constexpr auto quantized_add_entry = entry_of<quantized_add>();
constexpr auto quantize_entry = entry_of<quantize_linear>();
constexpr auto dequantize_entry = entry_of<dequantize_linear>();
constexpr auto byte_pool_entry = entry_of<max_pool>();

}  // namespace

TEST_CASE("quantised matrix products give the bits of the operator", "[schedules]") {
  struct product {
    shape a;
    std::int64_t columns;
    bool bias = true;
  };
  auto const [a, columns, bias] =
      GENERATE(product{{1, 64}, 10}, product{{1, 32}, 256}, product{{7, 36}, 48, false}, product{{2, 3, 20}, 131},
               product{{13, 128}, 16}, product{{1, 2048}, 24, false}, product{{15, 64}, 1}, product{{30, 32}, 3});
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  std::vector<float> scales;
  std::vector<std::int32_t> biases;
  for (std::int64_t o = 0; o < columns; ++o)
    scales.push_back(0.001f * static_cast<float>(1 + o % 7)), biases.push_back(static_cast<std::int32_t>(o * 77 - 900));
  std::vector<test_operand> factors{
      {.value = random_bytes(type, a, 1)},
      real(0.5f),
      byte(type, 33),
      {.value = random_bytes(dtype::int8, {a.back(), columns}, 2), .constant = true},
      reals(scales),
      byte(dtype::int8, 0),
      real(0.75f),
      byte(type, 12),
      {.value = bias ? any_tensor::of<std::int32_t>({columns}, biases) : any_tensor{}, .constant = true}};
  check_case(make_case(quantized_gemm_entry, {{"least", std::int64_t{-90}}}, factors), quantized_gemm_schedule);
  auto result = a;
  result.back() = columns;
  add_term(factors, {.zero = 5, .sum_zero = 90, .sum_type = type}, result, layout::row_major);
  check_products(make_case(quantized_gemm_entry, {{"sum_greatest", std::int64_t{120}}}, factors),
                 quantized_gemm_schedule);
}

TEST_CASE("integer products with scales that are computed give the bits of the operator", "[schedules]") {
  struct product {
    shape a;
    std::int64_t columns;
    bool one_scale = false;
  };
  auto const [a, columns, one_scale] =
      GENERATE(product{{1, 64}, 10}, product{{1, 32}, 256, true}, product{{7, 36}, 48}, product{{2, 3, 20}, 131},
               product{{13, 128}, 16, true}, product{{1, 2048}, 24});
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  auto const scale = test_operand{.value = random_tensor(one_scale ? shape{} : shape{columns}, 3, 0.001f, 0.01f)};
  auto const bias = test_operand{.value = random_tensor({columns}, 4), .constant = true};
  auto factors =
      std::vector<test_operand>{{.value = random_bytes(type, a, 1)},
                                {.value = random_bytes(dtype::int8, {a.back(), columns}, 2), .constant = true},
                                {.value = byte(type, 201).value}};
  check_case(make_case(integer_gemm_entry, {}, factors), integer_gemm_schedule);
  factors.push_back(scale), factors.push_back(bias);
  check_case(make_case(integer_gemm_entry, {{"epilogue", std::string("t0 = mul x0 x1; add t0 x2")}}, factors),
             integer_gemm_schedule);
  factors[2].constant = true;
  check_case(make_case(integer_gemm_entry, {{"epilogue", std::string("mul x0 x1")}}, factors), integer_gemm_schedule);
}

TEST_CASE("quantising by the range of a tensor gives the bits of the operator", "[schedules]") {
  auto const how = GENERATE(layout::row_major, layout::blocked);
  auto const with = [&](shape const& s, float low, float high, std::vector<float> const& special = {}) {
    auto x = random_tensor(s, 5, low, high);
    std::ranges::copy(special, static_cast<float*>(x.data()));
    auto c = make_case(dynamic_quantize_entry, {}, {{.value = x, .how = s.rank() < 2 ? layout::row_major : how}});
    c.node.outputs.insert(c.node.outputs.end(), {value_id{101}, value_id{102}});
    c.op.outputs = 3;
    check_case(c, dynamic_quantize_schedule, 0);
    c.node.outputs[0] = {};  // the range alone
    check_case(c, dynamic_quantize_schedule, 0);
  };
  for (shape const& s : {shape{5}, shape{3, 70}, shape{2, 40, 300}, shape{1, 3, 9, 7}}) {
    with(s, -3, 7);
    with(s, 2, 7);
    with(s, -9, -1);
    with(s, 0, 0);
    with(s, -3, 7, {NAN, -0.0f});
    with(s, -3, 7, {INFINITY, 1});
    with(s, -1e-44f, 1e-44f);
  }
}

TEST_CASE("quantising, dequantising and adding give the bits of the operators", "[schedules]") {
  auto const how = GENERATE(layout::row_major, layout::blocked);
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  for (shape const& s : {shape{1, 3, 5, 7}, shape{2, 32, 9, 4}, shape{1, 40, 300, 1}}) {
    auto x = random_tensor(s, 5, -300, 300);
    auto* const values = static_cast<float*>(x.data());
    values[0] = NAN, values[1] = INFINITY, values[2] = -1e30f, values[3] = 1.25f, values[4] = -1.25f;
    check_case(make_case(quantize_entry, {}, {{.value = x, .how = how}, real(2.5f), byte(type, 7)}), quantize_schedule);
    check_case(
        make_case(dequantize_entry, {}, {{.value = random_bytes(type, s, 6), .how = how}, real(0.3f), byte(type, 100)}),
        quantize_schedule);
    check_case(make_case(quantized_add_entry, {{"least", std::int64_t{-3}}, {"greatest", std::int64_t{101}}},
                         {{.value = random_bytes(type, s, 7), .how = how},
                          real(0.3f),
                          byte(type, 2),
                          {.value = random_bytes(dtype::uint8, s, 8), .how = how},
                          real(0.07f),
                          byte(dtype::uint8, 200),
                          real(0.21f),
                          byte(type, -1)}),
               quantize_schedule);
  }
}

TEST_CASE("functions of quantised tensors", "[schedules]") {
  auto const how = GENERATE(layout::row_major, layout::blocked);
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  auto const x = expr::input(0), y = expr::input(1), z = expr::input(2);
  auto const inner = quantizing(dequantizing(x, 0.25f, 3) * y, 0.5f, 9, range_of(dtype::uint8));
  auto const sum = dequantizing(inner, 0.5f, 9) + dequantizing(z, 0.125f, -7);
  auto const f = expr::flatten(quantizing(sum, 0.75f, 2, range_of(type)), 3);
  attribute_map const a{{"function", expr::print(f)}, {"signed", std::int64_t{type == dtype::int8}}};
  auto const byte_operand = [&](dtype t, shape s, std::uint32_t seed, layout at) {
    return test_operand{.value = random_bytes(t, std::move(s), seed), .how = at};
  };
  for (shape const& s : {shape{1, 3, 5, 7}, shape{2, 32, 9, 4}, shape{1, 40, 300, 1}, shape{2, 48, 7, 7}}) {
    auto const scale = test_operand{.value = random_tensor({s[1], 1, 1}, 3), .constant = true};
    check_case(make_case(quantized_elementwise_entry, a,
                         {byte_operand(type, s, 1, how), scale, byte_operand(dtype::int8, s, 2, how)}),
               elementwise_schedule);
    check_case(
        make_case(quantized_elementwise_entry, a,
                  {byte_operand(dtype::uint8, s, 1, how), scale, byte_operand(type, {s[0], s[1], 1, 1}, 2, how)}),
        elementwise_schedule);
    check_case(make_case(quantized_elementwise_entry, a,
                         {byte_operand(dtype::uint8, s, 1, how), scale,
                          byte_operand(type, {s[0], 1, s[2], s[3]}, 2, layout::row_major)}),
               elementwise_schedule);
    check_case(make_case(quantized_elementwise_entry, a,
                         {byte_operand(dtype::uint8, s, 1, how), scale, byte_operand(type, {1}, 2, layout::row_major)}),
               elementwise_schedule);
  }
}

TEST_CASE("the greatest bytes of windows", "[schedules]") {
  using list = std::vector<std::int64_t>;
  for (auto const type : {dtype::uint8, dtype::int8})
    for (std::int64_t const size : {9, 40})
      check_case(make_case(byte_pool_entry,
                           {{"kernel_shape", list{3, 3}}, {"strides", list{2, 2}}, {"pads", list{1, 1, 1, 1}}},
                           {{.value = random_bytes(type, {1, 24, size, size}, 3), .how = layout::blocked}}),
                 pooling_schedule);
}

TEST_CASE("the means of quantised planes", "[schedules]") {
  for (auto const type : {dtype::uint8, dtype::int8})
    for (shape const& s : {shape{2, 40, 7, 7}, shape{1, 16, 1, 3}, shape{1, 20, 130, 90}})
      check_case(make_case(quantized_mean_entry, {},
                           {{.value = random_bytes(type, s, 3), .how = layout::blocked}, real(0.3f), byte(type, 101)}),
                 global_pooling_schedule, 0);
}

TEST_CASE("bytes are joined and moved", "[schedules]") {
  using list = std::vector<std::int64_t>;
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  for (auto const how : {layout::row_major, layout::blocked})
    for (std::int64_t const channels : {16, 21})
      check_case(make_case(byte_concat_entry, {{"axis", std::int64_t{1}}},
                           {{.value = random_bytes(type, {2, channels, 5, 5}, 3), .how = how},
                            {.value = random_bytes(type, {2, 40, 5, 5}, 4), .how = how}}),
                 copy_schedule, 0);
  for (auto const& permutation : {list{0, 2, 1, 3}, list{0, 2, 3, 1}, list{3, 1, 0, 2}})
    check_case(
        make_case(byte_transpose_entry, {{"perm", permutation}}, {{.value = random_bytes(type, {2, 12, 37, 19}, 3)}}),
        moves_schedule, 0);
}

TEST_CASE("functions of one quantised tensor are tables", "[schedules]") {
  auto const how = GENERATE(layout::row_major, layout::blocked);
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  auto const result = GENERATE(dtype::uint8, dtype::int8);
  auto const real = dequantizing(expr::input(0), 0.0625f, 100);
  auto const f = expr::flatten(quantizing(real * expr::sigmoid(real), 0.03f, 9, range_of(result)), 1);
  attribute_map const a{{"function", expr::print(f)}, {"signed", std::int64_t{result == dtype::int8}}};
  for (shape const& s : {shape{1, 3, 5, 7}, shape{2, 32, 9, 4}, shape{1, 40, 300, 9}, shape{3, 21, 1, 1}, shape{3, 1}})
    check_case(make_case(quantized_elementwise_entry, a, {{.value = random_bytes(type, s, 1), .how = how}}),
               byte_table_schedule);
  check_case(make_case(quantized_elementwise_entry, a, {{.value = random_bytes(type, {1}, 1)}}), byte_table_schedule);
  auto const two = {test_operand{.value = random_bytes(type, {2, 16}, 1), .how = how},
                    test_operand{.value = random_bytes(type, {2, 16}, 2), .how = how}};
  CHECK_FALSE(offers(byte_table_schedule, make_case(quantized_elementwise_entry, a, two), targets[0]));
}
