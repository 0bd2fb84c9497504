#pragma once

#include <sinter/core/failure.hpp>

#include <fmt/core.h>

#include <new>
#include <utility>

namespace sinter {

/// Throws `error` with a formatted message.
template <typename... Args>
[[noreturn]] void fail(error_code code, fmt::format_string<Args...> format, Args&&... args) {
  throw error(code, fmt::format(format, std::forward<Args>(args)...));
}

/// Runs `body`; that memory is short becomes an `error`.
template <typename Body>
decltype(auto) with_system_errors(Body&& body) {
  try {
    return body();
  } catch (std::bad_alloc const&) {
    fail(error_code::system, "the system has no memory left");
  }
}

}  // namespace sinter
