#include <sinter/ops/entry.hpp>
#include <sinter/ops/integer_gemm.hpp>
#include <sinter/schedules/integer_gemm.hpp>

#include "harness.hpp"
#include <algorithm>
#include <array>
#include <string>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto integer_tile_entry = entry_of<integer_gemm>();
constexpr std::array integer_tile_targets{target("amx"), target("x86-64:avx512vnni"), target("avx2")};

test_case integers_of(dtype type, shape a, shape b, bool has_constant_zero, std::string const& epilogue = {},
                      std::vector<test_operand> extras = {}) {
  std::vector<test_operand> inputs{{.value = random_bytes(type, a, 1)},
                                   {.value = random_bytes(dtype::int8, b, 2), .constant = true},
                                   {.value = random_bytes(type, {}, 3), .constant = has_constant_zero}};
  inputs.insert(inputs.end(), extras.begin(), extras.end());
  attribute_map attributes;
  if (!epilogue.empty()) attributes["epilogue"] = epilogue;
  return make_case(integer_tile_entry, attributes, std::move(inputs));
}

/// Whether code for AMX has tiles.
bool has_integer_tiles(test_case const& c) {
  auto const n = describe_case(c);
  auto const code = integer_gemm_schedule.offer(n, integer_tile_targets[0]).at(0).build(n);
  return std::ranges::any_of(code.kernels, [](auto const& k) { return vector::has_tiles(k.make()); });
}

}  // namespace

TEST_CASE("products of 8-bit integers by tiles have the bits of all others", "[schedules]") {
  struct product {
    shape a, b;
  };
  auto const p = GENERATE(product{{5, 64}, {64, 64}}, product{{33, 128}, {128, 100}}, product{{2, 8, 64}, {64, 5}},
                          product{{70, 320}, {320, 48}}, product{{300, 64}, {64, 16}});
  INFO("a " << to_string(p.a) << " b " << to_string(p.b));
  auto const plain = integers_of(dtype::uint8, p.a, p.b, false);
  CHECK(has_integer_tiles(plain));
  check_case(plain, integer_gemm_schedule, 0, integer_tile_targets);
  auto result = p.a;
  result[result.rank() - 1] = p.b[1];
  check_case(integers_of(dtype::uint8, p.a, p.b, true, "t0 = mul x0 x1; t1 = mul t0 x2; t2 = add t1 x3; max t2 x4",
                         {{.value = random_tensor({p.b[1]}, 4), .constant = true},
                          {.value = random_tensor({1}, 5)},
                          {.value = random_tensor(result, 6)},
                          {.value = random_tensor({}, 7), .constant = true}}),
             integer_gemm_schedule, 0, integer_tile_targets);
}

TEST_CASE("products of 8-bit integers that fill no tiles are none of tiles", "[schedules]") {
  auto const type = dtype::uint8;
  CHECK(has_integer_tiles(integers_of(type, {5, 64}, {64, 64}, false)));
  CHECK_FALSE(has_integer_tiles(integers_of(type, {4, 64}, {64, 64}, false)));
  CHECK_FALSE(has_integer_tiles(integers_of(type, {40, 96}, {96, 64}, false)));
  CHECK_FALSE(has_integer_tiles(integers_of(dtype::int8, {40, 64}, {64, 64}, false)));
}
