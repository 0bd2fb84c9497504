#pragma once

#include <sinter/core/failure.hpp>
#include <sinter/core/joined_text.hpp>
#include <sinter/runtime/cuda/driver.hpp>
#include <sinter/runtime/cuda/driver_library.hpp>
#include <sinter/runtime/cuda/result.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace sinter {

/// A CUDA device that is there.
struct cuda_device_info {
  int ordinal = 0;
  std::string name{};
  int capability = 0;  ///< 90 for 9.0
  std::size_t bytes = 0;
  int shared_bytes = 0;  ///< most that a block of threads can share
};

/// "cuda:0 (NVIDIA H100)".
inline std::string to_string(cuda_device_info const& d) { return joined_text("cuda:", d.ordinal, " (", d.name, ")"); }

/// "9.0", from 90.
inline std::string capability_text(int capability) { return joined_text(capability / 10, ".", capability % 10); }

/// Whether devices of a compute capability run code for an architecture, both as numbers (90 for 9.0 and sm_90): the
/// major number is the same, the minor one not larger.
constexpr bool runs_cubin(int arch, int capability) { return arch / 10 == capability / 10 && arch <= capability; }

/// Initialises the driver, which may be done again; returns its version. Errors: system where there is no device, or
/// the driver is too old.
inline int init_cuda(cuda_driver const& driver) {
  int const result = driver.init(0);
  if (result == cuda_api::stub_library || result == cuda_api::no_device)
    throw error(error_code::system,
                joined_text("no CUDA device: ",
                            result == cuda_api::stub_library ? "libcuda.so.1 is the stub of a toolkit, not a driver"
                                                             : cuda_result_text(driver, result),
                            "; use a machine with an NVIDIA GPU that this process may see (nvidia-smi lists them, "
                            "CUDA_VISIBLE_DEVICES hides some), or use a CPU"));
  cuda_check(driver, result, "cuInit", "the CUDA driver does not start");
  int version = 0;
  cuda_check(driver, driver.driver_get_version(&version), "cuDriverGetVersion", "the CUDA driver");
  if (version < least_cuda_driver)
    throw error(error_code::system,
                joined_text("the CUDA driver is of CUDA ", cuda_version_text(version), "; it must be of ",
                            cuda_version_text(least_cuda_driver), " or later: update it"));
  return version;
}

/// The devices of an initialised driver. Errors: system.
inline std::vector<cuda_device_info> cuda_devices_of(cuda_driver const& driver) {
  auto const check = [&](int result, char const* call) { cuda_check(driver, result, call, "the CUDA driver"); };
  int count = 0;
  check(driver.device_get_count(&count), "cuDeviceGetCount");
  std::vector<cuda_device_info> found;
  for (int i = 0; i < count; ++i) {
    int device = 0, major = 0, minor = 0;
    char name[256] = {};
    cuda_device_info info{.ordinal = i};
    check(driver.device_get(&device, i), "cuDeviceGet");
    check(driver.device_get_name(name, sizeof name - 1, device), "cuDeviceGetName");
    check(driver.device_get_attribute(&major, cuda_api::attribute_major, device), "cuDeviceGetAttribute");
    check(driver.device_get_attribute(&minor, cuda_api::attribute_minor, device), "cuDeviceGetAttribute");
    check(driver.device_get_attribute(&info.shared_bytes, cuda_api::attribute_shared_bytes, device),
          "cuDeviceGetAttribute");
    check(driver.device_total_mem(&info.bytes, device), "cuDeviceTotalMem");
    info.name = name;
    info.capability = major * 10 + minor;
    found.push_back(info);
  }
  return found;
}

/// The CUDA devices of this machine; none without a driver that works.
inline std::vector<cuda_device_info> list_cuda_devices() {
  try {
    auto const driver = load_cuda_driver();
    init_cuda(driver);
    return cuda_devices_of(driver);
  } catch (error const&) {
    return {};
  }
}

}  // namespace sinter
