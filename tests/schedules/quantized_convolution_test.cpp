// Convolutions of 8-bit integers, with and without an addend: all bits are those of the operator.
#include <sinter/schedules/quantized_convolution.hpp>
#include <sinter/schedules/quantized_depthwise.hpp>
#include <sinter/schedules/quantized_winograd.hpp>

#include "schedules/quantized_cases.hpp"
#include <cstring>

using namespace sinter;
using namespace sinter::test;

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
      quantized_geometry{.x = {1, 4, 2, 4}, .w = {17, 4, 5, 5}, .pad = 2, .x_zero = 9},
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
