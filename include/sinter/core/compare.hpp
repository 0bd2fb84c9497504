#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sinter {

/// How two values compare; ordered except `ne`: a NaN compares unequal to everything.
enum class compare : std::uint8_t { eq, ne, lt, le, gt, ge };

inline constexpr std::array<std::string_view, 6> compare_names{"eq", "ne", "lt", "le", "gt", "ge"};

/// Whether `a` and `b`, numbers or strings, compare so.
template <typename T>
constexpr bool holds(compare cc, T const& a, T const& b) {
  switch (cc) {
    case compare::eq: return a == b;
    case compare::ne: return a != b;
    case compare::lt: return a < b;
    case compare::le: return a <= b;
    case compare::gt: return a > b;
    default: return a >= b;
  }
}

}  // namespace sinter
