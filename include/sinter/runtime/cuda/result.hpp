#pragma once

#include <sinter/core/failure.hpp>
#include <sinter/core/joined_text.hpp>
#include <sinter/runtime/cuda/driver.hpp>

#include <string>
#include <string_view>

namespace sinter {

/// "an illegal memory access was encountered (700)".
inline std::string cuda_result_text(cuda_driver const& driver, int result) {
  char const* text = nullptr;
  if (driver.get_error_string && driver.get_error_string(result, &text) == cuda_api::success && text)
    return joined_text(text, " (", result, ")");
  return joined_text("error ", result);
}

/// "12.4", from a number that the driver gives for a version.
inline std::string cuda_version_text(int version) { return joined_text(version / 1000, ".", version % 1000 / 10); }

/// Errors: where `result` is not success, system, or limit_exceeded where memory is short; with what was done
/// ("cuInit", "launching kernel 'a'") and where.
inline void cuda_check(cuda_driver const& driver, int result, std::string_view what, std::string_view where) {
  if (result == cuda_api::success) return;
  auto const code = result == cuda_api::out_of_memory ? error_code::limit_exceeded : error_code::system;
  throw error(code, joined_text(where, ": ", what, ": ", cuda_result_text(driver, result)));
}

}  // namespace sinter
