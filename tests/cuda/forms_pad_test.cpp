#include <sinter/kernels/copy.hpp>
#include <sinter/program/device_pad.hpp>

#include "forms.hpp"
#include <cstdint>
#include <numeric>
#include <optional>
#include <vector>

using namespace sinter;

namespace {

std::optional<std::int64_t> source_of(device_padding how, std::int64_t at, std::int64_t extent) {
  using enum device_padding;
  auto const mode = how == edge      ? kernels::pad_mode::edge
                    : how == reflect ? kernels::pad_mode::reflect
                    : how == wrap    ? kernels::pad_mode::wrap
                                     : kernels::pad_mode::constant;
  auto const source = kernels::padded_index(mode, at, extent);
  return source < 0 ? std::nullopt : std::optional(source);
}

template <typename T>
void add_pad(emulated_calls& calls, device_pad p, std::optional<T> value = {}) {
  std::vector<T> x(static_cast<std::size_t>(product_of(p.extents))), y;
  std::iota(x.begin(), x.end(), T{1});
  auto const strides = row_major_strides(p.extents);
  for (std::int64_t i = 0; i < product_of(p.sizes); ++i) {
    std::optional<std::int64_t> from = 0;
    auto rest = i;
    for (auto axis = p.sizes.size(); axis-- > 0; rest /= p.sizes[axis]) {
      auto const at = source_of(p.padding, rest % p.sizes[axis] * p.step[axis] + p.first[axis], p.extents[axis]);
      from = from && at ? std::optional(*from + *at * strides[axis]) : std::nullopt;
    }
    y.push_back(from ? x[static_cast<std::size_t>(*from)] : value.value_or(T{}));
  }
  p.bytes = sizeof(T), p.valued = value.has_value();
  std::vector arguments{calls.input(x), calls.output(std::int64_t(y.size() * sizeof(T)))};
  if (value) arguments.push_back(calls.input(std::vector<T>{*value}));
  calls.call(pad_call(p), arguments);
  calls.expect(arguments[1], y);
}

}  // namespace

TEST_CASE("pads of every mode", "[device]") {
  emulated_calls calls;
  using enum device_padding;
  for (auto const how : {value, edge, reflect, wrap}) {
    add_pad<float>(calls, {.sizes = {4, 9}, .extents = {2, 3}, .first = {-1, -4}, .step = {1, 1}, .padding = how});
    add_pad<std::uint8_t>(
        calls, {.sizes = {3, 2, 6}, .extents = {3, 5, 1}, .first = {0, 2, -3}, .step = {1, 1, 1}, .padding = how});
  }
  device_pad const line{.sizes = {40}, .extents = {5}, .first = {-17}, .step = {1}};
  add_pad<float>(calls, line, -2.5f);
  add_pad<std::int64_t>(calls, line, std::int64_t{1} << 40);
  calls.run();
}

TEST_CASE("slices that go backwards", "[device]") {
  emulated_calls calls;
  add_pad<float>(calls, {.sizes = {3, 4, 2}, .extents = {3, 9, 5}, .first = {2, 1, 4}, .step = {-1, 2, -3}});
  add_pad<std::uint16_t>(calls, {.sizes = {300}, .extents = {300}, .first = {299}, .step = {-1}});
  calls.run();
}
