#include <sinter/core/widened_halves.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include <bit>
#include <cstring>
#include <string>
#include <vector>

using namespace sinter;

namespace {

/// All 65536 numbers of 16 bits, and three more.
std::vector<std::uint16_t> all_halves() {
  std::vector<std::uint16_t> all(65536 + 3);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::uint16_t>(i);
  return all;
}

any_tensor in_file(temporary_folder const& folder, std::vector<std::uint16_t> const& halves, dtype type) {
  std::string bytes(halves.size() * 2, '\0');
  std::memcpy(bytes.data(), halves.data(), bytes.size());
  auto const file = input_file::open(folder.write("halves", bytes), bytes.size());
  return {type, shape{static_cast<std::int64_t>(halves.size())},
          std::make_shared<located_bytes const>(file, 0, bytes.size())};
}

}  // namespace

TEST_CASE("each number of 16 bits is widened to the bits of its float32", "[core]") {
  auto const type = GENERATE(dtype::float16, dtype::bfloat16);
  temporary_folder const folder;
  auto const halves = all_halves();
  auto const floats = widened(in_file(folder, halves, type));
  std::size_t wrong = 0;
  auto const values = floats.as<float>();
  for (std::size_t i = 0; i < halves.size(); ++i) {
    auto const expected = type == dtype::float16 ? half_to_float(halves[i]) : bfloat16_to_float(halves[i]);
    wrong += std::bit_cast<std::uint32_t>(values[i]) != std::bit_cast<std::uint32_t>(expected);
  }
  CHECK(wrong == 0);
}

TEST_CASE("a tensor in a file tells what it was widened from", "[core]") {
  temporary_folder const folder;
  for (auto const type : {dtype::float16, dtype::bfloat16}) {
    auto const halves = in_file(folder, all_halves(), type);
    CHECK(widened_from(widened(halves)) == type);
    CHECK(widened_from(halves) == dtype::undefined);
  }
  CHECK(widened_from(any_tensor(dtype::float32, {4})) == dtype::undefined);
  any_tensor numbered(dtype::float32, {4});
  numbered.set_number(next_tensor_number());
  CHECK(widened_from(numbered) == dtype::undefined);
}
