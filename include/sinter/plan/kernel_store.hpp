#pragma once

#include <sinter/program/program.hpp>
#include <sinter/vector/hash.hpp>
#include <sinter/vector/recipe.hpp>
#include <sinter/vector/verify.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sinter {

/// The kernels of a model, shared by the programs of all its signatures: each is built and verified once, and kept as
/// long as a program has it. May be used by several threads at once.
class kernel_store {
 public:
  /// The kernel of a recipe; equal kernels are one object. Errors: those of building and of `vector::verify`.
  shared_kernel get(vector::recipe const& kernel) {
    std::scoped_lock lock(mutex_);
    if (kernel.key().empty()) return unique(kernel.make());
    if (auto const known = by_key_.find(kernel.key()); known != by_key_.end())
      if (auto found = known->second.lock()) return found;
    auto made = unique(kernel.make());
    by_key_.insert_or_assign(kernel.key(), made);
    return made;
  }

  /// The number of kernels that are alive.
  std::size_t size() const {
    std::scoped_lock lock(mutex_);
    return static_cast<std::size_t>(
        std::ranges::count_if(by_hash_, [](auto const& known) { return !known.second.expired(); }));
  }

 private:
  shared_kernel unique(vector::program kernel) {
    auto const h = vector::hash(kernel);
    auto const [first, last] = by_hash_.equal_range(h);
    for (auto at = first; at != last; ++at)
      if (auto known = at->second.lock(); known && vector::equal(*known, kernel)) return known;
    vector::verify(kernel);
    kernel.code.shrink_to_fit();
    kernel.registers.shrink_to_fit();
    auto made = std::make_shared<vector::program const>(std::move(kernel));
    forget_unused();
    by_hash_.emplace(h, made);
    return made;
  }

  /// Drops entries of kernels that are gone, whenever there are twice as many as were left the last time.
  void forget_unused() {
    if (by_key_.size() + by_hash_.size() < most_entries_) return;
    auto const is_gone = [](auto const& known) { return known.second.expired(); };
    std::erase_if(by_key_, is_gone);
    std::erase_if(by_hash_, is_gone);
    most_entries_ = std::max<std::size_t>(64, 2 * (by_key_.size() + by_hash_.size()));
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<vector::program const>> by_key_;
  std::unordered_multimap<std::uint64_t, std::weak_ptr<vector::program const>> by_hash_;
  std::size_t most_entries_ = 64;
};

}  // namespace sinter
