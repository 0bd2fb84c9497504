#pragma once

#include <sinter/program/device_kernel.hpp>
#include <sinter/runtime/cuda/context.hpp>
#include <sinter/runtime/cuda/cubin_builder.hpp>
#include <sinter/runtime/cuda/module.hpp>
#include <sinter/runtime/device_queue.hpp>

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
    auto const made = std::make_shared<cuda_module const>(
        context_, image.code, cuda_entry{name, image.kernel.arguments.size(), image.kernel.shared_bytes});
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
