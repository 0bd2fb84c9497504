#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/program/device_forms.hpp>
#include <sinter/schedules/schedule.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

/// Strides of operands along their axes, in elements.
namespace sinter::detail {

/// The axes of a tensor from the outermost in memory to the innermost.
inline std::vector<std::size_t> axes_in_memory(std::size_t rank, layout how) {
  std::vector<std::size_t> axes;
  bool const channels_last = how.is_channels_last() && rank > 2;
  for (std::size_t axis = 0; axis < rank; ++axis)
    if (axis != 1 || !channels_last) axes.push_back(axis);
  if (channels_last) axes.push_back(1);
  return axes;
}

/// Elements for one step of each axis of a tensor in a layout.
inline device_sizes strides_of(shape const& s, layout how) {
  device_sizes strides(s.rank(), 0);
  std::int64_t next = 1;
  auto const axes = axes_in_memory(s.rank(), how);
  for (auto i = axes.size(); i-- > 0;) {
    strides[axes[i]] = next;
    next = checked_mul(next, s[axes[i]]);
  }
  return strides;
}

/// The same for an operand, which may be a slice.
inline device_sizes strides_of(operand_info const& o) {
  auto strides = strides_of(o.shape(), o.how);
  for (auto& stride : strides)
    if (o.slice.run > 0 && stride >= o.slice.run) stride = stride / o.slice.run * o.slice.pitch;
  return strides;
}

/// The same for an operand that broadcasts to `rank` axes: 0 where it has one element only.
inline device_sizes broadcast_strides(operand_info const& o, std::size_t rank) {
  auto const own = strides_of(o);
  device_sizes strides(rank, 0);
  for (std::size_t i = 0; i < own.size(); ++i)
    if (o.shape()[i] != 1) strides[rank - own.size() + i] = own[i];
  return strides;
}

/// Numbers of axes in another order; a scalar gets one coordinate.
inline device_sizes in_order(device_sizes const& numbers, std::vector<std::size_t> const& axes) {
  device_sizes result;
  for (auto const axis : axes) result.push_back(numbers[axis]);
  return result;
}

inline device_sizes sizes_of(shape const& s) { return {s.begin(), s.end()}; }

/// What a part along one axis takes of a tensor: `run` elements every `pitch`, from element `first` on.
struct element_runs {
  std::int64_t run = 1, pitch = 1, first = 0;

  /// Makes strides of elements that lie side by side those of elements in runs. Returns whether no axis crosses runs.
  bool spread(device_sizes const& sizes, device_sizes& strides) const {
    for (std::size_t axis = 0; axis < sizes.size(); ++axis) {
      auto& stride = strides[axis];
      bool const inside = stride < run;
      if (sizes[axis] > 1 && (inside ? stride * sizes[axis] > run : stride % run != 0)) return false;
      if (!inside) stride = stride / run * pitch;
    }
    return true;
  }
};

/// The runs of a part of a tensor, from element 0 on; none where it is less along several axes.
inline std::optional<element_runs> runs_of_part(shape const& whole, shape const& part) {
  if (whole.rank() != part.rank()) return std::nullopt;
  std::size_t axis = 0, cut = 0;
  for (std::size_t i = 0; i < whole.rank(); ++i)
    if (whole[i] != part[i]) axis = i, ++cut;
  if (cut > 1) return std::nullopt;
  auto const elements = [&](shape const& s) { return static_cast<std::int64_t>(s.elements(axis, s.rank())); };
  return element_runs{elements(part), elements(whole)};
}

}  // namespace sinter::detail
