#include <sinter/graph/text.hpp>
#include <sinter/passes/pass.hpp>
#include <sinter/plan/library.hpp>
#include <sinter/plan/plan.hpp>

#include "catch.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace sinter;

namespace {

/// A convolution, its result and a constant, for a batch of `n`.
program plan_for(target const& set, std::int64_t n) {
  auto g = parse(fmt::format(R"(
graph opset 13 {{
  input x: float[{}x16x8x8]
  const w = float[16x16x3x3] random(1)
  const c = float[3] {{1, 2, 3}}
  y = Conv(x, w) {{pads = [1, 1, 1, 1]}}
  z = Relu(y)
  output z
  output c
}})",
                             n));
  optimize(g);
  return plan(g, {.machine = set});
}

std::int64_t most_bytes(std::vector<library_variant> const& variants, std::int64_t program::*bytes) {
  std::int64_t most = 0;
  for (auto const& v : variants)
    for (auto const& p : v.plans) most = std::max(most, p.*bytes);
  return most;
}

}  // namespace

TEST_CASE("the programs of a library share weights, kernels and working memory", "[plan]") {
  std::vector<library_variant> variants;
  for (auto const* const set : {"avx2", "avx512"}) {
    variants.push_back({.name = set, .set = set});
    for (auto const n : {1, 2}) variants.back().plans.push_back(plan_for(set, n));
  }
  std::vector<std::int64_t> const output_bytes{2 * 16 * 8 * 8 * 4, 12};
  std::vector<std::int64_t> const input_bytes{2 * 16 * 8 * 8 * 4};
  auto const memory = place_library(variants, input_bytes, output_bytes, 3);

  std::int64_t end = 0;
  for (auto const& w : memory.weights) {
    CHECK(w.offset == end);
    end += round_up(w.bytes, arena_alignment);
  }
  CHECK(memory.weight_bytes == end);
  for (auto const& v : variants) {
    REQUIRE(v.constant_outputs.size() == 2);
    CHECK(!v.kernels.empty());
    for (std::size_t i = 0; i < v.plans.size(); ++i) {
      CHECK(v.plans[i].kernels.empty());
      CHECK(!v.constant_outputs[i][0]);
      REQUIRE(v.constant_outputs[i][1]);
      CHECK(v.constant_outputs[i] == variants[0].constant_outputs[0]);
    }
  }
  auto const& constant = memory.weights[*variants[0].constant_outputs[0][1]];
  std::vector<float> values(3);
  REQUIRE(constant.bytes == 12);
  constant.fill(reinterpret_cast<std::byte*>(values.data()));
  CHECK(values == std::vector<float>{1, 2, 3});

  CHECK(memory.scratch_offset == round_up(most_bytes(variants, &program::arena_bytes), arena_alignment));
  CHECK(memory.scratch_bytes == round_up(most_bytes(variants, &program::scratch_bytes), arena_alignment));
  CHECK(memory.output_offsets[0] == memory.scratch_offset + 3 * memory.scratch_bytes);
  CHECK(memory.working_bytes == memory.output_offsets[1]);  // a constant output takes none
}
