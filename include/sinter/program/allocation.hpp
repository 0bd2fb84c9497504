#pragma once

#include <cstdint>
#include <string>

namespace sinter {

inline constexpr std::int64_t arena_alignment = 64;

/// A tensor in the arena for a range of steps, inclusive.
struct allocation {
  std::string name{};
  std::int64_t bytes = 0;
  std::int64_t offset = 0;
  std::int32_t first = 0, last = 0;
};

inline bool overlap_in_time(allocation const& a, allocation const& b) { return a.first <= b.last && b.first <= a.last; }

}  // namespace sinter
