#pragma once

#include <sinter/core/error.hpp>
#include <sinter/runtime/cuda/device_info.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>
#include <sinter/runtime/cuda/nvrtc_program.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// The code of a module for one architecture, and what the compiler said: registers and memory of each kernel.
struct cubin {
  std::string bytes{};
  std::string log{};
};

/// "13.0".
inline std::string version_text(nvrtc const& compiler) {
  int major = 0, minor = 0;
  compiler.version(&major, &minor);
  return fmt::format("{}.{}", major, minor);
}

/// The architecture to compile for, as a number (90 for sm_90): the device's compute capability, or the nearest below
/// that the compiler knows and the device runs, which is one with the same major number. Errors: unsupported_feature
/// where there is none.
inline int cubin_arch(nvrtc const& compiler, int capability) {
  int count = 0;
  compiler.get_num_supported_archs(&count);
  std::vector<int> known(static_cast<std::size_t>(std::max(count, 0)));
  if (count > 0) compiler.get_supported_archs(known.data());
  int best = 0;
  for (int const arch : known)
    if (runs_cubin(arch, capability)) best = std::max(best, arch);
  if (best == 0)
    fail(error_code::unsupported_feature,
         "NVRTC {} does not compile for compute capability {}.{} (sm_{}); it knows {} to {}: install {} NVRTC",
         version_text(compiler), capability / 10, capability % 10, capability, known.empty() ? 0 : known.front(),
         known.empty() ? 0 : known.back(), known.empty() || capability > known.back() ? "a newer" : "an older");
  return best;
}

/// Options of NVRTC that all kernels are compiled with.
inline std::vector<std::string> cubin_options(int arch) {
  return {fmt::format("-arch=sm_{}", arch), "-std=c++17", "-default-device", "-fmad=false", "--ptxas-options=-v"};
}

/// Compiles the text of a module. May be called by several threads at once. Errors: system, with the log, where the
/// compiler refuses the text or fails.
inline cubin compile_cubin(nvrtc const& compiler, std::string const& text, std::vector<std::string> const& options) {
  detail::nvrtc_program const program(compiler, text);
  int const result = program.compile(options);
  auto log = program.log();
  if (result != 0)
    fail(error_code::system, "NVRTC {} does not compile a kernel (a mistake of the library, please report it): {}\n{}",
         version_text(compiler), compiler.get_error_string(result), log);
  return {program.code(), std::move(log)};
}

}  // namespace sinter
