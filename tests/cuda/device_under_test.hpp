#pragma once

#include <sinter/runtime/accelerator.hpp>
#include <sinter/sinter.hpp>

#include "cuda/emulated_device.hpp"
#include <cstdlib>
#include <memory>
#include <string_view>

namespace sinter::test {

/// The device that $SINTER_TEST_DEVICE names: tests with the tag [device] run there. `cuda`, or a number behind as for
/// `device_named`; `emulated` tries what they do then without one. Null: the variable is not set, tests call the
/// emulator.
inline device device_under_test() {
  auto const find = [](std::string_view name) -> device {
    if (name == "emulated") return std::make_shared<emulated_device>();
    return name.empty() ? nullptr : device_named(name);
  };
  auto const* const name = std::getenv("SINTER_TEST_DEVICE");
  static device const found = find(name ? name : "");
  return found;
}

}  // namespace sinter::test
