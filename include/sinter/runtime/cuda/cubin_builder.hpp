#pragma once

#include <sinter/core/error.hpp>
#include <sinter/program/device_kernel.hpp>
#include <sinter/runtime/cuda/compile.hpp>
#include <sinter/runtime/cuda/cubin_cache.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
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

/// A module that is ready to load.
struct cuda_image {
  std::string code{};
  std::vector<device_kernel> kernels{};
};

namespace detail {

/// Deals kernels, which differ, to `count` modules of about the same size; how follows from the kernels only.
inline std::vector<std::vector<device_kernel>> deal_kernels(std::span<device_kernel const> kernels, std::size_t count) {
  std::vector<std::vector<device_kernel>> dealt(
      std::clamp<std::size_t>(count, 1, std::max<std::size_t>(kernels.size(), 1)));
  for (std::size_t i = 0; i < kernels.size(); ++i) dealt[i % dealt.size()].push_back(kernels[i]);
  return dealt;
}

/// Calls `job(i)` for each i below `count`, each on a thread of its own; then throws the error of the first that
/// failed.
template <typename Job>
void run_side_by_side(std::size_t count, Job&& job) {
  std::vector<std::exception_ptr> failures(count);
  auto const run = [&](std::size_t i) {
    try {
      with_system_errors([&] { job(i); });
    } catch (...) {
      failures[i] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 1; i < count; ++i) threads.emplace_back(run, i);
    if (count > 0) run(0);
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

  /// Kernels that differ, in at most `most_modules` modules. Errors: system where a kernel must be compiled and there
  /// is no compiler, or the compiler refuses its text, with the kernel's name; those of `cubin_arch`.
  std::vector<cuda_image> build(std::span<device_kernel const> kernels, std::size_t most_modules) {
    if (kernels.empty()) return {};
    choose_compiler();
    auto parts = detail::deal_kernels(kernels, most_modules);
    std::vector<cuda_image> images(parts.size());
    detail::run_side_by_side(parts.size(), [&](std::size_t i) {
      images[i] = {build_module(parts[i]), std::move(parts[i])};
    });
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

  std::string build_module(std::vector<device_kernel> const& kernels) const {
    auto const options = cubin_options(arch_);
    cubin_key const key{.text = emitter_.text(kernels),
                        .options = fmt::format("{}", fmt::join(options, " ")),
                        .compiler = compiler_ ? version_text(*compiler_) : ""};
    if (auto found = cache_.find(key)) return std::move(*found);
    if (!compiler_) throw error(*no_compiler_).within(names(kernels));
    auto code = compile(key.text, options, kernels);
    cache_.keep(key, code);
    return code;
  }

  std::string compile(std::string const& text, std::vector<std::string> const& options,
                      std::vector<device_kernel> const& kernels) const {
    try {
      return compile_cubin(*compiler_, text, options).bytes;
    } catch (error& e) {
      for (auto const& kernel : kernels)
        if (kernels.size() > 1) compile(emitter_.text(std::span(&kernel, 1)), options, {kernel});
      throw e.within(names(kernels));
    }
  }

  std::string names(std::vector<device_kernel> const& kernels) const {
    std::vector<std::string> all;
    all.reserve(kernels.size());
    for (auto const& k : kernels) all.push_back("'" + emitter_.name(k) + "'");
    return fmt::format("kernel{} {}", all.size() == 1 ? "" : "s", fmt::join(all, ", "));
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
