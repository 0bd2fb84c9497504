#pragma once

#include <sinter/core/failure.hpp>
#include <sinter/core/joined_text.hpp>
#include <sinter/runtime/cuda/context.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// Compiled kernels on a device. Shipped with generated programs.
namespace sinter {

/// A kernel that can be launched: what `device_code::function` points to on a CUDA device.
struct cuda_function {
  std::string name{};
  void* handle = nullptr;
  std::size_t arguments = 0;
};

/// A kernel of a module, as it is launched.
struct cuda_entry {
  std::string name{};
  std::size_t arguments = 0;
  std::int32_t shared_bytes = 0;  ///< most of a block
};

/// A module of one kernel in the memory of a device, unloaded at the end.
class cuda_module {
 public:
  /// Errors: system where the driver does not take the code; unsupported_feature where the kernel asks for more shared
  /// memory than the device has.
  cuda_module(std::shared_ptr<cuda_context const> context, std::string_view code, cuda_entry entry)
      : context_(std::move(context)),
        bytes_(code.size()),
        function_{.name = std::move(entry.name), .arguments = entry.arguments} {
    cuda_context::current const scope(*context_);
    load(code);
    try {
      find_function(entry.shared_bytes);
    } catch (...) {
      context_->driver().module_unload(handle_);
      throw;
    }
  }
  cuda_module(cuda_module const&) = delete;
  cuda_module& operator=(cuda_module const&) = delete;
  ~cuda_module() {
    cuda_context::current const scope(*context_);
    context_->driver().module_unload(handle_);
  }

  cuda_function const& function() const { return function_; }
  std::size_t bytes() const { return bytes_; }

 private:
  static constexpr int shared_bytes_of_all = 48 << 10;  ///< that a block has without asking

  void load(std::string_view code) {
    int const result = context_->driver().module_load_data(&handle_, code.data());
    bool const is_too_new = result == cuda_api::no_binary_for_gpu || result == cuda_api::unsupported_version;
    context_->check(
        result,
        is_too_new
            ? joined_text(
                  "this driver, of CUDA ", cuda_version_text(context_->version()),
                  ", does not take the code of the kernels; update the driver, or compile them with an older NVRTC")
            : "loading kernels");
  }

  void find_function(int shared_bytes) {
    auto const& driver = context_->driver();
    auto& [name, handle, arguments] = function_;
    auto const what = [&](char const* doing) { return joined_text(doing, " kernel '", function_.name, "'"); };
    context_->check(driver.module_get_function(&handle, handle_, name.c_str()), what("finding"));
    if (shared_bytes > context_->info().shared_bytes)
      throw error(error_code::unsupported_feature,
                  joined_text(to_string(context_->info()), ": kernel '", name, "' needs ", shared_bytes,
                              " bytes of shared memory, a block has at most ", context_->info().shared_bytes));
    if (shared_bytes > shared_bytes_of_all)
      context_->check(driver.func_set_attribute(handle, cuda_api::function_dynamic_shared_bytes, shared_bytes),
                      what("taking shared memory for"));
  }

  std::shared_ptr<cuda_context const> context_;
  std::size_t bytes_;
  void* handle_ = nullptr;
  cuda_function function_;
};

}  // namespace sinter
