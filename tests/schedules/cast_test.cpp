#include <sinter/schedules/cast.hpp>

#include "schedules/harness.hpp"

using namespace sinter;
using namespace sinter::test;

namespace {

constexpr auto cast_entry = entry_of<cast>();

test_case cast_case(any_tensor const& elements, dtype to) {
  return make_case(cast_entry, {{"to", static_cast<std::int64_t>(to)}}, {{elements}});
}

/// The elements in another type, as `evaluate` converts them.
any_tensor converted(any_tensor const& elements, dtype to) { return expected_outputs(cast_case(elements, to))[0]; }

/// `count` elements of a type: random ones, and for floats special ones.
any_tensor elements_of(dtype type, std::int64_t count) {
  auto const floats = random_tensor({count}, 5, -100, 100);
  std::vector<float> values(floats.as<float>().begin(), floats.as<float>().end());
  float const special[] = {0,     -0.0f,  INFINITY, -INFINITY,      NAN,  65520, 65519,
                           1e-7f, -6e-8f, 1e-40f,   1.00048828125f, 3e38f};
  for (std::size_t i = 0; i < values.size() && is_floating(type); i += 3) values[i] = special[i / 3 % 12];
  return converted(any_tensor::of<float>({count}, values), type);
}

void check_cast(dtype from, dtype to) {
  INFO(name(from) << " to " << name(to));
  for (std::int64_t const count : {1, 7, 100, 20001}) {
    auto const c = cast_case(elements_of(from, count), to);
    auto const expected = expected_outputs(c)[0];
    for (auto const& t : targets)
      for (auto const& run : {kernel_runner(interpreted), kernel_runner(emitted)}) {
        auto const got = run_case(c, cast_schedule, t, run);
        REQUIRE(got);
        CHECK(same_bits(converted((*got)[0], dtype::float32), converted(expected, dtype::float32)));
      }
  }
}

}  // namespace

TEST_CASE("casts between types that kernels load and store") {
  for (auto const to : {dtype::float16, dtype::bfloat16}) check_cast(dtype::float32, to);
  for (auto const from : {dtype::float16, dtype::bfloat16, dtype::int32, dtype::int8, dtype::uint8, dtype::boolean})
    check_cast(from, dtype::float32);
  check_cast(dtype::float16, dtype::bfloat16);
}

TEST_CASE("casts to integers are left to others") {
  auto const c = cast_case(random_tensor({4}, 1), dtype::int32);
  CHECK_FALSE(offers(cast_schedule, c, targets[0]));
}
