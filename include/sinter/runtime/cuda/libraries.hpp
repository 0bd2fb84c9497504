#pragma once

#include <sinter/core/error.hpp>
#include <sinter/runtime/cuda/driver_library.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>
#include <sinter/runtime/cuda/result.hpp>

#include <fmt/format.h>

#include <climits>
#include <cstdlib>
#include <string>
#include <vector>

/// NVRTC as the system has it, loaded when it is asked for.
namespace sinter {
namespace detail {

/// Where NVRTC may be: names that the loader of the system knows, then folders of a toolkit. Cubins of a major version
/// need a driver of that version, so those above `most_major` are left out.
inline std::vector<std::string> nvrtc_names(int most_major) {
  std::vector<std::string> files;
  if (most_major >= 13) files.emplace_back("libnvrtc.so.13");
  if (most_major >= 12) files.emplace_back("libnvrtc.so.12");
  files.emplace_back("libnvrtc.so.11.2");
  files.emplace_back("libnvrtc.so");
  auto names = files;
  auto const add_folder = [&](std::string const& folder) {
    for (auto const& file : files) names.push_back(folder + "/" + file);
  };
  if (auto const* const path = std::getenv("CUDA_PATH"); path && *path) add_folder(std::string(path) + "/lib64");
  add_folder("/usr/local/cuda/lib64");
  return names;
}

}  // namespace detail

/// NVRTC, such that `driver` takes what it compiles; a version as the driver gives it, 0: any. Errors: system where
/// there is none.
inline nvrtc load_nvrtc(int driver = 0, std::vector<std::string> names = {}) {
  int const most_major = driver == 0 ? INT_MAX : driver / 1000;
  if (names.empty()) names = detail::nvrtc_names(most_major);
  auto const advice = fmt::format(
      "install it (a CUDA toolkit, or the Python package nvidia-cuda-nvrtc{}, its folder in "
      "LD_LIBRARY_PATH), or use code that is compiled: a model exported with cubins, or kernels "
      "in the cache, need no NVRTC",
      driver == 0 ? "" : fmt::format(" {}.*", most_major));
  auto* const handle = detail::open_first(names);
  if (!handle) fail(error_code::system, "no NVRTC to compile CUDA kernels: {} does not load; {}", names[0], advice);
  nvrtc compiler;
  if (auto const* const missing = detail::fill_table(compiler, handle))
    fail(error_code::system, "NVRTC has no {}; it must be of CUDA 11.2 or later: {}", missing, advice);
  int major = 0, minor = 0;
  compiler.version(&major, &minor);
  if (major > most_major)
    fail(error_code::system,
         "NVRTC {}.{} compiles code that this driver, of CUDA {}, does not take; update the driver, "
         "or {}",
         major, minor, cuda_version_text(driver), advice);
  return compiler;
}

}  // namespace sinter
