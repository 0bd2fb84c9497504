#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/emit/x86/emit.hpp>
#include <sinter/program/program.hpp>
#include <sinter/runtime/linked_grid.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sinter {

/// The machine code of a model's kernels, shared by the executables of all its signatures: a kernel is emitted once, in
/// one block with the others that are new with it, and the block is kept as long as an executable runs any of its code.
/// May be used by several threads at once.
class code_store {
 public:
  /// With a device, programs for it can be emitted.
  explicit code_store(std::size_t limit_bytes = limits{}.code_bytes, accelerator* device = nullptr)
      : limit_(limit_bytes), device_(device) {}

  /// The code of all kernels of a program.
  kernel_code emit(program const& p, target const& machine) {
    if (!p.on_device) return emit(p.kernels, machine);
    SINTER_ASSERT(device_);
    return load(p.device_kernels);
  }

  /// The code of device kernels. Errors: those of `accelerator::load`; limit_exceeded.
  kernel_code load(std::span<device_kernel const> kernels);

  /// The code of verified kernels, which must stay alive as long as it is used; `machine` is the same in all calls.
  /// Errors: limit_exceeded where all code that is alive passes the limit; those of `emit_x86`.
  kernel_code emit(std::span<shared_kernel const> kernels, target const& machine);

  /// Bytes of the code that is alive.
  std::size_t bytes() const {
    std::scoped_lock lock(mutex_);
    return alive();
  }

 private:
  using block = std::shared_ptr<code_block const>;
  struct entry {
    std::weak_ptr<vector::program const> kernel{};  ///< the key, unless it is gone
    std::weak_ptr<code_block const> in{};
    vector::kernel_function function = nullptr;
  };

  std::size_t alive() const {
    std::size_t sum = 0;
    for (auto const& b : blocks_) sum += b.code.expired() ? 0 : b.bytes;
    return sum;
  }

  bool has(std::shared_ptr<void const> const& code) const {
    return std::ranges::any_of(blocks_, [&](auto const& b) { return b.code.lock() == code; });
  }

  void forget_unused() {
    std::erase_if(blocks_, [](auto const& b) { return b.code.expired(); });
    std::erase_if(entries_, [](auto const& e) { return e.second.kernel.expired() || e.second.in.expired(); });
  }

  /// The block with the code of a kernel, or none.
  block find(shared_kernel const& kernel) const {
    auto const known = entries_.find(kernel.get());
    return known == entries_.end() || known->second.kernel.expired() ? nullptr : known->second.in.lock();
  }

  block emit_missing(std::span<shared_kernel const> missing, target const& machine);

  std::size_t limit_;
  accelerator* device_;
  mutable std::mutex mutex_;
  std::unordered_map<vector::program const*, entry> entries_;
  struct kept_block {
    std::weak_ptr<void const> code{};
    std::size_t bytes = 0;
  };
  std::vector<kept_block> blocks_;
};

inline kernel_code code_store::load(std::span<device_kernel const> kernels) {
  auto loaded = device_->load(kernels);
  std::scoped_lock lock(mutex_);
  forget_unused();
  budget left("machine code", limit_);
  left.charge(alive());
  kernel_code code{.device = device_, .device_entries = std::move(loaded.entries)};
  for (auto& b : loaded.blocks) {
    if (!has(b.owner)) left.charge(b.bytes), blocks_.push_back({b.owner, b.bytes});
    code.bytes += b.bytes;
    code.owners.push_back(std::move(b.owner));
  }
  return code;
}

inline code_store::block code_store::emit_missing(std::span<shared_kernel const> missing, target const& machine) {
  budget left("machine code", limit_);
  left.charge(alive());
  std::vector<vector::program const*> programs;
  for (auto const& k : missing) programs.push_back(k.get());
  auto made = std::make_shared<code_block const>(emit_x86(programs, machine, left));
  for (std::size_t i = 0; i < missing.size(); ++i)
    entries_[programs[i]] = {.kernel = missing[i], .in = made, .function = made->entry(i)};
  blocks_.push_back({made, made->bytes().size()});
  return made;
}

inline kernel_code code_store::emit(std::span<shared_kernel const> kernels, target const& machine) {
  std::scoped_lock lock(mutex_);
  forget_unused();
  std::vector<block> used;
  std::vector<shared_kernel> missing;
  for (auto const& k : kernels) {
    if (auto const known = find(k); !known)
      missing.push_back(k);
    else if (std::ranges::find(used, known) == used.end())
      used.push_back(known);
  }
  if (!missing.empty()) used.push_back(emit_missing(missing, machine));
  kernel_code code;
  for (auto const& k : kernels) code.entries.push_back(entries_.at(k.get()).function);
  for (auto const& b : used) code.bytes += b->bytes().size();
  code.owners.assign(used.begin(), used.end());
  return code;
}

}  // namespace sinter
