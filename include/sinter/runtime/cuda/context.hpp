#pragma once

#include <sinter/core/failure.hpp>
#include <sinter/core/joined_text.hpp>
#include <sinter/runtime/cuda/device_info.hpp>
#include <sinter/runtime/cuda/driver.hpp>
#include <sinter/runtime/cuda/result.hpp>
#include <sinter/runtime/device_queue.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

namespace sinter {

/// The primary context of a device, which a process shares with other libraries, kept as long as this lives. What is
/// made in it owns it. May be used by several threads at once.
class cuda_context : public std::enable_shared_from_this<cuda_context> {
  struct only_open {};

 public:
  /// Errors: those of `init_cuda`; invalid_argument where there is no such device; unsupported_feature where it is too
  /// old.
  static std::shared_ptr<cuda_context const> open(cuda_driver const& driver, int ordinal) {
    int const version = init_cuda(driver);
    auto const devices = cuda_devices_of(driver);
    auto const count = static_cast<int>(devices.size());
    if (ordinal < 0 || ordinal >= count)
      throw error(error_code::invalid_argument,
                  joined_text("there is no device cuda:", ordinal, "; this process sees ", count,
                              count == 1 ? " CUDA device" : " CUDA devices", ", from 0 on"));
    auto const& info = devices[static_cast<std::size_t>(ordinal)];
    if (info.capability < least_capability)
      throw error(error_code::unsupported_feature,
                  joined_text(to_string(info), " has compute capability ", capability_text(info.capability),
                              "; expected 7.0 or more: use a newer GPU"));
    return std::make_shared<cuda_context const>(only_open{}, driver, info, version);
  }

  cuda_context(only_open, cuda_driver const& driver, cuda_device_info info, int version)
      : driver_(driver), info_(std::move(info)), version_(version) {
    check(driver_.device_get(&device_, info_.ordinal), "cuDeviceGet");
    check(driver_.primary_ctx_retain(&handle_, device_), "cuDevicePrimaryCtxRetain");
  }
  cuda_context(cuda_context const&) = delete;
  cuda_context& operator=(cuda_context const&) = delete;
  ~cuda_context() { driver_.primary_ctx_release(device_); }

  cuda_driver const& driver() const { return driver_; }
  cuda_device_info const& info() const { return info_; }
  /// The version of the driver, 12040 for 12.4.
  int version() const { return version_; }

  /// Errors: those of `cuda_check`, with the device and `what` was done.
  void check(int result, std::string_view what) const {
    if (result != cuda_api::success) cuda_check(driver_, result, what, to_string(info_));
  }

  /// The context is the calling thread's own in this scope.
  class current {
   public:
    explicit current(cuda_context const& context) : driver_(context.driver_) {
      pushed_ = driver_.ctx_push_current(context.handle_) == cuda_api::success;
    }
    current(current const&) = delete;
    current& operator=(current const&) = delete;
    ~current() {
      void* unused = nullptr;
      if (pushed_) driver_.ctx_pop_current(&unused);
    }

   private:
    cuda_driver const& driver_;
    bool pushed_ = false;
  };

  /// Errors: limit_exceeded where the device has not as much left.
  device_memory allocate(std::size_t bytes) const {
    current const scope(*this);
    cuda_pointer memory = 0;
    int const result = driver_.mem_alloc(&memory, std::max<std::size_t>(bytes, 1));
    if (result == cuda_api::out_of_memory) no_memory(bytes);
    check(result, "cuMemAlloc");
    auto const free = [self = shared_from_this()](std::byte* p) {
      current const in(*self);
      self->driver_.mem_free(reinterpret_cast<cuda_pointer>(p));
    };
    return {std::bit_cast<std::byte*>(memory), free};
  }

  /// Pinned memory of the host, which the device copies without help. Errors: system.
  std::shared_ptr<std::byte> allocate_pinned(std::size_t bytes) const {
    current const scope(*this);
    void* memory = nullptr;
    check(driver_.mem_host_alloc(&memory, std::max<std::size_t>(bytes, 1), 0), "taking pinned memory of the host");
    auto const free = [self = shared_from_this()](std::byte* p) {
      current const in(*self);
      self->driver_.mem_free_host(p);
    };
    return {static_cast<std::byte*>(memory), free};
  }

  /// Whether a pointer is of the device's memory. Errors: invalid_argument for that of another device.
  bool owns(void const* data) const {
    current const scope(*this);
    auto const pointer = reinterpret_cast<cuda_pointer>(data);
    unsigned type = 0;
    int ordinal = info_.ordinal;
    if (driver_.pointer_get_attribute(&type, cuda_api::pointer_memory_type, pointer) != cuda_api::success ||
        type != cuda_api::memory_type_device)
      return false;
    driver_.pointer_get_attribute(&ordinal, cuda_api::pointer_device, pointer);
    if (ordinal != info_.ordinal)
      throw error(error_code::invalid_argument, joined_text(to_string(info_), ": memory of cuda:", ordinal,
                                                            " was given; copy it to this device or to the host"));
    return true;
  }

 private:
  static constexpr int least_capability = 70;

  [[noreturn]] void no_memory(std::size_t bytes) const {
    std::size_t left = 0, total = 0;
    driver_.mem_get_info(&left, &total);
    throw error(error_code::limit_exceeded,
                joined_text(to_string(info_), ": ", bytes, " bytes of memory were asked for, ", left, " of ", total,
                            " are left; run smaller batches or fewer models, or end other programs on the device"));
  }

  cuda_driver driver_;
  cuda_device_info info_;
  int version_;
  int device_ = 0;
  void* handle_ = nullptr;
};

}  // namespace sinter
