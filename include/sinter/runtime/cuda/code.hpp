#pragma once

#include <sinter/core/error.hpp>
#include <sinter/program/device_kernel.hpp>
#include <sinter/runtime/accelerator.hpp>
#include <sinter/runtime/cuda/context.hpp>
#include <sinter/runtime/cuda/cubin_builder.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sinter {

/// A kernel that can be launched: what `device_code::function` points to on a CUDA device.
struct cuda_function {
  std::string name{};
  void* handle = nullptr;
  std::size_t arguments = 0;
};

/// A module of one kernel in the memory of a device, unloaded at the end.
class cuda_module {
 public:
  /// Errors: system where the driver does not take the code; unsupported_feature where the kernel asks for more shared
  /// memory than the device has.
  cuda_module(std::shared_ptr<cuda_context const> context, cuda_image const& image, std::string name)
      : context_(std::move(context)),
        bytes_(image.code.size()),
        function_{.name = std::move(name), .arguments = image.kernel.arguments.size()} {
    cuda_context::current const scope(*context_);
    load(image.code);
    try {
      find_function(image.kernel.shared_bytes);
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

  void load(std::string const& code) {
    int const result = context_->driver().module_load_data(&handle_, code.c_str());
    bool const is_too_new = result == cuda_api::no_binary_for_gpu || result == cuda_api::unsupported_version;
    context_->check(result, is_too_new
                                ? fmt::format("this driver, of CUDA {}, does not take the code of the kernels; update "
                                              "the driver, or install an older NVRTC",
                                              cuda_version_text(context_->version()))
                                : "loading kernels");
  }

  void find_function(int shared_bytes) {
    auto const& driver = context_->driver();
    auto& [name, handle, arguments] = function_;
    auto const what = [&](char const* doing) { return fmt::format("{} kernel '{}'", doing, function_.name); };
    context_->check(driver.module_get_function(&handle, handle_, name.c_str()), what("finding"));
    if (shared_bytes > context_->info().shared_bytes)
      fail(error_code::unsupported_feature, "{}: kernel '{}' needs {} bytes of shared memory, a block has at most {}",
           to_string(context_->info()), name, shared_bytes, context_->info().shared_bytes);
    if (shared_bytes > shared_bytes_of_all)
      context_->check(driver.func_set_attribute(handle, cuda_api::function_dynamic_shared_bytes, shared_bytes),
                      what("taking shared memory for"));
  }

  std::shared_ptr<cuda_context const> context_;
  std::size_t bytes_;
  void* handle_ = nullptr;
  cuda_function function_;
};

/// The kernels of a device that are loaded: those with equal names, so equal text, once, as long as an owner is alive.
/// May be used by several threads at once.
class cuda_code_store {
 public:
  cuda_code_store(std::shared_ptr<cuda_context const> context, cubin_builder builder, std::size_t most_threads)
      : context_(std::move(context)), builder_(std::move(builder)), most_threads_(most_threads) {}

  /// Code for each of `kernels`, in order. Errors: those of `cubin_builder::build` and `cuda_module`.
  device_code load(std::span<device_kernel const> kernels) {
    std::scoped_lock const lock(mutex_);
    std::erase_if(entries_, [](auto const& e) { return e.second.in.expired(); });
    std::vector<std::string> names;
    for (auto const& k : kernels) names.push_back(builder_.name(k));
    std::vector<device_kernel> missing;
    auto held = find(kernels, names, missing);
    for (auto const& image : builder_.build(missing, most_threads_)) add(image, held);
    device_code code;
    for (auto const& name : names) code.entries.push_back(const_cast<cuda_function*>(&held.at(name)->function()));
    for (auto const& [name, in] : held) code.blocks.push_back({in, in->bytes()});
    return code;
  }

 private:
  /// Modules by the names of their kernels.
  using modules = std::unordered_map<std::string, std::shared_ptr<cuda_module const>>;
  struct entry {
    std::int32_t shared_bytes = 0;  ///< that the function may be launched with
    std::weak_ptr<cuda_module const> in{};
  };

  /// The modules of kernels that are loaded; those that are not, each once.
  modules find(std::span<device_kernel const> kernels, std::vector<std::string> const& names,
               std::vector<device_kernel>& missing) const {
    modules held;
    std::unordered_map<std::string, std::size_t> places;  // in `missing`
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      auto const known = entries_.find(names[i]);
      auto in = known == entries_.end() ? nullptr : known->second.in.lock();
      if (in && kernels[i].shared_bytes <= known->second.shared_bytes) {
        held.emplace(names[i], std::move(in));
        continue;
      }
      auto const [place, is_new] = places.emplace(names[i], missing.size());
      if (is_new) missing.push_back(kernels[i]);
      auto& most = missing[place->second].shared_bytes;
      most = std::max(most, kernels[i].shared_bytes);
    }
    return held;
  }

  void add(cuda_image const& image, modules& held) {
    auto const name = builder_.name(image.kernel);
    auto const made = std::make_shared<cuda_module const>(context_, image, name);
    entries_.insert_or_assign(name, entry{image.kernel.shared_bytes, made});
    held.insert_or_assign(name, made);
  }

  std::shared_ptr<cuda_context const> context_;
  cubin_builder builder_;
  std::size_t most_threads_;
  std::mutex mutex_;
  std::unordered_map<std::string, entry> entries_;
};

}  // namespace sinter
