#pragma once

#include <sinter/program/device_forms.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// An axis of x along which an index says where to read: the indices that there are, and elements for one step.
struct device_choice {
  std::int64_t limit = 1, step = 0;
};

/// Elements of x where indices say. `sizes` are those of the dense result; `from` and `of` are elements of x and
/// indices for one step of each coordinate. Each coordinate has as many neighbouring indices as there are choices.
struct device_gather {
  device_sizes sizes{};
  device_sizes from{};
  device_sizes of{};
  std::vector<device_choice> choices{};
  std::int64_t x_elements = 0;
  std::int64_t bytes = 4;  ///< of an element: 1, 2, 4 or 8
  dtype index = dtype::int64;
  bool checked = false;         ///< a last argument takes indices that are none: a word for each choice
  std::int64_t alignment = 16;  ///< bytes that divide the addresses of x and y
};

/// The same with elements twice as large, as often as neighbours stay neighbours, up to 16 bytes.
inline void widen(device_gather& g) {
  auto const even = [](std::int64_t v) { return v % 2 == 0; };
  auto const even_step = [](device_choice const& c) { return c.step % 2 == 0; };
  while (g.bytes < 16 && g.alignment % (2 * g.bytes) == 0 && g.from.back() == 1 && g.of.back() == 0 &&
         even(g.sizes.back()) && std::all_of(g.from.begin(), g.from.end() - 1, even) &&
         std::ranges::all_of(g.choices, even_step)) {
    g.bytes *= 2;
    g.sizes.back() /= 2;
    for (std::size_t axis = 0; axis + 1 < g.from.size(); ++axis) g.from[axis] /= 2;
    for (auto& c : g.choices) c.step /= 2;
  }
}

inline device_call gather_call(device_gather g) {
  auto const count = std::ssize(g.choices);
  auto const x = dense_argument(g.x_elements * g.bytes, false, dtype::uint8);
  auto const indices = dense_argument(extent_of(g.sizes, g.of) + count - 1, false, g.index);
  auto const y = dense_argument(product_of(g.sizes) * g.bytes, true, dtype::uint8);
  auto dense = row_major_strides(g.sizes);
  device_sizes* const strides[] = {&g.from, &g.of, &dense};
  merge_axes(g.sizes, strides);
  widen(g);
  auto call = coordinate_call("gather", g.sizes, 1, {{"bytes", g.bytes}, {"choices", count}, {"checked", g.checked}});
  auto const add = [&](char const* name, std::size_t number, std::int64_t value) {
    call.kernel.constants.push_back({name + std::to_string(number), value});
  };
  for (std::size_t axis = 0; axis < g.from.size(); ++axis) add("from", axis, g.from[axis]);
  for (std::size_t axis = 0; axis < g.of.size(); ++axis) add("of", axis, g.of[axis]);
  for (std::size_t i = 0; i < g.choices.size(); ++i) add("limit", i, g.choices[i].limit);
  for (std::size_t i = 0; i < g.choices.size(); ++i) add("step", i, g.choices[i].step);
  call.kernel.arguments = {x, indices, y};
  if (g.checked) call.kernel.arguments.push_back(dense_argument(count, true, dtype::int64));
  return call;
}

}  // namespace sinter
