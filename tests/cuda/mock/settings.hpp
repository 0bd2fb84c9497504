#pragma once

#include "cuda/emulator/options.hpp"
#include <cstddef>
#include <string>
#include <vector>

namespace cuda_mock {

/// The machine that driver and NVRTC say they are on.
struct settings {
  int devices = 1;
  std::string name = "Emulated GPU";
  int capability = 90;  ///< 90 for 9.0
  std::size_t memory_bytes = std::size_t{1} << 32;
  int shared_bytes = 227 << 10;  ///< most of a block
  int driver_version = 12040;    ///< 12040 for 12.4
  int nvrtc_major = 12, nvrtc_minor = 4;
  std::vector<int> nvrtc_archs{50, 60, 70, 75, 80, 86, 89, 90};
  std::vector<std::string> missing_symbols{};  ///< whose functions are null
  bool late = true;                            ///< work of streams is done when it is waited for, not when it is given
  emulator::options threads{};
};

}  // namespace cuda_mock
