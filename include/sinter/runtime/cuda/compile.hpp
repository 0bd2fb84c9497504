#pragma once

#include <sinter/core/error.hpp>
#include <sinter/runtime/cuda/device_info.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
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

namespace detail {

/// A program of NVRTC, destroyed at the end of its scope.
class nvrtc_program {
 public:
  nvrtc_program(nvrtc const& compiler, std::string const& text) : compiler_(compiler) {
    check(compiler_.create_program(&handle_, text.c_str(), "kernels.cu", 0, nullptr, nullptr), "nvrtcCreateProgram");
  }
  nvrtc_program(nvrtc_program const&) = delete;
  nvrtc_program& operator=(nvrtc_program const&) = delete;
  ~nvrtc_program() { compiler_.destroy_program(&handle_); }

  int compile(std::vector<std::string> const& options) const {
    std::vector<char const*> pointers;
    pointers.reserve(options.size());
    for (auto const& o : options) pointers.push_back(o.c_str());
    return compiler_.compile_program(handle_, static_cast<int>(pointers.size()), pointers.data());
  }
  std::string log() const {
    auto text = read(compiler_.get_program_log_size, compiler_.get_program_log, "nvrtcGetProgramLog");
    while (text.ends_with('\0')) text.pop_back();
    return text;
  }
  std::string code() const { return read(compiler_.get_cubin_size, compiler_.get_cubin, "nvrtcGetCUBIN"); }
  void check(int result, std::string_view call) const {
    if (result != 0) fail(error_code::system, "NVRTC: {}: {}", call, compiler_.get_error_string(result));
  }

 private:
  std::string read(int (*size)(void*, std::size_t*), int (*get)(void*, char*), std::string_view call) const {
    std::size_t bytes = 0;
    check(size(handle_, &bytes), call);
    std::string result(bytes, '\0');
    check(get(handle_, result.data()), call);
    return result;
  }

  nvrtc const& compiler_;
  void* handle_ = nullptr;
};

}  // namespace detail

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
