#pragma once

#include <sinter/program/device_forms.hpp>

#include <cstdint>
#include <string>
#include <utility>

namespace sinter {

/// Elements moved between tensors: `from` and `to` are elements for one step of each coordinate, which are those of the
/// result in the order of its memory. `bytes` of an element: 1, 2, 4 or 8.
struct device_copy {
  device_sizes sizes{};
  device_sizes from{};
  device_sizes to{};
  std::int64_t bytes = 4;
  std::int64_t alignment = 16;  ///< bytes that divide both addresses
};

/// The same copy of elements twice as large, as often as neighbours move together, up to 16 bytes.
inline void widen(device_copy& c) {
  auto const even = [](std::int64_t v) { return v % 2 == 0; };
  while (c.bytes < 16 && c.alignment % (2 * c.bytes) == 0 && c.from.back() == 1 && c.to.back() == 1 &&
         even(c.sizes.back()) && std::all_of(c.from.begin(), c.from.end() - 1, even) &&
         std::all_of(c.to.begin(), c.to.end() - 1, even)) {
    c.bytes *= 2;
    c.sizes.back() /= 2;
    for (auto* strides : {&c.from, &c.to})
      for (std::size_t axis = 0; axis + 1 < strides->size(); ++axis) (*strides)[axis] /= 2;
  }
}

/// The axis along which `from` has neighbours, if it is to be transposed with the last one; else -1.
inline std::int64_t axis_to_transpose(device_copy const& c) {
  constexpr std::int64_t least = 8;  // shorter axes leave most of a tile empty
  if (c.to.back() != 1 || c.from.back() == 1 || c.sizes.back() < least) return -1;
  for (std::size_t axis = 0; axis + 1 < c.sizes.size(); ++axis)
    if (c.from[axis] == 1 && c.sizes[axis] >= least) return static_cast<std::int64_t>(axis);
  return -1;
}

inline device_call copy_call(device_copy c) {
  auto const whole_from = dense_argument(extent_of(c.sizes, c.from) * c.bytes, false, dtype::uint8);
  auto const whole_to = dense_argument(extent_of(c.sizes, c.to) * c.bytes, true, dtype::uint8);
  device_sizes* const strides[] = {&c.from, &c.to};
  merge_axes(c.sizes, strides);
  widen(c);
  auto const across = axis_to_transpose(c);
  auto call = coordinate_call("copy", c.sizes, 1, {{"bytes", c.bytes}, {"across", across}});
  for (auto const& [name, values] : {std::pair{"from", &c.from}, std::pair{"to", &c.to}})
    for (std::size_t axis = 0; axis < values->size(); ++axis)
      call.kernel.constants.push_back({name + std::to_string(axis), (*values)[axis]});
  if (across >= 0) {
    constexpr std::int64_t side = 32;
    auto tiles = c.sizes;
    tiles.back() = divide_up(tiles.back(), side);
    auto& other = tiles[static_cast<std::size_t>(across)];
    other = divide_up(other, side);
    call.blocks[0] = long_block_count(product_of(tiles));
    call.kernel.shared_bytes = static_cast<std::int32_t>(side * (side + 1) * c.bytes);
  }
  call.kernel.arguments = {whole_from, whole_to};
  return call;
}

}  // namespace sinter
