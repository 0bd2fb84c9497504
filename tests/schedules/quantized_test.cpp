// Products, sums and conversions of 8-bit integers: all bits are those of the operators.
#include <sinter/ops/pooling.hpp>
#include <sinter/ops/quantized.hpp>
#include <sinter/schedules/pooling.hpp>
#include <sinter/schedules/quantize.hpp>
#include <sinter/schedules/quantized_convolution.hpp>
#include <sinter/schedules/quantized_gemm.hpp>

#include "harness.hpp"
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto quantized_convolution_entry = entry_of<quantized_convolution>();
constexpr auto quantized_gemm_entry = entry_of<quantized_gemm>();
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

struct quantized_geometry {
  shape x, w;
  std::int64_t stride = 1, pad = 0, dilation = 1;
  std::int64_t x_zero = 0, y_zero = 0;
  dtype x_type = dtype::uint8, w_type = dtype::int8, y_type = dtype::uint8;
  bool bias = true;
  attribute_map bounds{};
  float x_scale = 0.5f;
};

test_case quantized_case(quantized_geometry const& g) {
  using list = std::vector<std::int64_t>;
  auto const rank = g.x.rank() - 2;
  attribute_map a{{"kernel_shape", list(g.w.begin() + 2, g.w.end())},
                  {"strides", list(rank, g.stride)},
                  {"dilations", list(rank, g.dilation)},
                  {"pads", list(2 * rank, g.pad)},
                  {"group", std::int64_t{1}}};
  for (auto const& [name, bound] : g.bounds) a[name] = bound;
  std::vector<float> scales;
  std::vector<std::int32_t> bias;
  for (std::int64_t o = 0; o < g.w[0]; ++o) {
    scales.push_back(0.002f * static_cast<float>(1 + o % 5));
    bias.push_back(static_cast<std::int32_t>(o * 331 - 1000));
  }
  auto const weights_zero = g.w_type == dtype::uint8 ? 128 : 0;
  return make_case(quantized_convolution_entry, a,
                   {{.value = random_bytes(g.x_type, g.x, 1), .how = layout::blocked},
                    real(g.x_scale),
                    byte(g.x_type, g.x_zero),
                    {.value = random_bytes(g.w_type, g.w, 2), .constant = true},
                    reals(scales),
                    byte(g.w_type, weights_zero),
                    real(0.75f),
                    byte(g.y_type, g.y_zero),
                    {.value = g.bias ? any_tensor::of<std::int32_t>({g.w[0]}, bias) : any_tensor{}, .constant = true}});
}

}  // namespace

TEST_CASE("quantised convolutions give the bits of the operator", "[schedules]") {
  auto const g = GENERATE(
      quantized_geometry{.x = {1, 16, 9, 9}, .w = {16, 16, 3, 3}, .pad = 1},
      quantized_geometry{.x = {2, 32, 7, 7}, .w = {48, 32, 3, 3}, .pad = 1, .x_zero = 117, .y_zero = 3},
      quantized_geometry{.x = {1, 24, 14, 14}, .w = {40, 24, 1, 1}, .x_zero = 9, .y_zero = 128},
      quantized_geometry{.x = {1, 3, 19, 17}, .w = {20, 3, 7, 7}, .stride = 2, .pad = 3, .x_zero = 200},
      quantized_geometry{.x = {1, 21, 13, 11}, .w = {5, 21, 3, 3}, .stride = 2, .pad = 2, .dilation = 2, .x_zero = 1},
      quantized_geometry{.x = {1, 64, 1, 1}, .w = {130, 64, 1, 1}},
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
  check_case(quantized_case(g), quantized_convolution_schedule);
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
               product{{13, 128}, 16}, product{{1, 2048}, 24, false});
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  std::vector<float> scales;
  std::vector<std::int32_t> biases;
  for (std::int64_t o = 0; o < columns; ++o)
    scales.push_back(0.001f * static_cast<float>(1 + o % 7)), biases.push_back(static_cast<std::int32_t>(o * 77 - 900));
  check_case(
      make_case(quantized_gemm_entry, {{"least", std::int64_t{-90}}},
                {{.value = random_bytes(type, a, 1)},
                 real(0.5f),
                 byte(type, 33),
                 {.value = random_bytes(dtype::int8, {a.back(), columns}, 2), .constant = true},
                 reals(scales),
                 byte(dtype::int8, 0),
                 real(0.75f),
                 byte(type, 12),
                 {.value = bias ? any_tensor::of<std::int32_t>({columns}, biases) : any_tensor{}, .constant = true}}),
      quantized_gemm_schedule);
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

TEST_CASE("the greatest bytes of windows", "[schedules]") {
  using list = std::vector<std::int64_t>;
  for (auto const type : {dtype::uint8, dtype::int8})
    for (std::int64_t const size : {9, 40})
      check_case(make_case(byte_pool_entry,
                           {{"kernel_shape", list{3, 3}}, {"strides", list{2, 2}}, {"pads", list{1, 1, 1, 1}}},
                           {{.value = random_bytes(type, {1, 24, size, size}, 3), .how = layout::blocked}}),
                 pooling_schedule);
}
