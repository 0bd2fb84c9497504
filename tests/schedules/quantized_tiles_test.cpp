// Products of 8-bit integers by tiles that are requantised: all bits are those of the operator.
#include <sinter/schedules/quantized_gemm.hpp>
#include <sinter/schedules/tile_convolution.hpp>

#include "schedules/quantized_cases.hpp"
#include <algorithm>
#include <array>
#include <cstdint>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr std::array tile_targets{target("amx")};
constexpr auto tiled_gemm_entry = entry_of<quantized_gemm>();

/// Whether code for AMX has tiles.
bool has_tiles_of_bytes(test_case const& c, schedule const& s) {
  auto const n = describe_case(c);
  auto const code = s.offer(n, tile_targets[0]).at(0).build(n);
  return std::ranges::any_of(code.kernels, [](auto const& k) { return vector::has_tiles(k.make()); });
}

void check_tiles(quantized_geometry const& g) {
  auto const c = quantized_case(g);
  CHECK(has_tiles_of_bytes(c, quantized_tile_convolution_schedule));
  check_case(c, quantized_tile_convolution_schedule, 0, tile_targets);
}

test_case quantized_product_of(dtype type, shape a, shape b, std::int64_t x_zero, bool adds = false) {
  std::vector<float> scales;
  std::vector<std::int32_t> bias;
  for (std::int64_t o = 0; o < b[1]; ++o) {
    scales.push_back(0.002f * static_cast<float>(1 + o % 5));
    bias.push_back(static_cast<std::int32_t>(o * 331 - 1000));
  }
  std::vector<test_operand> operands{{.value = random_bytes(type, a, 1)},
                                     real(0.5f),
                                     byte(type, x_zero),
                                     {.value = random_bytes(dtype::int8, b, 2), .constant = true},
                                     reals(scales),
                                     byte(dtype::int8, 0),
                                     real(0.75f),
                                     byte(dtype::uint8, 77),
                                     {.value = any_tensor::of<std::int32_t>({b[1]}, bias), .constant = true}};
  auto result = a;
  result[result.rank() - 1] = b[1];
  if (adds) add_term(operands, {.zero = 3, .sum_zero = 100}, result, layout::row_major);
  return make_case(tiled_gemm_entry, {}, std::move(operands));
}

}  // namespace

TEST_CASE("quantised convolutions by tiles give the bits of the operator", "[schedules]") {
  auto const type = GENERATE(dtype::uint8, dtype::int8);
  auto g = GENERATE(
      quantized_geometry{.x = {2, 64, 7, 9}, .w = {64, 64, 1, 1}, .x_zero = 9},
      quantized_geometry{.x = {1, 32, 9, 9}, .w = {16, 32, 3, 3}, .pad = 1, .x_zero = 117, .y_zero = 3},
      quantized_geometry{.x = {1, 128, 40, 40}, .w = {21, 128, 1, 1}, .x_zero = 1, .bias = false},
      quantized_geometry{.x = {2, 150, 6, 8}, .w = {90, 150, 3, 3}, .stride = 2, .pad = 1, .x_zero = 20},
      quantized_geometry{.x = {1, 64, 9, 7}, .w = {130, 64, 1, 1}, .stride = 2, .y_zero = 128},
      quantized_geometry{.x = {1, 21, 13, 11}, .w = {5, 21, 3, 3}, .stride = 2, .pad = 2, .dilation = 2, .x_zero = 1},
      quantized_geometry{.x = {1, 65, 19, 17}, .w = {20, 65, 5, 3}, .pad = 2, .dilation = 2, .x_zero = 100},
      quantized_geometry{.x = {1, 16, 2, 2}, .w = {16, 16, 3, 3}, .pad = 4, .x_zero = 77},
      quantized_geometry{.x = {1, 64, 300, 20}, .w = {16, 64, 3, 3}, .pad = 1, .x_zero = 3},
      quantized_geometry{.x = {3, 17, 30}, .w = {18, 17, 5}, .pad = 2},
      quantized_geometry{.x = {3, 17, 30}, .w = {18, 17, 1}, .x_scale = 1e30f},
      quantized_geometry{.x = {1, 64, 5, 5},
                         .w = {32, 64, 1, 1},
                         .bounds = {{"least", std::int64_t{3}}, {"greatest", std::int64_t{90}}}});
  g.x_type = type;
  if (type == dtype::int8) g.x_zero -= 100;
  check_tiles(g);
}

TEST_CASE("quantised convolutions by tiles that add another term give the bits of the operator", "[schedules]") {
  for (auto const& term :
       {added_term{},
        added_term{
            .scale = 2, .sum_scale = 0.3f, .zero = -7, .sum_zero = -100, .type = dtype::int8, .sum_type = dtype::int8}})
    for (std::int64_t const outputs : {48, 70})
      check_tiles({.x = {2, 64, 6, 7}, .w = {outputs, 64, 1, 1}, .x_zero = 9, .y_zero = 128, .addend = term});
}

TEST_CASE("items of quantised convolutions by tiles may lie apart", "[schedules]") {
  auto c = quantized_case({.x = {2, 80, 6, 6}, .w = {16, 80, 3, 3}, .pad = 1, .x_zero = 4});
  c.slack_blocks = 2;
  check_case(c, quantized_tile_convolution_schedule, 0, tile_targets);
}

TEST_CASE("quantised products by tiles give the bits of the operator", "[schedules]") {
  struct product {
    shape a, b;
  };
  auto const p = GENERATE(product{{5, 64}, {64, 64}}, product{{33, 128}, {128, 100}}, product{{2, 8, 64}, {64, 5}},
                          product{{70, 320}, {320, 48}}, product{{300, 64}, {64, 16}});
  for (bool const adds : {false, true}) {
    auto const c = quantized_product_of(dtype::uint8, p.a, p.b, 100, adds);
    CHECK(has_tiles_of_bytes(c, quantized_gemm_schedule));
    check_case(c, quantized_gemm_schedule, 0, tile_targets);
  }
  CHECK_FALSE(has_tiles_of_bytes(quantized_product_of(dtype::int8, p.a, p.b, 3), quantized_gemm_schedule));
}

TEST_CASE("targets without AMX have no quantised tiles", "[schedules]") {
  auto const c = quantized_case({.x = {1, 64, 6, 6}, .w = {64, 64, 1, 1}});
  for (auto const& t : byte_targets) CHECK_FALSE(offers(quantized_tile_convolution_schedule, c, t));
}
