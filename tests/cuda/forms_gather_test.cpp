#include <sinter/program/device_gather.hpp>

#include "cuda/forms.hpp"
#include <cstddef>
#include <cstdint>
#include <vector>

using namespace sinter;

namespace {

/// Of slices along the middle axis.
device_gather along(std::int64_t outer, std::int64_t limit, std::int64_t count, std::int64_t inner) {
  return {.sizes = {outer, count, inner},
          .from = {limit * inner, 0, 1},
          .of = {0, 1, 0},
          .choices = {{limit, inner}},
          .x_elements = outer * limit * inner};
}

template <typename T>
std::vector<T> counted(std::size_t count) {
  std::vector<T> x(count);
  for (std::size_t i = 0; i < count; ++i) x[i] = static_cast<T>(3 * i + 1);
  return x;
}

}  // namespace

TEST_CASE("gathers of any element, from the end and clamped", "[device]") {
  emulated_calls calls;
  std::vector<std::int64_t> const indices{4, -1, 0, -5, 7, -9};
  std::vector<std::size_t> const chosen{4, 4, 0, 0, 4, 0};
  auto const add = [&]<typename T, typename I>(std::size_t outer, std::size_t inner, T, I) {
    auto const x = counted<T>(outer * 5 * inner);
    std::vector<T> y;
    for (std::size_t o = 0; o < outer; ++o)
      for (auto const i : chosen)
        for (std::size_t k = 0; k < inner; ++k) y.push_back(x[(o * 5 + i) * inner + k]);
    auto g = along(std::int64_t(outer), 5, 6, std::int64_t(inner));
    g.bytes = sizeof(T), g.index = dtype_of<I>;
    calls.expect_result(gather_call(g), {calls.input(x), calls.input(std::vector<I>(indices.begin(), indices.end()))},
                        y);
  };
  add(2, 3, 0.0f, std::int64_t{});
  add(1, 8, 0.0f, std::int32_t{});
  add(3, 1, std::uint8_t{}, std::int64_t{});
  add(1, 2, std::int64_t{}, std::int64_t{});
  calls.run();
}

TEST_CASE("a gather leaves an index outside in the word of its choice", "[device]") {
  emulated_calls calls;
  auto const x = counted<float>(2 * 3 * 4 * 2);  // two batches of 3 x 4 pairs
  device_gather g{.sizes = {2, 3, 2},
                  .from = {24, 0, 1},
                  .of = {6, 2, 0},
                  .choices = {{3, 8}, {4, 2}},
                  .x_elements = std::ssize(x),
                  .checked = true};
  auto const add = [&](std::vector<std::int64_t> indices, std::vector<std::int64_t> const& left) {
    auto const y = calls.output(12 * 4), words = calls.changing({0, 0, 0, 0});
    std::vector<float> expected;
    for (std::size_t i = 0; i < 6; ++i) {
      auto const at = [&](std::size_t k, std::int64_t limit) {
        auto const index = indices[2 * i + k];
        return std::clamp<std::int64_t>(index < 0 ? index + limit : index, 0, limit - 1);
      };
      for (std::int64_t k = 0; k < 2; ++k)
        expected.push_back(x[static_cast<std::size_t>(std::int64_t(i / 3) * 24 + at(0, 3) * 8 + at(1, 4) * 2 + k)]);
    }
    calls.call(gather_call(g), {calls.input(x), calls.input(indices), y, words});
    calls.expect(y, expected);
    calls.expect(words, left);
  };
  add({0, 0, 2, 3, -1, -1, -3, -4, 1, 2, 0, 1}, {0, 0});
  add({0, 0, 2, 3, 3, -1, -3, -4, 3, 2, 0, 1}, {3, 0});
  add({0, 0, 2, 3, -1, -1, -3, -5, 1, 2, 0, 1}, {0, -5});
  calls.run();
}
