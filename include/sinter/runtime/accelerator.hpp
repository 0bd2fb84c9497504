#pragma once

#include <sinter/core/target.hpp>
#include <sinter/program/device_kernel.hpp>
#include <sinter/runtime/device_queue.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

/// A device with memory and code of its own, as executables see it.
namespace sinter {

class accelerator {
 public:
  virtual ~accelerator() = default;

  /// For people: "cuda:0 (NVIDIA H100)".
  virtual std::string name() const = 0;
  /// What code may use.
  virtual target machine() const = 0;
  /// Errors: `limit_exceeded` where the device has not as much left, with the bytes asked for and those left.
  virtual device_memory allocate(std::size_t bytes) = 0;
  /// Kernels are compiled, or found where they were kept; equal kernels are loaded once as long as an owner is alive.
  virtual device_code load(std::span<device_kernel const> kernels) = 0;
  virtual std::unique_ptr<device_queue> make_queue() = 0;
  /// Whether a pointer is of this device's memory, not the host's. Errors: invalid_argument for that of another device.
  virtual bool owns(void const* data) const = 0;
};

}  // namespace sinter
