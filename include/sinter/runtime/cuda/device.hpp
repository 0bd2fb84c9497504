#pragma once

#include <sinter/core/target.hpp>
#include <sinter/emit/cuda/emit.hpp>
#include <sinter/runtime/accelerator.hpp>
#include <sinter/runtime/cuda/code.hpp>
#include <sinter/runtime/cuda/context.hpp>
#include <sinter/runtime/cuda/cubin_builder.hpp>
#include <sinter/runtime/cuda/cubin_cache.hpp>
#include <sinter/runtime/cuda/driver.hpp>
#include <sinter/runtime/cuda/libraries.hpp>
#include <sinter/runtime/cuda/queue.hpp>
#include <sinter/runtime/processors.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace sinter {

/// The kernels of the library.
inline cuda_emitter own_cuda_kernels() { return {cuda_text::kernel_name, cuda_text::cuda_module_text}; }

/// What a CUDA device is used through.
struct cuda_options {
  cuda_emitter emitter = own_cuda_kernels();
  cuda_driver driver{};  ///< as `load_cuda_driver` gives it
  /// Asked for when the first kernel is loaded; throws where there is none. Empty: `load_nvrtc` for the driver.
  std::function<nvrtc()> compiler{};
  cubin_cache cache{};
  std::size_t most_threads = static_cast<std::size_t>(available_processors());  ///< that compile side by side
};

/// What a device of a compute capability (90 for 9.0) has: the strongest that the table of targets has.
inline target cuda_target(int capability) {
  feature_set features = 0;
  for (auto const& f : target_features)
    if (f.device == device_kind::cuda && detail::read_number(f.name.substr(3)) <= capability)
      features |= bit(f.id) | f.implies;
  return {device_kind::cuda, features, target("cuda").facts()};
}

/// A CUDA device of this process.
class cuda_device final : public accelerator {
 public:
  /// Errors: those of `cuda_context::open`.
  cuda_device(int ordinal, cuda_options const& options)
      : context_(cuda_context::open(options.driver, ordinal)),
        code_(context_, builder(options), options.most_threads) {}

  std::string name() const override { return to_string(context_->info()); }
  target machine() const override { return cuda_target(context_->info().capability); }
  cuda_device_info const& info() const { return context_->info(); }

  device_memory allocate(std::size_t bytes) override { return context_->allocate(bytes); }
  /// Errors: those of `cuda_code_store::load`.
  device_code load(std::span<device_kernel const> kernels) override {
    return with_context([&] { return name(); }, [&] { return code_.load(kernels); });
  }
  std::unique_ptr<device_queue> make_queue() override { return std::make_unique<cuda_queue>(context_); }

  bool owns(void const* data) const override { return context_->owns(data); }

 private:
  cubin_builder builder(cuda_options const& o) const {
    auto compiler = o.compiler;
    if (!compiler) compiler = [version = context_->version()] { return load_nvrtc(version); };
    return {o.emitter, context_->info().capability, std::move(compiler), o.cache};
  }

  std::shared_ptr<cuda_context const> context_;
  cuda_code_store code_;
};

}  // namespace sinter
