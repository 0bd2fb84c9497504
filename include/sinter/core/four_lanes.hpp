#pragma once

#include <cstdint>
#include <cstring>

/// Four words side by side, as vector registers of all CPUs hold them.
namespace sinter::detail {

using four_floats = float __attribute__((vector_size(16)));
using four_words = std::uint32_t __attribute__((vector_size(16)));

inline four_floats load_four(float const* from) {
  four_floats v;
  std::memcpy(&v, from, sizeof v);
  return v;
}
inline void store_four(float* to, four_floats v) { std::memcpy(to, &v, sizeof v); }

}  // namespace sinter::detail
