#pragma once

#include <sinter/kernels/element.hpp>
#include <sinter/kernels/movement.hpp>
#include <sinter/kernels/reduction.hpp>

#include <algorithm>
#include <numeric>
#include <string>

namespace sinter::kernels {

/// Numbers slices by what they hold.
struct slice_groups {
  std::int64_t slices = 0;
  std::int64_t count = 0;           ///< of groups
  std::int64_t* of = nullptr;       ///< by slice: its group
  std::int64_t* first = nullptr;    ///< by group: its first slice
  std::int64_t* members = nullptr;  ///< by group: how many slices

  slice_groups(std::int64_t n, workspace& memory) : slices(n) {
    auto const size = static_cast<std::size_t>(n);
    of = memory.take<std::int64_t>(size);
    first = memory.take<std::int64_t>(size);
    members = memory.take<std::int64_t>(size);
  }

  /// Groups equal slices, in ascending order; `order` holds as many numbers as there are slices. `compare` is negative,
  /// zero or positive, as two slices are ordered.
  template <typename Compare>
  void find(std::int64_t* order, Compare const& compare) {
    std::iota(order, order + slices, 0);
    std::sort(order, order + slices, [&](std::int64_t a, std::int64_t b) {
      auto const c = compare(a, b);
      return c != 0 ? c < 0 : a < b;
    });
    for (std::int64_t i = 0; i < slices; ++i) {
      if (i == 0 || compare(order[i - 1], order[i]) != 0) ++count;
      of[order[i]] = count - 1;
    }
  }

  /// Numbers the groups anew, in the order in which they appear.
  void order_by_appearance() {
    auto* const renamed = first;
    std::fill_n(renamed, count, -1);
    std::int64_t next = 0;
    for (std::int64_t i = 0; i < slices; ++i) {
      auto& name = renamed[of[i]];
      if (name < 0) name = next++;
      of[i] = name;
    }
  }

  void count_members() {
    std::fill_n(members, count, 0);
    for (std::int64_t i = 0; i < slices; ++i)
      if (members[of[i]]++ == 0) first[of[i]] = i;
  }
};

/// How slices `a` and `b` along an axis are ordered, by their elements, which `at` reads. NaNs are equal and above all
/// numbers.
template <typename At>
int compare_slices(axis_view const& view, At const& at, std::int64_t a, std::int64_t b) {
  for (std::int64_t row = 0; row < view.outer; ++row)
    for (std::int64_t i = 0; i < view.inner; ++i) {
      decltype(auto) x = at((row * view.extent + a) * view.inner + i);
      decltype(auto) y = at((row * view.extent + b) * view.inner + i);
      bool const x_nan = x != x, y_nan = y != y;
      if (x_nan != y_nan) return x_nan ? 1 : -1;
      if (x < y) return -1;
      if (y < x) return 1;
    }
  return 0;
}

/// The different slices along an axis, sorted or as they appear; where each appears first, which one each slice is, and
/// how many are like it. Outputs may be unused. Numbers: the axis, whether sorted. Counts the different slices.
inline status unique(call const& c) {
  auto const x = c.in[0];
  if (x.type != dtype::string) compute_kind_of(x.type);
  auto const view = axis_view::of(x.shape, static_cast<std::size_t>(c.integers[0]));
  auto* const order = c.memory.take<std::int64_t>(static_cast<std::size_t>(view.extent));
  slice_groups groups(view.extent, c.memory);
  if (c.memory.measuring()) return {};
  auto const find = [&](auto const& at) {
    groups.find(order, [&](std::int64_t a, std::int64_t b) { return compare_slices(view, at, a, b); });
  };
  if (x.type == dtype::string)
    find([&](std::int64_t i) -> std::string const& { return static_cast<std::string const*>(x.data)[i]; });
  else
    visit_compute(x.type, [&]<typename T>() {
      find([&](std::int64_t i) { return load<T>(x.type, x.data, static_cast<std::size_t>(i)); });
    });
  if (c.integers[1] == 0) groups.order_by_appearance();
  groups.count_members();
  std::int64_t to = 0;
  for (std::int64_t row = 0; row < view.outer && c.output(0); ++row)
    for (std::int64_t g = 0; g < groups.count; ++g, to += view.inner)
      copy_elements(x, (row * view.extent + groups.first[g]) * view.inner, c.out[0], to,
                    static_cast<std::size_t>(view.inner));
  auto const write = [&](std::size_t output, std::int64_t const* from, std::int64_t count) {
    if (c.output(output)) std::copy_n(from, count, static_cast<std::int64_t*>(c.out[output].data));
  };
  write(1, groups.first, groups.count);
  write(2, groups.of, groups.slices);
  write(3, groups.members, groups.count);
  return status::found(groups.count);
}

}  // namespace sinter::kernels
