#pragma once

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sinter {

/// Whether this CPU has AVX-VNNI; `__builtin_cpu_supports` of some compilers does not know it.
inline bool has_avx_vnni() {
#if defined(__x86_64__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && eax >= 1 &&
         __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 4 & 1) != 0;
#else
  return false;
#endif
}

}  // namespace sinter
