#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/core/failure.hpp>

#include <cstdint>

namespace sinter {

/// The range of an integer type of at most 32 bits.
struct integer_range {
  std::int64_t least = 0, greatest = 0;
};

inline integer_range range_of(dtype type) {
  auto const bits = type == dtype::int2 || type == dtype::uint2   ? 2
                    : type == dtype::int4 || type == dtype::uint4 ? 4
                                                                  : static_cast<int>(8 * size_of(type));
  SINTER_ASSERT(is_integer(type) && bits <= 32);
  auto const half = std::int64_t{1} << (bits - 1);
  if (info(type).kind == dtype_kind::signed_integer) return {-half, half - 1};
  return {0, 2 * half - 1};
}

}  // namespace sinter
