#include <sinter/schedules/cast.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto cast_entry = entry_of<cast>();

/// `count` elements of a type: random ones, and for floats special ones.
any_tensor elements_of(dtype type, std::int64_t count) {
  auto const floats = random_tensor({count}, 5, -100, 100);
  std::vector<float> values(floats.as<float>().begin(), floats.as<float>().end());
  float const special[] = {0,     -0.0f,  INFINITY, -INFINITY,      NAN,  65520, 65519,
                           1e-7f, -6e-8f, 1e-40f,   1.00048828125f, 3e38f};
  for (std::size_t i = 0; i < values.size() && is_floating(type); i += 3) values[i] = special[i / 3 % 12];
  any_tensor t(type, {count});
  cast_elements(any_tensor::of<float>({count}, values).view(), t.mutable_view(), {});
  return t;
}

void check_cast(dtype from, dtype to) {
  INFO(name(from) << " to " << name(to));
  for (std::int64_t const count : {1, 7, 100, 20001}) {
    auto const c = make_case(cast_entry, {{"to", static_cast<std::int64_t>(to)}}, {{elements_of(from, count)}});
    auto const expected = expected_outputs(c)[0];
    for (auto const& t : targets)
      for (auto const& run : {kernel_runner(interpreted), kernel_runner(emitted)}) {
        auto const got = run_case(c, cast_schedule, t, run);
        REQUIRE(got);
        any_tensor a(dtype::float32, expected.shape()), b = any_tensor(dtype::float32, expected.shape());
        cast_elements((*got)[0].view(), a.mutable_view(), {});
        cast_elements(expected.view(), b.mutable_view(), {});
        CHECK(same_bits(a, b));
      }
  }
}

}  // namespace

TEST_CASE("casts between types that kernels load and store") {
  for (auto const to : {dtype::float16, dtype::bfloat16}) check_cast(dtype::float32, to);
  for (auto const from : {dtype::float16, dtype::bfloat16, dtype::int32, dtype::int8, dtype::uint8})
    check_cast(from, dtype::float32);
  check_cast(dtype::float16, dtype::bfloat16);
}

TEST_CASE("casts to integers are left to others") {
  auto const c = make_case(cast_entry, {{"to", static_cast<std::int64_t>(dtype::int32)}}, {{random_tensor({4}, 1)}});
  CHECK_FALSE(cast_schedule.applies(describe_case(c), targets[0]));
}
