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
#include <sinter/schedules/quantized_convolution.hpp>
#include <sinter/schedules/quantized_depthwise.hpp>
#include <sinter/schedules/quantized_gemm.hpp>
#include <sinter/schedules/quantized_winograd.hpp>

#include "harness.hpp"
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto quantized_convolution_entry = entry_of<quantized_convolution>();
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

test_operand byte(dtype type, std::int64_t value) {
  any_tensor t(type, shape{});
  *static_cast<std::uint8_t*>(t.data()) = static_cast<std::uint8_t>(value);
  return {.value = t, .constant = true};
}
test_operand real(float value) { return {.value = any_tensor::scalar(value), .constant = true}; }
test_operand reals(std::vector<float> const& values) {
  return {.value = any_tensor::of<float>({std::ssize(values)}, values), .constant = true};
}

/// What is added to a product, and the sum.
struct added_term {
  float scale = 1.1f, sum_scale = 1.7f;
  std::int64_t zero = 0, sum_zero = 0;
  dtype type = dtype::uint8, sum_type = dtype::uint8;
};

void add_term(std::vector<test_operand>& operands, added_term const& a, shape const& result, layout how) {
  operands.push_back({.value = random_bytes(a.type, result, 3), .how = how});
  for (auto const& o : {real(a.scale), byte(a.type, a.zero), real(a.sum_scale), byte(a.sum_type, a.sum_zero)})
    operands.push_back(o);
}

struct quantized_geometry {
  shape x, w;
  std::int64_t stride = 1, pad = 0, dilation = 1;
  std::int64_t x_zero = 0, y_zero = 0;
  dtype x_type = dtype::uint8, w_type = dtype::int8, y_type = dtype::uint8;
  bool bias = true;
  attribute_map bounds{};
  float x_scale = 0.5f;
  std::int64_t group = 1;
  std::optional<added_term> addend{};
  layout how = layout::blocked;
};

test_case quantized_case(quantized_geometry const& g) {
  using list = std::vector<std::int64_t>;
  auto const rank = g.x.rank() - 2;
  attribute_map a{{"kernel_shape", list(g.w.begin() + 2, g.w.end())},
                  {"strides", list(rank, g.stride)},
                  {"dilations", list(rank, g.dilation)},
                  {"pads", list(2 * rank, g.pad)},
                  {"group", g.group}};
  for (auto const& [name, bound] : g.bounds) a[name] = bound;
  std::vector<float> scales;
  std::vector<std::int32_t> bias;
  for (std::int64_t o = 0; o < g.w[0]; ++o) {
    scales.push_back(0.002f * static_cast<float>(1 + o % 5));
    bias.push_back(static_cast<std::int32_t>(o * 331 - 1000));
  }
  auto const weights_zero = g.w_type == dtype::uint8 ? 128 : 0;
  std::vector<test_operand> operands{
      {.value = random_bytes(g.x_type, g.x, 1), .how = g.how},
      real(g.x_scale),
      byte(g.x_type, g.x_zero),
      {.value = random_bytes(g.w_type, g.w, 2), .constant = true},
      reals(scales),
      byte(g.w_type, weights_zero),
      real(0.75f),
      byte(g.y_type, g.y_zero),
      {.value = g.bias ? any_tensor::of<std::int32_t>({g.w[0]}, bias) : any_tensor{}, .constant = true}};
  if (g.addend) {
    shape y{g.x[0], g.w[0]};
    for (std::size_t i = 2; i < g.x.rank(); ++i)
      y.push_back((g.x[i] + 2 * g.pad - g.dilation * (g.w[i] - 1) - 1) / g.stride + 1);
    add_term(operands, *g.addend, y, layout::blocked);
  }
  return make_case(quantized_convolution_entry, a, std::move(operands));
}

/// Bit for bit, with and without instructions for bytes.
void check_products(test_case const& c, schedule const& s) { check_case(c, s, 0, byte_targets); }

}  // namespace

TEST_CASE("quantised convolutions give the bits of the operator", "[schedules]") {
  auto const g = GENERATE(
      quantized_geometry{.x = {1, 16, 9, 9}, .w = {16, 16, 3, 3}, .pad = 1},
      quantized_geometry{.x = {2, 32, 7, 7}, .w = {48, 32, 3, 3}, .pad = 1, .x_zero = 117, .y_zero = 3},
      quantized_geometry{.x = {1, 24, 14, 14}, .w = {40, 24, 1, 1}, .x_zero = 9, .y_zero = 128},
      quantized_geometry{.x = {1, 3, 19, 17}, .w = {20, 3, 7, 7}, .stride = 2, .pad = 3, .x_zero = 200},
      quantized_geometry{.x = {1, 21, 13, 11}, .w = {5, 21, 3, 3}, .stride = 2, .pad = 2, .dilation = 2, .x_zero = 1},
      quantized_geometry{.x = {1, 64, 1, 1}, .w = {130, 64, 1, 1}},
      quantized_geometry{.x = {2, 32, 4, 7}, .w = {32, 32, 5, 5}, .pad = 2, .x_zero = -3, .x_type = dtype::int8},
      quantized_geometry{.x = {3, 17, 30}, .w = {18, 17, 5}, .pad = 2},
      quantized_geometry{.x = {1, 16, 2, 2}, .w = {16, 16, 3, 3}, .pad = 4, .x_zero = 77},
      quantized_geometry{.x = {1, 20, 8, 8},
                         .w = {33, 20, 3, 3},
                         .pad = 1,
                         .x_zero = -5,
                         .y_zero = -128,
                         .x_type = dtype::int8,
                         .y_type = dtype::int8,
                         .bounds = {{"least", std::int64_t{-100}}, {"greatest", std::int64_t{90}}}},
      quantized_geometry{.x = {1, 20, 8, 8},
                         .w = {33, 20, 3, 3},
                         .pad = 1,
                         .x_zero = -128,
                         .x_type = dtype::int8,
                         .w_type = dtype::uint8,
                         .bias = false},
      quantized_geometry{.x = {1, 16, 5, 5}, .w = {16, 16, 1, 1}, .x_zero = 255, .x_scale = 1e30f});
  check_products(quantized_case(g), quantized_convolution_schedule);
}

TEST_CASE("quantised convolutions by integers of Winograd give the bits of the operator", "[schedules]") {
  auto const g =
      GENERATE(quantized_geometry{.x = {1, 64, 28, 28}, .w = {64, 64, 3, 3}, .pad = 1},
               quantized_geometry{.x = {2, 32, 14, 14}, .w = {48, 32, 3, 3}, .pad = 1, .x_zero = 117, .y_zero = 3},
               quantized_geometry{.x = {1, 112, 9, 31}, .w = {40, 112, 3, 3}, .x_zero = 255, .y_zero = 128},
               quantized_geometry{.x = {1, 57, 13, 22},
                                  .w = {21, 57, 3, 3},
                                  .pad = 2,
                                  .x_zero = -5,
                                  .y_zero = -128,
                                  .x_type = dtype::int8,
                                  .y_type = dtype::int8,
                                  .bias = false,
                                  .bounds = {{"least", std::int64_t{-100}}, {"greatest", std::int64_t{90}}}},
               quantized_geometry{
                   .x = {1, 96, 31, 30}, .w = {130, 96, 3, 3}, .pad = 1, .w_type = dtype::uint8, .x_scale = 1e30f});
  check_products(quantized_case(g), quantized_winograd_schedule);
}

TEST_CASE("quantised convolutions of row-major images give the bits of the operator", "[schedules]") {
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  for (std::int64_t channels = 1; channels <= 5; ++channels)
    check_products(quantized_case({.x = {2, channels, 23, 17},
                                   .w = {20, channels, 5, 3},
                                   .stride = 2,
                                   .pad = 2,
                                   .x_zero = 100,
                                   .x_type = type,
                                   .how = layout::row_major}),
                   quantized_convolution_schedule);
  check_products(quantized_case({.x = {1, 3, 61}, .w = {33, 3, 4}, .x_type = type, .how = layout::row_major}),
                 quantized_convolution_schedule);
}

TEST_CASE("quantised products that add another term give the bits of the operator", "[schedules]") {
  added_term const plain, zeros{.scale = 0.9f, .zero = 100, .sum_zero = 31},
      signs{.scale = 2, .sum_scale = 0.3f, .zero = -7, .sum_zero = -100, .type = dtype::int8, .sum_type = dtype::int8},
      mixed{.zero = -128, .type = dtype::int8}, large{.scale = 1e5f, .sum_scale = 0.5f, .zero = 9};
  auto const term = GENERATE_COPY(plain, zeros, signs, mixed, large);
  attribute_map const bounds{{"least", std::int64_t{-60}},
                             {"greatest", std::int64_t{90}},
                             {"sum_least", std::int64_t{1}},
                             {"sum_greatest", std::int64_t{100}}};
  auto const of = [&](quantized_geometry g, bool bounded) {
    g.addend = term;
    if (bounded) g.bounds = bounds;
    return quantized_case(g);
  };
  for (bool const bounded : {false, true}) {
    check_products(of({.x = {2, 24, 13, 14}, .w = {40, 24, 1, 1}, .x_zero = 9, .y_zero = 128}, bounded),
                   quantized_convolution_schedule);
    check_products(of({.x = {1, 16, 4, 9}, .w = {130, 16, 3, 3}, .stride = 2, .pad = 1, .x_zero = 3}, bounded),
                   quantized_convolution_schedule);
    check_products(of({.x = {1, 32, 1, 1}, .w = {16, 32, 1, 1}, .x_scale = 1e30f}, bounded),
                   quantized_convolution_schedule);
    check_products(of({.x = {1, 64, 28, 27}, .w = {64, 64, 3, 3}, .pad = 1, .y_zero = 100}, bounded),
                   quantized_winograd_schedule);
    check_case(of({.x = {1, 40, 9, 30}, .w = {40, 1, 3, 3}, .pad = 1, .x_zero = 7, .y_zero = 3, .group = 40}, bounded),
               quantized_depthwise_schedule);
  }
}

TEST_CASE("addends that kernels do not take are left", "[schedules]") {
  quantized_geometry const g{.x = {1, 16, 6, 6}, .w = {16, 16, 1, 1}, .addend = added_term{.scale = 2e6f}};
  auto c = quantized_case(g);
  CHECK_FALSE(offers(quantized_convolution_schedule, c, targets[0]));  // sums may leave int32
  c.inputs[10] = real(1);
  CHECK(offers(quantized_convolution_schedule, c, targets[0]));
  c.inputs[11].constant = false;
  CHECK_FALSE(offers(quantized_convolution_schedule, c, targets[0]));
}

TEST_CASE("integers of Winograd hold the largest sums that they are offered for", "[schedules]") {
  auto const largest = [](std::int64_t channels) {
    auto c = quantized_case({.x = {1, channels, 28, 28}, .w = {32, channels, 3, 3}, .pad = 1, .x_scale = 0.002f});
    std::memset(c.inputs[0].value.data(), 255, c.inputs[0].value.bytes());
    std::memset(c.inputs[3].value.data(), 127, c.inputs[3].value.bytes());
    return c;
  };
  CHECK(255 * 127 * 9 * 115 < 1 << 25);
  check_products(largest(115), quantized_winograd_schedule);
  for (auto const& t : byte_targets) {
    CHECK(quantized_winograd_schedule.offer(describe_case(largest(115)), t).size() == 2);
    CHECK(quantized_winograd_schedule.offer(describe_case(largest(116)), t).size() == 1);  // F(2,3) only
  }
}

TEST_CASE("quantised depthwise convolutions give the bits of the operator", "[schedules]") {
  auto const g = GENERATE(
      quantized_geometry{.x = {1, 32, 14, 14}, .w = {32, 1, 3, 3}, .pad = 1, .x_zero = 117, .group = 32},
      quantized_geometry{.x = {2, 24, 9, 30}, .w = {24, 1, 3, 3}, .pad = 1, .y_zero = 3, .group = 24},
      quantized_geometry{.x = {1, 21, 15, 13}, .w = {21, 1, 5, 5}, .stride = 2, .pad = 2, .x_zero = 9, .group = 21},
      quantized_geometry{.x = {1, 16, 9, 9},
                         .w = {16, 1, 3, 3},
                         .pad = 2,
                         .dilation = 2,
                         .x_zero = -128,
                         .y_zero = -128,
                         .x_type = dtype::int8,
                         .w_type = dtype::uint8,
                         .y_type = dtype::int8,
                         .bounds = {{"least", std::int64_t{-128}}, {"greatest", std::int64_t{90}}},
                         .group = 16},
      quantized_geometry{.x = {1, 16, 1, 1}, .w = {16, 1, 3, 3}, .pad = 3, .x_zero = 200, .group = 16},
      quantized_geometry{.x = {1, 40, 7, 7}, .w = {40, 1, 7, 7}, .pad = 3, .x_zero = 255, .bias = false, .group = 40},
      quantized_geometry{.x = {2, 17, 31}, .w = {17, 1, 4}, .pad = 1, .x_zero = 5, .x_scale = 1e30f, .group = 17});
  auto const c = quantized_case(g);
  check_case(c, quantized_depthwise_schedule);
  check_case(c, quantized_convolution_schedule);  // dense over the channels of a block
}

TEST_CASE("quantised depthwise convolutions whose bias no float32 holds", "[schedules]") {
  auto c = quantized_case({.x = {1, 16, 8, 8}, .w = {16, 1, 3, 3}, .pad = 1, .x_scale = 0.00002f, .group = 16});
  for (int o = 0; o < 16; ++o) static_cast<std::int32_t*>(c.inputs[8].value.data())[o] = (1 << 29) + 2 * o + 1;
  check_case(c, quantized_depthwise_schedule);
}

TEST_CASE("quantised convolutions of groups give the bits of the operator", "[schedules]") {
  auto const g = GENERATE(
      quantized_geometry{.x = {1, 64, 7, 7}, .w = {64, 16, 3, 3}, .pad = 1, .x_zero = 117, .group = 4},
      quantized_geometry{.x = {2, 32, 6, 6}, .w = {48, 4, 3, 3}, .pad = 1, .x_zero = 9, .group = 8},
      quantized_geometry{.x = {1, 18, 9, 9}, .w = {36, 1, 3, 3}, .stride = 2, .pad = 1, .group = 18},
      quantized_geometry{.x = {1, 40, 5, 5},
                         .w = {30, 20, 1, 1},
                         .x_zero = -5,
                         .y_zero = 7,
                         .x_type = dtype::int8,
                         .w_type = dtype::uint8,
                         .y_type = dtype::int8,
                         .group = 2},
      quantized_geometry{.x = {1, 12, 16}, .w = {12, 6, 5}, .pad = 2, .x_zero = 77, .bias = false, .group = 2});
  check_products(quantized_case(g), quantized_convolution_schedule);
}

TEST_CASE("items of quantised convolutions may lie apart", "[schedules]") {
  auto c = quantized_case({.x = {2, 16, 6, 6}, .w = {16, 16, 3, 3}, .pad = 1, .x_zero = 4});
  c.slack_blocks = 2;
  check_case(c, quantized_convolution_schedule);
}

TEST_CASE("quantised convolutions that kernels do not take are left", "[schedules]") {
  auto c = quantized_case({.x = {1, 16, 6, 6}, .w = {16, 16, 3, 3}, .w_type = dtype::uint8});
  c.inputs[5] = byte(dtype::uint8, 3);  // 255 - 3 is no int8
  CHECK_FALSE(offers(quantized_convolution_schedule, c, targets[0]));
  c = quantized_case({.x = {1, 16, 6, 6}, .w = {16, 16, 3, 3}});
  *static_cast<std::int32_t*>(c.inputs[8].value.data()) = INT32_MAX;  // sums may leave int32
  CHECK_FALSE(offers(quantized_convolution_schedule, c, targets[0]));
}

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
