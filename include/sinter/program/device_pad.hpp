#pragma once

#include <sinter/program/device_forms.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace sinter {

/// What is read where an index lies outside.
enum class device_padding : std::int8_t { value, edge, reflect, wrap };

/// The dense y[at] = x[at * step + first] of a dense x, axis by axis. `bytes` of an element: 1, 2, 4 or 8.
struct device_pad {
  device_sizes sizes{};    ///< of y
  device_sizes extents{};  ///< of x; not 0 but where the value is read
  device_sizes first{};
  device_sizes step{};
  device_padding padding = device_padding::value;
  bool valued = false;  ///< the value is a third argument, else zero
  std::int64_t bytes = 4;
};

inline device_call pad_call(device_pad const& p) {
  auto call = coordinate_call(
      "pad", p.sizes, 1, {{"bytes", p.bytes}, {"mode", static_cast<std::int64_t>(p.padding)}, {"valued", p.valued}});
  auto const from = row_major_strides(p.extents);
  for (auto const& [name, values] :
       {std::pair{"extent", &p.extents}, {"first", &p.first}, {"step", &p.step}, {"from", &from}})
    for (std::size_t axis = 0; axis < values->size(); ++axis)
      call.kernel.constants.push_back({name + std::to_string(axis), (*values)[axis]});
  auto const bytes_of = [&](std::int64_t elements, bool written) {
    return dense_argument(elements * p.bytes, written, dtype::uint8);
  };
  call.kernel.arguments = {bytes_of(product_of(p.extents), false), bytes_of(product_of(p.sizes), true)};
  if (p.valued) call.kernel.arguments.push_back(bytes_of(1, false));
  return call;
}

}  // namespace sinter
