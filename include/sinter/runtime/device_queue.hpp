#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

/// What a device is given to do: copies and launches, in an order. Pointers into its memory are `std::byte*` that only
/// the device reads. Errors are `sinter::error`s that name the device and say what to do.
namespace sinter {

/// Bytes on a device, at least 256-byte aligned; freed with the last owner.
using device_memory = std::shared_ptr<std::byte>;

/// Kernels ready to launch.
struct device_code {
  using function = void*;
  /// Code that is loaded as long as somebody has it.
  struct block {
    std::shared_ptr<void const> owner{};
    std::size_t bytes = 0;
  };
  std::vector<function> entries{};  ///< one for each kernel asked for
  std::vector<block> blocks{};      ///< that these lie in, each once
};

/// One launch: blocks of threads, and a pointer for each argument of the kernel.
struct device_launch {
  device_code::function function = nullptr;
  std::array<std::uint32_t, 3> blocks{1, 1, 1};
  std::uint32_t threads = 1;
  std::uint32_t shared_bytes = 0;
  std::span<std::byte* const> arguments{};
};

/// Work that a device does in the order in which it is given. Used by one thread at a time.
class device_queue {
 public:
  virtual ~device_queue() = default;

  /// What lies at `from` stays until `wait`.
  virtual void upload(std::byte* to, void const* from, std::size_t bytes) = 0;
  /// What lies at `to` is there after `wait`.
  virtual void download(void* to, std::byte const* from, std::size_t bytes) = 0;
  /// Within the device.
  virtual void copy(std::byte* to, std::byte const* from, std::size_t bytes) = 0;
  /// The owners of the code stay until `wait`.
  virtual void launch(device_launch const& what) = 0;
  /// Waits until all is done. Errors of work show here at the latest.
  virtual void wait() = 0;

  /// Until `give_back`, work goes to a stream of the caller's, as the driver of the device knows it, behind what this
  /// queue was given before.
  virtual void borrow(void* stream) = 0;
  /// What follows comes behind the work on the caller's stream, which is not used any more.
  virtual void give_back() noexcept = 0;

  /// Launches that were recorded, to be given again as one.
  class recording {
   public:
    virtual ~recording() = default;
  };
  /// Records the launches and copies within the device that `give` asks this queue for, and nothing else; none is done
  /// yet. The owners of the code stay as long as the recording.
  virtual std::unique_ptr<recording> record(std::function<void()> const& give) = 0;
  virtual void replay(recording& what) = 0;
  /// From the next replay on, the launch `index` of a recording (launches counted from 0) is `with`, which launches the
  /// same function. False where the device cannot: record again.
  virtual bool change(recording& what, std::size_t index, device_launch const& with) = 0;
};

}  // namespace sinter
