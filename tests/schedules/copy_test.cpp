#include <sinter/schedules/channel_shuffle.hpp>
#include <sinter/schedules/copy.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto concat_entry = entry_of<concat>();
constexpr auto split_entry = entry_of<split>();
constexpr auto slice_entry = entry_of<slice>();
constexpr auto shuffle_entry = entry_of<channel_shuffle>();
using integers = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("channels are concatenated at any position") {
  for (auto const& channels : {integers{16, 32}, integers{58, 58}, integers{5, 3, 40}, integers{24, 1, 7, 16}}) {
    INFO(fmt::format("{}", fmt::join(channels, "+")));
    std::vector<test_operand> parts;
    for (auto const c : channels) parts.push_back(blocked({2, c, 5, 6}, static_cast<std::uint32_t>(c)));
    auto c = make_case(concat_entry, {{"axis", std::int64_t{1}}}, parts);
    c.slack_blocks = 1;
    check_case(c, copy_schedule, 0);
  }
}

TEST_CASE("parts of whole blocks may lie in the concatenation") {
  auto const places = [](std::vector<test_operand> parts, std::int64_t axis) {
    auto const c = make_case(concat_entry, {{"axis", axis}}, std::move(parts));
    return copy_schedule.offer(describe_case(c), targets[0]).at(0).layouts.input_places;
  };
  CHECK(places({blocked({2, 32, 3, 3}, 1), blocked({2, 16, 3, 3}, 2), blocked({2, 5, 3, 3}, 3)}, 1) ==
        integers{0, 32 * 36, 48 * 36});
  CHECK(places({blocked({2, 32, 3, 3}, 1), blocked({2, 5, 3, 3}, 2), blocked({2, 16, 3, 3}, 3)}, 1) ==
        integers{0, -1, -1});
  test_operand const rows{random_tensor({1, 4, 5}, 1)}, more{random_tensor({2, 4, 5}, 1)};
  CHECK(places({rows, rows}, 1) == integers{0, 80});
  CHECK(places({more, more}, 1) == integers{-1, -1});
}

TEST_CASE("a part that lies in the output already is not copied") {
  auto const c =
      make_case(concat_entry, {{"axis", std::int64_t{1}}}, {blocked({1, 16, 2, 2}, 1), blocked({1, 16, 2, 2}, 2)});
  for (auto const how : {layout::blocked, layout::row_major}) {
    auto n = describe_case(c);
    for (auto& in : n.inputs) in.how = how;
    n.outputs[0].how = how;
    n.inputs[0].placed = true;
    for (auto const& region : copy_schedule.offer(n, targets[0]).at(0).build(n).regions)
      for (auto const& grid : region.grids)
        for (auto const& a : grid.body[0].arguments) CHECK((a.in != space::input || a.index == 1));
  }
}

TEST_CASE("channels are split and sliced at any position") {
  for (auto const& sizes : {integers{58, 58}, integers{16, 48}, integers{3, 20, 8}}) {
    INFO(fmt::format("{}", fmt::join(sizes, "+")));
    std::int64_t total = 0;
    for (auto const s : sizes) total += s;
    auto c = make_case(split_entry, {{"axis", std::int64_t{1}}, {"split", sizes}}, {blocked({2, total, 3, 5}, 1)}, 11);
    c.node.outputs.clear();
    for (std::size_t i = 0; i < sizes.size(); ++i) c.node.outputs.push_back({static_cast<std::int32_t>(i + 1)});
    c.op.attributes = split_entry.parse(attribute_reader(c.node));
    check_case(c, copy_schedule, 0);
  }
  check_case(make_case(slice_entry, {{"axes", integers{1}}, {"starts", integers{5}}, {"ends", integers{44}}},
                       {blocked({2, 50, 3, 5}, 1)}, 9),
             copy_schedule, 0);
}

TEST_CASE("row-major runs are copied") {
  test_operand const a{random_tensor({3, 4, 5, 7}, 1)}, b{random_tensor({3, 4, 2, 7}, 2)};
  check_case(make_case(concat_entry, {{"axis", std::int64_t{-2}}}, {a, b}), copy_schedule, 0);
  test_operand const token{random_tensor({3, 4, 1, 7}, 3), true};
  check_case(make_case(concat_entry, {{"axis", std::int64_t{2}}}, {token, b}), copy_schedule, 0);
  test_operand const narrow{random_tensor({2, 4001, 3}, 1)}, narrower{random_tensor({2, 4001, 1}, 2)};
  check_case(make_case(concat_entry, {{"axis", std::int64_t{2}}}, {narrow, narrower}), copy_schedule, 0);
  test_operand const wide{random_tensor({2, 10000}, 1)};
  check_case(make_case(concat_entry, {{"axis", std::int64_t{0}}}, {wide, wide}), copy_schedule, 0);
  check_case(make_case(slice_entry, {{"axes", integers{2}}, {"starts", integers{1}}, {"ends", integers{-1}}}, {a}, 9),
             copy_schedule, 0);
  auto const stepped = make_case(slice_entry, {},
                                 {a,
                                  {any_tensor::of<std::int64_t>({1}, {0}), true},
                                  {any_tensor::of<std::int64_t>({1}, {4}), true},
                                  {any_tensor::of<std::int64_t>({1}, {3}), true},
                                  {any_tensor::of<std::int64_t>({1}, {2}), true}});
  CHECK_FALSE(offers(copy_schedule, stepped, targets[0]));
}

TEST_CASE("channel shuffles") {
  for (auto const& [channels, groups] :
       {std::pair{116, 2}, {232, 2}, {32, 2}, {48, 3}, {30, 5}, {64, 4}, {16, 16}, {20, 1}}) {
    INFO(channels << " in " << groups);
    auto c = make_case(shuffle_entry, {{"groups", std::int64_t{groups}}}, {blocked({2, channels, 7, 5}, 1)});
    c.slack_blocks = 1;
    check_case(c, channel_shuffle_schedule, 0);
  }
}

TEST_CASE("channel shuffles of the parts of a Concat") {
  auto const shuffled = [](integers const& channels, std::int64_t axis) {
    std::vector<test_operand> parts;
    std::int64_t sum = 0;
    for (auto const c : channels) {
      parts.push_back(blocked({2, c, 7, 5}, static_cast<std::uint32_t>(c + sum)));
      sum += axis == 1 ? c : 0;
    }
    auto cases = std::vector{make_case(concat_entry, {{"axis", axis}}, parts)};
    shape joined{2, axis == 1 ? sum : channels[0], 7, 5};
    if (axis != 1) joined[static_cast<std::size_t>(axis)] *= static_cast<std::int64_t>(channels.size());
    cases.push_back(make_case(shuffle_entry, {{"groups", std::int64_t{2}}}, {blocked(joined, 1)}));
    for (auto& c : cases) c.slack_blocks = 1;
    return cases;
  };
  for (auto const& channels : {integers{58, 58}, integers{116, 116}, integers{32, 16}, integers{5, 3, 40}}) {
    INFO(fmt::format("{}", fmt::join(channels, "+")));
    check_group(shuffled(channels, 1), joined_shuffle_schedule, 0);
  }
  CHECK_FALSE(offers(joined_shuffle_schedule, describe_group(shuffled({16, 16}, 2)), targets[0]));
}
