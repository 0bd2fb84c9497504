#pragma once

#include <sinter/core/failure.hpp>
#include <sinter/core/joined_text.hpp>
#include <sinter/runtime/cuda/driver.hpp>
#include <sinter/runtime/cuda/result.hpp>

#include <dlfcn.h>
#include <string>
#include <type_traits>
#include <vector>

/// The driver as the system has it, loaded when it is asked for. Shipped with generated programs.
namespace sinter {
namespace detail {

/// The first of these libraries that loads, or null. It stays loaded: what CUDA keeps for a process ends with it.
inline void* open_first(std::vector<std::string> const& names) {
  for (auto const& name : names)
    if (auto* const library = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL)) return library;
  return nullptr;
}

/// Fills a table; returns the first symbol that is needed but not there, or null.
template <typename Table>
char const* fill_table(Table& table, void* library) {
  char const* missing = nullptr;
  for_each_symbol(table, [&](char const* symbol, auto& function, bool needed) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, symbol));
    if (!function && needed && !missing) missing = symbol;
  });
  return missing;
}

}  // namespace detail

/// The least version of a driver: what CUDA 11.4 came with.
inline constexpr int least_cuda_driver = 11040;

/// The driver of the system, not yet initialised. Errors: system where there is none, or it is too old.
inline cuda_driver load_cuda_driver(std::string const& library = "libcuda.so.1") {
  auto* const handle = detail::open_first({library});
  if (!handle)
    throw error(error_code::system, joined_text("no CUDA driver: ", library,
                                                " does not load; install the driver of an NVIDIA GPU, or use a CPU"));
  cuda_driver driver;
  if (auto const* const missing = detail::fill_table(driver, handle))
    throw error(error_code::system,
                joined_text("the CUDA driver ", library, " has no ", missing, "; it must be of CUDA ",
                            cuda_version_text(least_cuda_driver), " or later: update it"));
  return driver;
}

}  // namespace sinter
