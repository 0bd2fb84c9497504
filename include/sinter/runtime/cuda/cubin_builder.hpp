#pragma once

#include <sinter/core/error.hpp>
#include <sinter/program/device_kernel.hpp>
#include <sinter/runtime/cuda/compile.hpp>
#include <sinter/runtime/cuda/cubin_cache.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sinter {

/// What writes kernels as CUDA C++, for all architectures alike. Both functions are called by several threads at once.
struct cuda_emitter {
  /// The name of a kernel in every text; kernels of other text have other names.
  std::function<std::string(device_kernel const&)> name{};
  /// The text of a module. From sm_90 on launches overlap: a kernel waits (griddepcontrol.wait) before it touches
  /// memory.
  std::function<std::string(std::span<device_kernel const>)> text{};
};

/// A module of one kernel that is ready to load.
struct cuda_image {
  std::string code{};
  device_kernel kernel{};
};

namespace detail {

/// Calls `job(i)` for each i below `count` on at most `most_threads` threads, each of which takes the next; then throws
/// the error of the first job that failed.
template <typename Job>
void run_side_by_side(std::size_t count, std::size_t most_threads, Job&& job) {
  std::vector<std::exception_ptr> failures(count);
  std::atomic<std::size_t> next{0};
  auto const work = [&] {
    for (auto i = next++; i < count; i = next++) {
      try {
        with_system_errors([&] { job(i); });
      } catch (...) {
        failures[i] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 1; t < std::min(count, most_threads); ++t) threads.emplace_back(work);
    work();
  }
  for (auto const& f : failures)
    if (f) std::rethrow_exception(f);
}

}  // namespace detail

/// Makes modules of kernels for one device: looks in the cache, compiles the rest side by side. Used by one thread at a
/// time.
class cubin_builder {
 public:
  /// `find_compiler` is called when the first kernel is built and throws where there is no compiler: then only kernels
  /// of the cache can be built.
  cubin_builder(cuda_emitter emitter, int capability, std::function<nvrtc()> find_compiler, cubin_cache cache)
      : emitter_(std::move(emitter)),
        capability_(capability),
        find_compiler_(std::move(find_compiler)),
        cache_(std::move(cache)) {}

  std::string name(device_kernel const& kernel) const { return emitter_.name(kernel); }

  /// A module for each kernel, so that what is in the cache does not depend on what a kernel was compiled with; at most
  /// `most_threads` are compiled at once. Errors: system where a kernel must be compiled and there is no compiler, or
  /// the compiler refuses its text, with the kernel's name; those of `cubin_arch`.
  std::vector<cuda_image> build(std::span<device_kernel const> kernels, std::size_t most_threads) {
    if (kernels.empty()) return {};
    choose_compiler();
    std::vector<cuda_image> images(kernels.size());
    std::atomic<bool> is_new = false;
    detail::run_side_by_side(kernels.size(), most_threads, [&](std::size_t i) {
      with_context([&] { return fmt::format("kernel '{}'", name(kernels[i])); },
                   [&] {
                     images[i] = {build_module(kernels[i], is_new), kernels[i]};
                   });
    });
    if (is_new) cache_.trim();
    return images;
  }

 private:
  void choose_compiler() {
    if (compiler_) return;
    try {
      auto const found = find_compiler_();
      arch_ = cubin_arch(found, capability_);
      compiler_ = found;
    } catch (error const& why) {
      arch_ = capability_;
      no_compiler_ = why;
    }
  }

  std::string build_module(device_kernel const& kernel, std::atomic<bool>& is_new) const {
    auto const options = cubin_options(arch_);
    cubin_key const key{.text = emitter_.text(std::span(&kernel, 1)),
                        .options = fmt::format("{}", fmt::join(options, " ")),
                        .compiler = compiler_ ? version_text(*compiler_) : ""};
    if (auto found = cache_.find(key)) return std::move(*found);
    if (!compiler_) throw error(*no_compiler_);
    auto code = compile_cubin(*compiler_, key.text, options).bytes;
    cache_.keep(key, code);
    is_new = true;
    return code;
  }

  cuda_emitter emitter_;
  int capability_;
  std::function<nvrtc()> find_compiler_;
  cubin_cache cache_;
  std::optional<nvrtc> compiler_{};
  std::optional<error> no_compiler_{};
  int arch_ = 0;
};

}  // namespace sinter
