#pragma once

#include <cstdint>
#include <string_view>

namespace sinter {

/// Instruction sets that code can be generated for, weakest first. `none` is the portable path through `evaluate`.
enum class isa : std::uint8_t { none, avx2, avx512 };

constexpr std::string_view name(isa set) {
  constexpr std::string_view names[] = {"none", "avx2", "avx512"};
  return names[static_cast<int>(set)];
}

/// The best instruction set of this CPU and operating system: AVX-512 means F, BW, DQ and VL; AVX2 includes FMA, and
/// F16C, which every CPU with AVX2 has.
inline isa detect_isa() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return isa::avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return isa::avx2;
#endif
  return isa::none;
}

}  // namespace sinter
