#pragma once

#include <sinter/core/checked.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace sinter {

inline constexpr std::size_t max_rank = 12;

/// The extents of a tensor, outermost first; rank 0 is a scalar. At most `max_rank` dimensions; copies never allocate.
class shape {
 public:
  constexpr shape() = default;
  constexpr shape(std::initializer_list<std::int64_t> extents) : shape(std::span(extents.begin(), extents.size())) {}
  constexpr explicit shape(std::span<std::int64_t const> extents) {
    for (auto const extent : extents) push_back(extent);
  }
  /// `rank` dimensions of `extent` each.
  static constexpr shape filled(std::size_t rank, std::int64_t extent) {
    shape s;
    for (std::size_t i = 0; i < rank; ++i) s.push_back(extent);
    return s;
  }

  constexpr std::size_t rank() const { return rank_; }
  constexpr std::size_t size() const { return rank_; }
  constexpr bool empty() const { return rank_ == 0; }
  constexpr std::int64_t& operator[](std::size_t axis) { return extents_[axis]; }
  constexpr std::int64_t operator[](std::size_t axis) const { return extents_[axis]; }
  constexpr std::int64_t* begin() { return extents_.data(); }
  constexpr std::int64_t* end() { return extents_.data() + rank_; }
  constexpr std::int64_t const* begin() const { return extents_.data(); }
  constexpr std::int64_t const* end() const { return extents_.data() + rank_; }
  constexpr std::int64_t back() const { return extents_[rank_ - 1]; }
  constexpr std::int64_t& back() { return extents_[rank_ - 1]; }
  constexpr std::span<std::int64_t const> span() const { return {extents_.data(), rank_}; }
  constexpr operator std::span<std::int64_t const>() const { return span(); }

  constexpr void push_back(std::int64_t extent) {
    if (rank_ == max_rank)
      throw error(error_code::limit_exceeded, "a tensor has more than " + std::to_string(max_rank) + " dimensions");
    extents_[rank_++] = extent;
  }
  constexpr void insert(std::size_t axis, std::int64_t extent) {
    push_back(extent);
    std::rotate(begin() + axis, end() - 1, end());
  }
  constexpr void erase(std::size_t axis) {
    std::copy(begin() + axis + 1, end(), begin() + axis);
    --rank_;
  }

  /// Number of elements, checked.
  std::size_t elements() const { return checked_product(span()); }
  /// Number of elements of the dimensions [first, last), checked.
  std::size_t elements(std::size_t first, std::size_t last) const {
    return checked_product(span().subspan(first, last - first));
  }

  friend constexpr bool operator==(shape const& a, shape const& b) { return std::ranges::equal(a.span(), b.span()); }

 private:
  std::array<std::int64_t, max_rank> extents_{};
  std::size_t rank_ = 0;
};

/// Row-major strides in elements.
inline shape row_major_strides(shape const& s) {
  shape strides = shape::filled(s.rank(), 1);
  for (std::size_t i = s.rank(); i-- > 1;) strides[i - 1] = checked_mul(strides[i], s[i]);
  return strides;
}

/// Text form: `1x3x224x224`; a scalar is `scalar`.
inline std::string to_string(shape const& s) {
  if (s.empty()) return "scalar";
  std::string text;
  for (auto const extent : s) text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text;
}

/// An axis counted from the front; negative ones count from the back. Out of range is an error that names `what`.
inline std::size_t normalize_axis(std::int64_t axis, std::size_t rank, std::string_view what = "axis") {
  auto const n = static_cast<std::int64_t>(rank);
  if (axis < -n || axis >= n)
    throw error(error_code::malformed_model, std::string(what) + " is " + std::to_string(axis) + ", expected " +
                                                 std::to_string(-n) + " to " + std::to_string(n - 1) +
                                                 " for a tensor of rank " + std::to_string(n));
  return static_cast<std::size_t>(axis < 0 ? axis + n : axis);
}

/// The shape of an elementwise operation on `a` and `b` (numpy's broadcasting).
inline shape broadcast(shape const& a, shape const& b) {
  auto const& longer = a.rank() >= b.rank() ? a : b;
  auto const& shorter = a.rank() >= b.rank() ? b : a;
  shape result = longer;
  auto const skip = longer.rank() - shorter.rank();
  for (std::size_t i = 0; i < shorter.rank(); ++i) {
    auto const x = longer[skip + i], y = shorter[i];
    if (x != y && x != 1 && y != 1)
      throw error(error_code::malformed_model,
                  "shapes " + to_string(a) + " and " + to_string(b) + " do not broadcast together");
    result[skip + i] = x == 1 ? y : x;
  }
  return result;
}

}  // namespace sinter
