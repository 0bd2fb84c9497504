#include "model/random_graph.hpp"

#include <sinter/graph/text.hpp>
#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "model/pipeline.hpp"
#include "passes/random_inputs.hpp"
#include <cstdlib>

using namespace sinter;
using namespace sinter::test;

namespace {

/// Checks one random graph on all that this CPU can run; says the seed on failure.
void check(std::uint32_t seed) {
  auto const text = random_graph(seed).text(2 + static_cast<int>(seed % 16));
  INFO("seed " << seed << "\n" << text);
  auto const g = parse(text);
  auto const inputs = random_inputs(g);
  auto const expected = evaluate(g, inputs);
  CHECK(difference(run_compiled(g, inputs, {.set = "none"}), expected, 1e-1) == "");
  std::vector<any_tensor> first;
  for (target const set : {"avx2", "avx512"}) {
    if (!native_target().covers(set)) continue;
    INFO(to_string(set));
    auto const got = run_compiled(g, inputs, {.set = set});
    CHECK(difference(got, expected, 1e-1) == "");
    CHECK(equal_bits(run_compiled(g, inputs, {.set = set, .guard = memory_guard::guarded}), got));
    if (first.empty()) first = got;
    CHECK(equal_bits(got, first));
  }
}

}  // namespace

TEST_CASE("random graphs compute the same compiled as evaluated") {
  auto const* const more = std::getenv("SINTER_RANDOM_GRAPHS");  // "from:count", for a search by hand
  std::uint32_t from = 1, count = 300;
  if (more && std::sscanf(more, "%u:%u", &from, &count) != 2) FAIL("SINTER_RANDOM_GRAPHS is not from:count");
  for (std::uint32_t seed = from; seed < from + count; ++seed) check(seed);
}
