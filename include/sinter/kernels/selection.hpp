#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/kernels/movement.hpp>
#include <sinter/kernels/reduction.hpp>

#include <algorithm>
#include <array>

/// Counting kernels that select elements.
namespace sinter::kernels {

/// The slices of in[0] whose flag in in[1] is set; flags past the end must not be. Number: the axis.
inline status compress(call const& c) {
  auto const flags = c.in[1].as<bool>();
  if (c.memory.measuring()) return {};
  auto const view = axis_view::of(c.in[0].shape, static_cast<std::size_t>(c.integers[0]));
  std::int64_t count = 0, length = 0;
  for (std::size_t i = 0; i < flags.size(); ++i)
    if (flags[i]) ++count, length = static_cast<std::int64_t>(i) + 1;
  if (length > view.extent) return status::outside(length - 1, 0, view.extent - 1);
  std::int64_t to = 0;
  for (std::int64_t row = 0; row < view.outer && c.output(0); ++row)
    for (std::int64_t i = 0; i < length; ++i) {
      if (!flags[static_cast<std::size_t>(i)]) continue;
      auto const from = (row * view.extent + i) * view.inner;
      copy_elements(c.in[0], from, c.out[0], to, static_cast<std::size_t>(view.inner));
      to += view.inner;
    }
  return status::found(count);
}

/// Calls visit(i) for each element that is not zero (no empty text), in row-major order.
template <typename Visit>
void for_each_non_zero(tensor_view x, Visit&& visit) {
  auto const count = static_cast<std::int64_t>(x.elements());
  if (x.type == dtype::string) {
    for (std::int64_t i = 0; i < count; ++i)
      if (!static_cast<std::string const*>(x.data)[i].empty()) visit(i);
    return;
  }
  visit_compute(x.type, [&]<typename T>() {
    constexpr std::int64_t block = 256;
    std::array<T, block> values;
    for (std::int64_t first = 0; first < count; first += block) {
      auto const run = static_cast<std::size_t>(std::min(block, count - first));
      load_run<T>(x.type, x.data, static_cast<std::size_t>(first), 1, run, values.data());
      for (std::size_t i = 0; i < run; ++i)
        if (values[i] != T(0)) visit(first + static_cast<std::int64_t>(i));
    }
  });
}

/// The indices of the elements that are not zero: out[0] has a row for each axis, a column for each element.
inline status non_zero(call const& c) {
  auto const x = c.in[0];
  if (x.type != dtype::string) compute_kind_of(x.type);
  if (c.memory.measuring()) return {};
  std::int64_t count = 0;
  for_each_non_zero(x, [&](std::int64_t) { ++count; });
  if (!c.output(0)) return status::found(count);
  auto const strides = row_major_strides(x.shape);
  auto* to = static_cast<std::int64_t*>(c.out[0].data);
  for_each_non_zero(x, [&](std::int64_t at) {
    for (std::size_t axis = 0; axis < x.shape.rank(); ++axis)
      to[static_cast<std::int64_t>(axis) * count] = at / strides[axis] % x.shape[axis];
    ++to;
  });
  return status::found(count);
}

}  // namespace sinter::kernels
