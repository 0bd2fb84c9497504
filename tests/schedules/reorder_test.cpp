#include <sinter/schedules/reorder.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

void check_reorder(dtype type, shape const& s, std::int64_t slack, target const& t) {
  INFO("shape " << to_string(s) << " slack " << slack << " lanes " << t.lanes());
  auto const x = type == dtype::float32 ? random_tensor(s, 1) : random_bytes(type, s, 1);
  auto const rows = info_of({type, s}, layout::row_major, 0);
  auto const blocked = info_of({type, s}, layout::blocked, slack);
  test_memory there;
  there.inputs.emplace_back(rows);
  there.inputs[0].write(x);
  there.outputs.emplace_back(blocked);
  auto const to_blocked = build_reorder(rows, blocked, t);
  verify_code(to_blocked, t);
  fragment_run(to_blocked, there, emitted).run();
  CHECK(same_bits(there.outputs[0].read(), x));

  test_memory back;
  back.inputs.emplace_back(blocked);
  back.inputs[0].write(x);
  back.outputs.emplace_back(rows);
  auto const to_rows = build_reorder(blocked, rows, t);
  verify_code(to_rows, t);
  fragment_run(to_rows, back, emitted).run();
  CHECK(same_bits(back.outputs[0].read(), x));
}

}  // namespace

TEST_CASE("reorders keep every element, with zeros in the lanes past the last channel") {
  for (auto const& t : targets)
    for (auto const& s :
         {shape{1, 3, 7, 7}, shape{2, 16, 4, 4}, shape{1, 40, 5, 3}, shape{2, 33, 31, 19}, shape{1, 64, 1, 1},
          shape{3, 10}, shape{2, 37, 1, 1}, shape{1, 1, 40, 40}, shape{2, 5, 23}, shape{1, 24, 2, 3, 4}, shape{5, 8}})
      for (auto const slack : {0, 2})
        for (auto const type : {dtype::float32, dtype::uint8, dtype::int8}) check_reorder(type, s, slack, t);
}
