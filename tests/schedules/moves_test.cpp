#include <sinter/ops/expand.hpp>
#include <sinter/ops/slice.hpp>
#include <sinter/ops/transpose.hpp>
#include <sinter/schedules/moves.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto transpose_entry = entry_of<sinter::transpose>();
constexpr auto strided_slice_entry = entry_of<slice>();
constexpr auto expand_entry = entry_of<expand>();
constexpr auto tile_entry = entry_of<tile>();
constexpr auto depth_to_space_entry = entry_of<depth_to_space>();
constexpr auto space_to_depth_entry = entry_of<space_to_depth>();

test_operand numbers(std::vector<std::int64_t> const& v) {
  return {any_tensor::of<std::int64_t>({static_cast<std::int64_t>(v.size())}, v), true};
}

void check_move(test_case const& c) { check_case(c, moves_schedule, 0); }

void check_transpose(shape s, std::vector<std::int64_t> order) {
  INFO(to_string(s) << " by " << fmt::format("{}", fmt::join(order, ",")));
  check_case(make_case(transpose_entry, {{"perm", order}}, {{random_tensor(s, 1)}}), moves_schedule, 0);
}

}  // namespace

TEST_CASE("transpositions") {
  check_transpose({16, 16}, {1, 0});
  check_transpose({37, 21}, {1, 0});
  check_transpose({3, 40, 5}, {0, 2, 1});
  check_transpose({2, 3, 17, 19}, {0, 2, 3, 1});
  check_transpose({2, 17, 19, 3}, {0, 3, 1, 2});
  check_transpose({2, 7, 4, 33}, {0, 2, 1, 3});
  check_transpose({2, 7, 4, 33}, {0, 2, 3, 1});
  check_transpose({3, 4, 5, 6}, {3, 2, 1, 0});
  check_transpose({2, 3, 4}, {0, 1, 2});
  check_transpose({1, 1, 1}, {2, 0, 1});
  check_transpose({2, 50, 3, 4, 8}, {2, 0, 3, 1, 4});
  check_transpose({1, 300, 100}, {0, 2, 1});
}

TEST_CASE("slices of several axes, with steps") {
  test_operand const x{random_tensor({3, 20, 37}, 1)};
  auto const sliced = [&](std::vector<std::int64_t> starts, std::vector<std::int64_t> ends,
                          std::vector<std::int64_t> steps) {
    return make_case(strided_slice_entry, {}, {x, numbers(starts), numbers(ends), numbers({0, 1, 2}), numbers(steps)});
  };
  check_move(sliced({0, 2, 1}, {3, 19, 36}, {1, 1, 1}));
  check_move(sliced({1, 0, 3}, {3, 20, 37}, {1, 3, 2}));
  check_move(sliced({0, 0, 5}, {3, 20, 6}, {2, 1, 1}));
  CHECK_FALSE(offers(moves_schedule, sliced({2, 0, 0}, {-9, 20, 37}, {-1, 1, 1}), targets[0]));
}

TEST_CASE("elements and blocks that repeat") {
  test_operand const column{random_tensor({2, 1, 9, 1}, 1)};
  check_move(make_case(expand_entry, {}, {column, numbers({2, 5, 9, 40})}));
  check_move(make_case(expand_entry, {}, {{random_tensor({33}, 1)}, numbers({4, 33})}));
  check_move(make_case(expand_entry, {}, {{random_tensor({1}, 1)}, numbers({70})}));
  check_move(make_case(tile_entry, {}, {{random_tensor({2, 3, 5}, 1)}, numbers({2, 1, 3})}));
}

TEST_CASE("blocks of pixels and channels") {
  test_operand const deep{random_tensor({2, 12, 5, 9}, 1)}, wide{random_tensor({1, 3, 8, 36}, 2)};
  attribute_map const block{{"blocksize", std::int64_t{2}}};
  check_move(make_case(depth_to_space_entry, block, {deep}));
  check_move(make_case(depth_to_space_entry, {{"blocksize", std::int64_t{2}}, {"mode", std::string("CRD")}}, {deep}));
  check_move(make_case(space_to_depth_entry, block, {wide}));
}
