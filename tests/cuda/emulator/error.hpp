#pragma once

#include <stdexcept>

namespace emulator {

/// What a kernel or the use of the emulator is wrong about.
struct error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace emulator
