#include <sinter/ops/entry.hpp>
#include <sinter/ops/fused_elementwise.hpp>
#include <sinter/ops/logic.hpp>
#include <sinter/ops/where.hpp>
#include <sinter/schedules/elementwise.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto fused = entry_of<fused_elementwise>();
constexpr auto choice = entry_of<where>();
constexpr auto negation = entry_of<logical_not>();

test_operand rows(shape s, std::uint32_t seed) { return {random_tensor(s, seed)}; }
test_operand constant(shape s, std::uint32_t seed) { return {random_tensor(s, seed), true}; }

test_case elementwise(std::string function, std::vector<test_operand> inputs) {
  return make_case(fused, {{"function", std::move(function)}}, std::move(inputs));
}

}  // namespace

TEST_CASE("elementwise chains in blocked layout") {
  for (auto const& s :
       {shape{1, 16, 7, 7}, shape{2, 40, 5, 3}, shape{1, 3, 40, 33}, shape{2, 20}, shape{1, 200, 4, 4}}) {
    INFO(to_string(s));
    auto per_channel = shape::filled(s.rank(), 1);
    per_channel[1] = s[1];
    auto per_item = per_channel;
    per_item[0] = s[0];
    auto per_pixel = s;
    per_pixel[1] = 1;
    check_case(elementwise("t0 = add x0 x1; max t0 0", {blocked(s, 1), blocked(s, 2)}), elementwise_schedule);
    check_case(elementwise("t0 = sigmoid x0; mul t0 x0", {blocked(s, 1)}), elementwise_schedule);
    check_case(elementwise("mul x0 x1", {blocked(s, 1), blocked(per_item, 2)}), elementwise_schedule);
    check_case(elementwise("fma x0 x1 x2", {blocked(s, 1), constant(per_channel, 2), constant({}, 3)}),
               elementwise_schedule);
    check_case(elementwise("mul x1 x0", {blocked(s, 1), constant(s, 2)}), elementwise_schedule);
    if (s.rank() > 2) check_case(elementwise("mul x1 x0", {blocked(s, 1), rows(per_pixel, 2)}), elementwise_schedule);
  }
}

TEST_CASE("lanes past the last channel stay finite where the function has no value") {
  check_case(elementwise("div x0 x1", {blocked({2, 19, 3, 3}, 1), blocked({2, 19, 1, 1}, 2)}), elementwise_schedule);
  check_case(elementwise("div x0 x1", {blocked({2, 5, 3, 3}, 1), constant({1, 5, 1, 1}, 2)}), elementwise_schedule);
  check_case(elementwise("t0 = abs x0; t1 = sub t0 1.5; t2 = abs t1; log t2", {blocked({1, 33, 3, 3}, 1)}),
             elementwise_schedule);
}

TEST_CASE("blocked operands with a stride between items") {
  auto c = elementwise("t0 = add x0 x1; max t0 0", {blocked({3, 32, 5, 5}, 1), blocked({3, 32, 5, 5}, 2)});
  c.slack_blocks = 3;
  check_case(c, elementwise_schedule);
}

TEST_CASE("elementwise chains in row-major layout broadcast as numpy does") {
  struct shapes {
    shape a, b;
  };
  for (auto const& [a, b] : {shapes{{2, 3, 5}, {2, 3, 5}}, shapes{{4, 100}, {100}}, shapes{{4, 100}, {4, 1}},
                             shapes{{3, 1, 5, 1}, {1, 4, 1, 6}}, shapes{{70, 130}, {130}}, shapes{{}, {5}},
                             shapes{{}, {}}, shapes{{20000}, {1}}, shapes{{2, 8, 33, 65}, {8, 1, 1}},
                             shapes{{2, 3, 2, 3, 2, 3}, {3, 1, 3, 1, 3}}, shapes{{3, 5000}, {3, 1}}}) {
    INFO(to_string(a) << " with " << to_string(b));
    check_case(elementwise("t0 = mul x0 x1; sub t0 x1", {rows(a, 1), rows(b, 2)}), elementwise_schedule);
    check_case(elementwise("t0 = mul x0 x1; sub t0 x1", {rows(a, 1), constant(b, 2)}), elementwise_schedule);
  }
}

TEST_CASE("conditions are bytes") {
  auto const condition = [](shape s, std::uint32_t seed, bool constant = false) {
    any_tensor t(dtype::boolean, s);
    std::mt19937 random(seed);
    for (std::size_t i = 0; i < t.elements(); ++i) static_cast<bool*>(t.data())[i] = random() % 2 == 0;
    return test_operand{std::move(t), constant};
  };
  struct shapes {
    shape a, b;
  };
  for (auto const& [a, b] : {shapes{{2, 3, 5}, {2, 3, 5}}, shapes{{1, 1, 37, 37}, {2, 3, 37, 37}},
                             shapes{{2, 1, 70}, {1, 9, 1}}, shapes{{}, {4}}, shapes{{5000}, {5000}}}) {
    INFO(to_string(a) << " with " << to_string(b));
    for (bool const constant : {false, true}) {
      auto const c = condition(a, 1, constant);
      check_case(make_case(choice, {}, {c, rows(b, 2), rows({}, 3)}), elementwise_schedule);
      check_case(make_case(choice, {}, {c, rows(a, 2), rows(b, 3)}), elementwise_schedule);
      for (auto const& entry : std::span(logic_family::entries).first(3))
        check_case(make_case(entry, {}, {c, condition(b, 2)}), elementwise_schedule);
    }
    check_case(make_case(negation, {}, {condition(b, 1)}), elementwise_schedule);
  }
}

TEST_CASE("a condition keeps its choices in row-major layout") {
  any_tensor const none(dtype::boolean, {1, 16, 3, 3});
  auto const c = make_case(choice, {}, {{none}, blocked({1, 16, 3, 3}, 1), blocked({1, 16, 3, 3}, 2)});
  check_case(c, elementwise_schedule);
  auto const offered = elementwise_schedule.offer(describe_case(c), targets[0]);
  for (auto const how : offered[0].layouts.inputs) CHECK(how == layout::row_major);
}

TEST_CASE("what does not fit into registers or into a layout is left to others") {
  auto const wide = elementwise("pow x0 x1", {rows({4}, 1), rows({4}, 2)});
  CHECK_FALSE(offers(elementwise_schedule, wide, targets[1]));
  auto half = elementwise("max x0 0", {rows({4}, 1)});
  auto n = describe_case(half);
  n.inputs[0].type.element = dtype::float16;
  CHECK_FALSE(offers(elementwise_schedule, n, targets[0]));
}
