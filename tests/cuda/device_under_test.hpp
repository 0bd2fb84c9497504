#pragma once

#include <sinter/core/error.hpp>
#include <sinter/runtime/cuda/device.hpp>

#include "cuda/mock/mock.hpp"
#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

namespace sinter::test {

/// How the device is used that $SINTER_TEST_DEVICE names, on which tests with the tag [device] then run: `cuda`, the
/// first GPU; or `mock`, the driver that tries what these tests do where there is none. None: it is not set.
inline std::optional<cuda_options> options_under_test() {
  auto const* const set = std::getenv("SINTER_TEST_DEVICE");
  std::string_view const name = set ? set : "";
  if (name.empty()) return std::nullopt;
  if (name == "cuda") return cuda_options{.driver = load_cuda_driver(), .cache = cubin_cache::of_user()};
  if (name != "mock") fail(error_code::invalid_argument, "SINTER_TEST_DEVICE is '{}'; expected cuda or mock", name);
  static cuda_mock::device const gpu;
  return cuda_options{.driver = gpu.driver(), .compiler = [n = gpu.compiler()] { return n; }};
}

/// That device; null where none is named.
inline std::shared_ptr<accelerator> device_under_test() {
  static auto const found = [] {
    auto const how = options_under_test();
    return how ? std::make_shared<cuda_device>(0, *how) : nullptr;
  }();
  return found;
}

}  // namespace sinter::test
