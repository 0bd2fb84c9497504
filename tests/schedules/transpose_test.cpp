#include <sinter/schedules/transpose.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto transpose_entry = entry_of<sinter::transpose>();

void check_transpose(shape s, std::vector<std::int64_t> order) {
  INFO(to_string(s) << " by " << fmt::format("{}", fmt::join(order, ",")));
  check_case(make_case(transpose_entry, {{"perm", order}}, {{random_tensor(s, 1)}}), transpose_schedule, 0);
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
