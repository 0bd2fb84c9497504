#include <sinter/core/float16.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/ops/fused_convolution.hpp>
#include <sinter/ops/fused_gemm.hpp>
#include <sinter/schedules/convolution.hpp>
#include <sinter/schedules/gemm.hpp>
#include <sinter/schedules/tile_convolution.hpp>
#include <sinter/schedules/tile_gemm.hpp>
#include <sinter/schedules/tile_planes.hpp>
#include <sinter/schedules/winograd.hpp>

#include "harness.hpp"
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr target with_bfloat16("x86-64:avx512f,avx512bf16");
constexpr target with_tiles("amx");
constexpr auto bfloat16_convolution_entry = entry_of<fused_convolution>();
constexpr auto bfloat16_gemm_entry = entry_of<fused_gemm>();

any_tensor rounded(any_tensor const& t) {
  any_tensor r(dtype::float32, t.shape());
  auto* to = static_cast<float*>(r.data());
  for (auto const value : t.as<float>()) *to++ = bfloat16_to_float(float_to_bfloat16(value));
  return r;
}

/// Root of the mean square of the differences, in units of that of what is expected.
double rms_error(any_tensor const& got, any_tensor const& expected) {
  double error = 0, all = 0;
  for (std::size_t i = 0; i < expected.elements(); ++i) {
    double const e = expected.as<float>()[i], d = got.as<float>()[i] - e;
    error += d * d, all += e * e;
  }
  return std::sqrt(error / all);
}

/// What candidate `number` gives in the interpreter; as machine code it gives the same.
any_tensor run_pairs(test_case const& c, schedule const& s, std::size_t number = 0, target const& on = with_bfloat16) {
  for (auto const& t : targets) CHECK_FALSE(offers(s, c, t));
  auto const offered = s.offer(describe_case(c), on);
  REQUIRE(number < offered.size());
  auto const& how = offered[number];
  CHECK(how.precision == precision::bfloat16);
  auto const got = run_case(c, how, on)[0];
  if (native_target().covers(with_bfloat16))
    CHECK(same_bits(run_case(c, how, on, emitted)[0], got));
  else
    WARN("SKIPPED: this CPU has no AVX-512 BF16");
  return got;
}

/// Sums of products of rounded operands are those of float32, but for their order.
void check_pairs(test_case const& c, schedule const& s, target const& on = with_bfloat16) {
  auto const got = run_pairs(c, s, 0, on);
  auto exact = c;
  for (std::size_t const i : {0, 1}) exact.inputs[i].value = rounded(c.inputs[i].value);
  CHECK(difference(got, expected_outputs(exact)[0]) <= 3e-6);
  CHECK(difference(got, expected_outputs(c)[0]) > 1e-5);
}

test_case convolution_of(shape x, shape w, std::int64_t stride, std::int64_t pad, std::string const& epilogue = {},
                         std::vector<test_operand> const& extras = {}) {
  using list = std::vector<std::int64_t>;
  attribute_map a{{"kernel_shape", list(w.begin() + 2, w.end())},
                  {"strides", list(w.rank() - 2, stride)},
                  {"dilations", list(w.rank() - 2, 1)},
                  {"pads", list(2 * (w.rank() - 2), pad)},
                  {"group", std::int64_t{1}}};
  if (!epilogue.empty()) a["epilogue"] = epilogue;
  std::vector<test_operand> inputs{blocked(x, 1),
                                   {.value = random_tensor(w, 2), .constant = true},
                                   {.value = random_tensor({w[0]}, 3), .constant = true}};
  inputs.insert(inputs.end(), extras.begin(), extras.end());
  auto c = make_case(bfloat16_convolution_entry, a, std::move(inputs));
  c.slack_blocks = 1;
  return c;
}

}  // namespace

TEST_CASE("matrix products of bfloat16 are those of rounded operands", "[schedules]") {
  struct product {
    shape a, b;
    bool trans_b;
  };
  auto const p = GENERATE(product{{1, 70}, {70, 100}, false}, product{{1, 512}, {200, 512}, true},
                          product{{13, 34}, {34, 64}, false}, product{{2, 7, 24}, {24, 37}, false},
                          product{{40, 34}, {34, 1}, false}, product{{1, 9, 2}, {2, 20}, false});
  INFO("a " << to_string(p.a) << " b " << to_string(p.b));
  auto const columns = p.trans_b ? p.b[p.b.rank() - 2] : p.b.back();
  std::vector<test_operand> inputs{{.value = random_tensor(p.a, 1)},
                                   {.value = random_tensor(p.b, 2), .constant = true},
                                   {.value = random_tensor({columns}, 3), .constant = true}};
  attribute_map attributes{{"trans_b", std::int64_t{p.trans_b}}};
  auto const plain = make_case(bfloat16_gemm_entry, attributes, inputs);
  check_pairs(plain, bfloat16_gemm_schedule);
  inputs.push_back({.value = random_tensor(*inferred_types(plain)[0].shape, 4)});
  attributes["epilogue"] = "t0 = add x0 x1; max t0 0";
  check_pairs(make_case(bfloat16_gemm_entry, attributes, inputs), bfloat16_gemm_schedule);
  inputs[1].constant = false;
  if (!p.trans_b)
    CHECK_FALSE(offers(bfloat16_gemm_schedule, make_case(bfloat16_gemm_entry, attributes, inputs), with_bfloat16));
}

TEST_CASE("matrix products by tiles are those of rounded operands", "[schedules]") {
  struct product {
    shape a, b;
    bool trans_b;
  };
  auto const p = GENERATE(product{{1, 64}, {64, 64}, false}, product{{16, 96}, {100, 96}, true},
                          product{{33, 32}, {32, 16}, false}, product{{3, 19, 64}, {64, 130}, false},
                          product{{32, 64}, {64, 48}, false}, product{{70, 32}, {200, 32}, true},
                          product{{20, 320}, {320, 5}, false}, product{{2100, 32}, {32, 64}, false});
  INFO("a " << to_string(p.a) << " b " << to_string(p.b));
  auto const columns = p.trans_b ? p.b[p.b.rank() - 2] : p.b.back();
  std::vector<test_operand> inputs{{.value = random_tensor(p.a, 1)},
                                   {.value = random_tensor(p.b, 2), .constant = true},
                                   {.value = random_tensor({columns}, 3), .constant = true}};
  attribute_map attributes{{"trans_b", std::int64_t{p.trans_b}}};
  auto const plain = make_case(bfloat16_gemm_entry, attributes, inputs);
  check_pairs(plain, tile_gemm_schedule, with_tiles);
  CHECK_FALSE(offers(tile_gemm_schedule, plain, with_bfloat16));
  inputs[2] = {};
  check_pairs(make_case(bfloat16_gemm_entry, attributes, inputs), tile_gemm_schedule, with_tiles);
  inputs.push_back({.value = random_tensor(*inferred_types(plain)[0].shape, 4)});
  inputs.push_back({.value = random_tensor({columns}, 5), .constant = true});
  inputs.push_back({.value = random_tensor({columns}, 6)});
  inputs.push_back({.value = random_tensor({1}, 7)});
  attributes["epilogue"] = "t0 = add x0 x1; t1 = mul t0 x2; t2 = add t1 x3; t3 = mul t2 x4; max t3 0";
  auto const fused = make_case(bfloat16_gemm_entry, attributes, inputs);
  check_pairs(fused, tile_gemm_schedule, with_tiles);
  inputs.resize(4);
  attributes["epilogue"] = "t0 = add x0 x1; max t0 0";
  auto const added = make_case(bfloat16_gemm_entry, attributes, inputs);
  auto const how = tile_gemm_schedule.offer(describe_case(added), with_tiles).at(0);
  REQUIRE(how.layouts.in_place == std::vector<std::uint32_t>{3});
  CHECK(same_bits(run_case(added, how, with_tiles, emitted, 3)[0], run_case(added, how, with_tiles)[0]));
}

TEST_CASE("tiles are taken where rows fill them", "[schedules]") {
  auto const costs = [](std::int64_t rows) {
    auto const product = make_case(bfloat16_gemm_entry, {},
                                   {{.value = random_tensor({rows, 64}, 1)}, {random_tensor({64, 64}, 2), true}});
    auto const c = describe_case(product);
    return std::pair(tile_gemm_schedule.offer(c, with_tiles).at(0).cost, gemm_schedule.offer(c, with_tiles).at(0).cost);
  };
  for (std::int64_t const rows : {1, 2}) CHECK(costs(rows).first > costs(rows).second);
  for (std::int64_t const rows : {3, 5, 17, 100}) CHECK(costs(rows).first < costs(rows).second);
  auto const odd =
      make_case(bfloat16_gemm_entry, {}, {{.value = random_tensor({40, 48}, 1)}, {random_tensor({48, 100}, 2), true}});
  CHECK_FALSE(offers(tile_gemm_schedule, odd, with_tiles));
  CHECK(offers(half_gemm_schedule, odd, with_tiles));
  CHECK_FALSE(offers(bfloat16_gemm_schedule, odd, with_tiles));  // slower than float32 there
}

TEST_CASE("odd numbers of factors stay float32", "[schedules]") {
  auto const product =
      make_case(bfloat16_gemm_entry, {}, {{.value = random_tensor({4, 33}, 1)}, {random_tensor({33, 20}, 2), true}});
  CHECK(offers(gemm_schedule, product, with_bfloat16));
  CHECK_FALSE(offers(bfloat16_gemm_schedule, product, with_bfloat16));
  auto const odd = convolution_of({1, 19, 6, 6}, {16, 19, 3, 3}, 1, 1);
  CHECK_FALSE(offers(bfloat16_convolution_schedule, odd, with_bfloat16));
  CHECK_FALSE(offers(bfloat16_winograd_schedule, odd, with_bfloat16));
}

TEST_CASE("direct convolutions of bfloat16 are those of rounded operands", "[schedules]") {
  check_pairs(convolution_of({2, 32, 7, 9}, {40, 32, 1, 1}, 1, 0), bfloat16_convolution_schedule);
  check_pairs(convolution_of({1, 26, 9, 9}, {20, 26, 3, 3}, 2, 1), bfloat16_convolution_schedule);
  check_pairs(convolution_of({1, 16, 30}, {48, 16, 5}, 1, 2), bfloat16_convolution_schedule);
  check_pairs(convolution_of({1, 48, 1, 1}, {130, 48, 1, 1}, 1, 0, "max x0 0"), bfloat16_convolution_schedule);
  check_pairs(convolution_of({2, 18, 30, 30}, {16, 18, 3, 3}, 1, 1, "t0 = mul x0 2; max t0 0"),
              bfloat16_convolution_schedule);
}

TEST_CASE("convolutions by tiles are those of rounded operands", "[schedules]") {
  auto const check = [](test_case const& c) {
    check_pairs(c, tile_convolution_schedule, with_tiles);
    CHECK_FALSE(offers(tile_convolution_schedule, c, with_bfloat16));
  };
  check(convolution_of({2, 32, 7, 9}, {40, 32, 1, 1}, 1, 0));
  check(convolution_of({1, 96, 13, 5}, {130, 96, 1, 1}, 2, 0, "max x0 0"));
  check(convolution_of({1, 32, 9, 35}, {20, 32, 3, 3}, 1, 1));
  check(convolution_of({2, 64, 9, 8}, {100, 64, 3, 3}, 2, 1, "t0 = mul x0 2; max t0 0"));
  check(convolution_of({1, 32, 70}, {48, 32, 5}, 1, 2));
  check(convolution_of({1, 64, 1, 1}, {16, 64, 1, 1}, 1, 0));
  check(convolution_of({1, 32, 70, 70}, {64, 32, 1, 1}, 1, 0));
  check(convolution_of({1, 32, 6, 6}, {16, 32, 2, 4}, 3, 3));
  check(convolution_of({2, 32, 6, 10}, {70, 32, 3, 3}, 1, 1, "t0 = add x0 x1; t1 = mul t0 x2; t2 = add t1 x3; max t2 0",
                       {blocked({2, 70, 6, 10}, 4),
                        blocked({2, 70, 1, 1}, 5),
                        {.value = random_tensor({70, 1, 1}, 6), .constant = true}}));
  check(convolution_of({1, 64, 7, 7}, {48, 64, 3, 3}, 1, 1));
  check(convolution_of({1, 32, 15, 15}, {16, 32, 5, 3}, 2, 2));
  check(convolution_of({2, 32, 3, 150}, {16, 32, 3, 3}, 1, 1));
  CHECK_FALSE(offers(tile_convolution_schedule, convolution_of({1, 48, 9, 9}, {16, 48, 3, 3}, 1, 1), with_tiles));
  CHECK_FALSE(offers(tile_convolution_schedule, convolution_of({1, 32, 9, 9}, {16, 32, 9, 9}, 1, 4), with_tiles));
}

TEST_CASE("convolutions of few channels by tiles are those of rounded operands", "[schedules]") {
  auto const check = [](shape x, shape w, std::int64_t stride, std::int64_t pad, std::string const& epilogue = {}) {
    auto c = convolution_of(x, w, stride, pad, epilogue);
    c.inputs[0].how = layout::row_major;
    check_pairs(c, tile_planes_schedule, with_tiles);
    CHECK_FALSE(offers(tile_planes_schedule, c, with_bfloat16));
  };
  check({2, 3, 30, 37}, {40, 3, 7, 7}, 2, 3, "max x0 0");
  check({1, 3, 9, 140}, {16, 3, 3, 3}, 1, 1);
  check({1, 1, 32, 32}, {64, 1, 16, 16}, 16, 0);
  check({1, 8, 5, 6}, {20, 8, 4, 32}, 3, 16);
  auto wide = convolution_of({1, 3, 9, 50}, {16, 3, 3, 33}, 1, 1);
  wide.inputs[0].how = layout::row_major;
  CHECK_FALSE(offers(tile_planes_schedule, wide, with_tiles));
}

TEST_CASE("Winograd convolutions of bfloat16 are as exact as rounding their transforms allows", "[schedules]") {
  auto const [number, allowed] =
      GENERATE(std::pair<std::size_t, double>{0, 0.006}, std::pair<std::size_t, double>{1, 0.016});
  for (auto const& c :
       {convolution_of({1, 32, 30, 34}, {40, 32, 3, 3}, 1, 1), convolution_of({2, 26, 9, 13}, {33, 26, 3, 3}, 1, 1),
        convolution_of({1, 64, 56, 57}, {16, 64, 3, 3}, 1, 0, "max x0 0")}) {
    auto const error = rms_error(run_pairs(c, bfloat16_winograd_schedule, number), expected_outputs(c)[0]);
    CHECK(error < allowed);
    CHECK(error > 0.001);
  }
}
