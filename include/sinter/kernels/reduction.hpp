#pragma once

#include <sinter/core/extents.hpp>

#include <cstdint>

namespace sinter::kernels {

/// Calls visit(input index, output index) for every element of a tensor in row-major order, where the output is the
/// tensor without the dimensions for which reduced(axis) holds.
template <typename Reduced, typename Visit>
void for_each_reduced(shape const& s, Reduced&& reduced, Visit&& visit) {
  auto const total = static_cast<std::int64_t>(s.elements());
  if (total == 0) return;
  if (s.empty()) return visit(std::int64_t{0}, std::int64_t{0});
  auto strides = shape::filled(s.rank(), 0);
  std::int64_t stride = 1;
  for (std::size_t i = s.rank(); i-- > 0;)
    if (!reduced(i)) {
      strides[i] = stride;
      stride *= s[i];
    }
  auto position = shape::filled(s.rank(), 0);
  std::int64_t out = 0;
  for (std::int64_t in = 0; in < total; in += s.back()) {
    for (std::int64_t j = 0; j < s.back(); ++j) visit(in + j, out + j * strides.back());
    for (std::size_t d = s.rank() - 1; d-- > 0;) {
      out += strides[d];
      if (++position[d] < s[d]) break;
      out -= strides[d] * s[d];
      position[d] = 0;
    }
  }
}

/// A tensor seen as `outer` blocks of `extent` lines of `inner` elements: one axis and what lies around it.
struct axis_view {
  std::int64_t outer = 1, extent = 1, inner = 1;

  static axis_view of(shape const& s, std::size_t axis) {
    return {static_cast<std::int64_t>(s.elements(0, axis)), s[axis],
            static_cast<std::int64_t>(s.elements(axis + 1, s.rank()))};
  }
  /// Calls visit(first element) for every line along the axis; its elements lie `inner` apart. The i-th call is for
  /// the i-th element of the tensor without that axis.
  template <typename Visit>
  void for_each_line(Visit&& visit) const {
    for (std::int64_t o = 0; o < outer; ++o)
      for (std::int64_t i = 0; i < inner; ++i) visit(o * extent * inner + i);
  }
};

}  // namespace sinter::kernels
