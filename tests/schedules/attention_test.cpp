#include <sinter/core/float16.hpp>
#include <sinter/ops/attention.hpp>
#include <sinter/ops/entry.hpp>
#include <sinter/schedules/attention.hpp>

#include "harness.hpp"
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto attention_entry = entry_of<attention>();

struct attention_extents {
  std::int64_t batch = 1, heads = 2, key_heads = 2, queries = 7, keys = 7, d = 8, e = 8;
};

/// Heads side by side in rows, or one behind the other.
test_case attention_case(attention_extents const& x, bool interleaved, attribute_map attributes = {},
                         std::vector<test_operand> mask = {}) {
  auto const heads = [&](std::int64_t count, std::int64_t rows, std::int64_t size) {
    return interleaved ? shape{x.batch, rows, count * size} : shape{x.batch, count, rows, size};
  };
  std::vector<test_operand> inputs{{random_tensor(heads(x.heads, x.queries, x.d), 1)},
                                   {random_tensor(heads(x.key_heads, x.keys, x.d), 2)},
                                   {random_tensor(heads(x.key_heads, x.keys, x.e), 3)}};
  if (interleaved) attributes["q_num_heads"] = x.heads, attributes["kv_num_heads"] = x.key_heads;
  inputs.insert(inputs.end(), mask.begin(), mask.end());
  return make_case(attention_entry, std::move(attributes), std::move(inputs), 24);
}

/// Numbers of which each seventh is minus infinity; all of row `hidden`.
any_tensor attention_mask(shape s, std::int64_t hidden) {
  auto t = random_tensor(s, 4);
  auto const minus_infinity = -std::numeric_limits<float>::infinity();
  auto* const data = static_cast<float*>(t.data());
  for (std::size_t i = 0; i < t.elements(); i += 7) data[i] = minus_infinity;
  for (std::int64_t i = 0; i < s.back(); ++i) data[hidden * s.back() + i] = minus_infinity;
  return t;
}

any_tensor as_bfloat16(any_tensor const& t) {
  any_tensor r(dtype::float32, t.shape());
  auto* to = static_cast<float*>(r.data());
  for (auto const value : t.as<float>()) *to++ = bfloat16_to_float(float_to_bfloat16(value));
  return r;
}

constexpr target with_attention_tiles("amx");

/// The candidate of tiles, in the interpreter and as machine code: as exact as weights of bfloat16 allow.
void check_attention_tiles(test_case const& c) {
  auto const offered = attention_schedule.offer(describe_case(c), with_attention_tiles);
  REQUIRE(offered.size() == 2);
  auto const& how = offered[1];
  CHECK(how.precision == precision::bfloat16);
  CHECK(how.cost < offered[0].cost);
  auto const got = run_case(c, how, with_attention_tiles)[0];
  auto rounded = c;
  for (std::size_t i = 0; i < 3; ++i) rounded.inputs[i].value = as_bfloat16(c.inputs[i].value);
  CHECK(difference(got, expected_outputs(rounded)[0]) < 4e-3);
  CHECK(difference(got, expected_outputs(c)[0]) > 1e-5);
  if (native_target().covers(with_attention_tiles))
    CHECK(same_bits(run_case(c, how, with_attention_tiles, emitted)[0], got));
  else
    WARN("SKIPPED: this CPU has no AMX");
}

}  // namespace

TEST_CASE("attention of heads of all sizes agrees with evaluate", "[schedules]") {
  auto const x = GENERATE(attention_extents{.queries = 6, .keys = 16, .d = 16, .e = 16}, attention_extents{.keys = 1},
                          attention_extents{.queries = 1, .keys = 70, .d = 20, .e = 4},
                          attention_extents{.batch = 2, .queries = 13, .keys = 49, .d = 32, .e = 32},
                          attention_extents{.queries = 20, .keys = 130, .d = 64, .e = 64},
                          attention_extents{.heads = 1, .key_heads = 1, .queries = 5, .keys = 65, .d = 80, .e = 130});
  INFO(x.queries << " queries, " << x.keys << " keys of " << x.d << ", values of " << x.e);
  check_case(attention_case(x, false), attention_schedule);
  check_case(attention_case(x, true), attention_schedule);
}

TEST_CASE("few queries read keys where they lie, as the operator's definition says", "[schedules]") {
  for (std::int64_t const d : {4, 20, 64, 128, 129})
    for (std::int64_t const keys : {1, 16, 53})
      for (auto const& [queries, heads] : {std::pair{1, 2}, std::pair{3, 2}, std::pair{2, 4}, std::pair{3, 4}}) {
        attention_extents const x{.batch = 2, .heads = heads, .queries = queries, .keys = keys, .d = d, .e = 12};
        INFO(queries << " queries, " << heads << " heads, " << keys << " keys of " << d);
        check_case(attention_case(x, keys == 16, {{"scale", 0.3f}}), attention_schedule);
      }
}

TEST_CASE("attention with shared heads, masks and scales agrees with evaluate", "[schedules]") {
  attention_extents const x{.batch = 2, .heads = 4, .key_heads = 2, .queries = 9, .keys = 37, .d = 8, .e = 12};
  bool const constant = GENERATE(false, true);
  for (auto const& [mask, hidden] : {std::pair{shape{9, 37}, 3}, std::pair{shape{2, 1, 9, 37}, 12},
                                     std::pair{shape{2, 1, 1, 37}, 1}, std::pair{shape{4, 9, 1}, 5}}) {
    INFO(to_string(mask));
    for (auto const scale : {0.3f, -2.0f, 1.0f})
      check_case(attention_case(x, scale > 0, {{"scale", scale}}, {{attention_mask(mask, hidden), constant}}),
                 attention_schedule);
  }
}

TEST_CASE("causal attention agrees with evaluate", "[schedules]") {
  for (auto const length : {1, 5, 16, 48, 131}) {
    INFO(length);
    attention_extents const x{.queries = length, .keys = length, .d = 8, .e = 16};
    check_case(attention_case(x, true, {{"is_causal", std::int64_t{1}}}), attention_schedule);
    shape const all{length, length};
    check_case(attention_case(x, false, {{"is_causal", std::int64_t{1}}}, {{attention_mask(all, 0)}}),
               attention_schedule);
  }
}

TEST_CASE("attention that caps scores or sees a window of keys runs elsewhere", "[schedules]") {
  attention_extents const x{};
  CHECK(offers(attention_schedule, attention_case(x, false), targets[0]));
  CHECK_FALSE(offers(attention_schedule, attention_case(x, false, {{"softcap", 2.0f}}), targets[0]));
  CHECK_FALSE(
      offers(attention_schedule, attention_case(x, false, {{"left_window_size", std::int64_t{2}}}), targets[0]));
}

TEST_CASE("attention by tiles agrees with evaluate of rounded operands", "[schedules]") {
  auto const x = GENERATE(attention_extents{.queries = 9, .keys = 1, .d = 16, .e = 16},
                          attention_extents{.queries = 16, .keys = 33, .d = 48, .e = 48},
                          attention_extents{.batch = 2, .queries = 49, .keys = 49, .d = 32, .e = 32},
                          attention_extents{.heads = 4, .queries = 40, .keys = 130, .d = 64, .e = 80},
                          attention_extents{.heads = 1, .key_heads = 1, .queries = 32, .keys = 197, .d = 80, .e = 16});
  INFO(x.queries << " queries, " << x.keys << " keys of " << x.d << ", values of " << x.e);
  check_attention_tiles(attention_case(x, false, {{"scale", 0.25f}}));
  check_attention_tiles(attention_case(x, true, {{"scale", -0.125f}}));
}

TEST_CASE("attention by tiles hides keys", "[schedules]") {
  attention_extents x{.heads = 4, .queries = 21, .keys = 37, .d = 16, .e = 16};
  check_attention_tiles(attention_case(x, true, {{"scale", 0.25f}}, {{random_tensor({1, 1, 1, 37}, 5)}}));
  for (auto const& mask : {shape{21, 37}, shape{4, 21, 1}})
    check_attention_tiles(attention_case(x, true, {{"scale", 0.25f}}, {{attention_mask(mask, 0)}}));
  x.queries = x.keys = 131;
  check_attention_tiles(attention_case(x, true, {{"scale", 0.25f}, {"is_causal", std::int64_t{1}}}));
}

TEST_CASE("attention of few queries or of odd sizes takes no tiles", "[schedules]") {
  auto const ways = [](attention_extents const& x) {
    return attention_schedule.offer(describe_case(attention_case(x, false)), with_attention_tiles).size();
  };
  CHECK(ways({.queries = 9, .d = 16, .e = 16}) == 2);
  CHECK(ways({.queries = 8, .d = 16, .e = 16}) == 1);
  CHECK(ways({.queries = 9, .d = 17, .e = 16}) == 1);
  CHECK(ways({.queries = 9, .d = 16, .e = 24}) == 1);
}
