// A generated class that keeps state: y = x + now + before; now_next = x + now, before_next = now.
#include "catch.hpp"
#include <array>
#include <sums.hpp>
#include <vector>

namespace {

std::vector<float> runs_of(sums& net, std::vector<float> const& xs) {
  std::vector<float> results;
  for (auto const x : xs) {
    std::array<float, 3> const given{x, 10 * x, 100 * x};
    auto const out = net.run({.x = given});
    CHECK((out.y[1] == 10 * out.y[0] && out.y[2] == 100 * out.y[0]));
    results.push_back(out.y[0]);
  }
  return results;
}

}  // namespace

TEST_CASE("objects of a generated class keep state") {
  for (auto const set : {sums::instruction_set::portable, sums::instruction_set::avx2}) {
    if (!sums::supports(set)) continue;
    sums net(set);
    CHECK(runs_of(net, {1, 2, 3, 4}) == std::vector<float>{1, 3, 7, 13});  // now: 0 1 3 6, before: 0 0 1 3
    auto const kept = net.save_state();
    CHECK((kept.now == std::array<float, 3>{10, 100, 1000}));
    CHECK((kept.before == std::array<float, 3>{6, 60, 600}));
    CHECK(runs_of(net, {0}) == std::vector<float>{16});
    net.reset_state();
    CHECK(runs_of(net, {5}) == std::vector<float>{5});
    net.restore_state(kept);
    CHECK(runs_of(net, {0}) == std::vector<float>{16});
    sums other(set);
    other.restore_state(net.save_state());
    CHECK(runs_of(other, {1, 1}) == runs_of(net, {1, 1}));
  }
}
