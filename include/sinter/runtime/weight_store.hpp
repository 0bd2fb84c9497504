#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/core/limits.hpp>
#include <sinter/program/program.hpp>
#include <sinter/runtime/accelerator.hpp>
#include <sinter/runtime/arena.hpp>
#include <sinter/runtime/executor.hpp>

#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sinter {

/// The packed weights of a model, shared by the executables of all its signatures: each key is made once and kept as
/// long as an executable uses it. May be used by several threads at once.
class weight_store {
 public:
  /// Bytes of one packing, 64-byte aligned; shares ownership of the memory that they lie in.
  using block = std::shared_ptr<std::byte const>;

  /// With a device, the blocks lie in its memory.
  explicit weight_store(std::size_t limit_bytes = limits{}.weight_bytes, accelerator* device = nullptr)
      : limit_(limit_bytes), device_(device) {}

  /// The blocks for `packings`, in that order. Missing ones are filled, on `pool` if one is given. Errors:
  /// limit_exceeded before anything is allocated, system, and whatever a `fill` throws.
  std::vector<block> materialize(std::span<packing const> packings, executor* pool = nullptr);

  /// Bytes of the packings that are alive.
  std::size_t bytes() const {
    std::scoped_lock lock(mutex_);
    std::size_t sum = 0;
    for (auto const& [key, e] : entries_)
      if (!e.data.expired()) sum += e.bytes;
    return sum;
  }

 private:
  struct entry {
    std::weak_ptr<std::byte const> data{};
    std::size_t bytes = 0;
  };
  struct job {
    packing const* what = nullptr;
    std::byte* destination = nullptr;
    std::exception_ptr failure{};
  };

  std::map<std::string_view, block> hold();
  std::vector<job> missing(std::span<packing const> packings, std::vector<block>& found);
  static void fill(void* jobs, std::int64_t begin, std::int64_t end, int) noexcept;
  static std::size_t padded(packing const& p) { return static_cast<std::size_t>(round_up(p.bytes, 64)); }

  std::shared_ptr<std::byte> resident(std::shared_ptr<memory_block> const& memory) const;

  std::size_t limit_;
  accelerator* device_;
  mutable std::mutex mutex_;
  std::map<std::string, entry, std::less<>> entries_;
};

/// The blocks that exist, which others may release at any time unless held; forgets the entries of all others.
inline std::map<std::string_view, weight_store::block> weight_store::hold() {
  std::map<std::string_view, block> result;
  std::erase_if(entries_, [&](auto const& e) {
    auto alive = e.second.data.lock();
    if (alive) result.emplace(e.first, std::move(alive));
    return !result.contains(e.first);
  });
  return result;
}

/// Puts the blocks that exist into `found`; the others, each key once, become jobs. Charges their bytes.
inline std::vector<weight_store::job> weight_store::missing(std::span<packing const> packings,
                                                            std::vector<block>& found) {
  std::vector<job> jobs;
  budget left("the packed weights", limit_);
  std::map<std::string_view, block> const kept = hold();
  for (auto const& [key, e] : entries_) left.charge(e.bytes);
  std::set<std::string_view> keys;
  for (std::size_t i = 0; i < packings.size(); ++i) {
    auto const& p = packings[i];
    SINTER_ASSERT(p.bytes >= 0);
    if (auto const it = kept.find(p.key); it != kept.end()) {
      SINTER_ASSERT(entries_.find(p.key)->second.bytes == static_cast<std::size_t>(p.bytes));
      found[i] = it->second;
    } else if (keys.insert(p.key).second) {
      left.charge(static_cast<std::size_t>(p.bytes));
      jobs.push_back({&p, nullptr, {}});
    }
  }
  return jobs;
}

inline void weight_store::fill(void* jobs, std::int64_t begin, std::int64_t end, int) noexcept {
  for (auto i = begin; i < end; ++i) {
    auto& j = (*static_cast<std::vector<job>*>(jobs))[static_cast<std::size_t>(i)];
    try {
      j.what->fill(j.destination);
    } catch (...) {
      j.failure = std::current_exception();
    }
  }
}

/// The bytes where kernels read them.
inline std::shared_ptr<std::byte> weight_store::resident(std::shared_ptr<memory_block> const& memory) const {
  if (!device_) return {memory, memory->data()};
  auto there = device_->allocate(memory->size());
  auto const queue = device_->make_queue();
  queue->upload(there.get(), memory->data(), memory->size());
  queue->wait();
  return there;
}

inline std::vector<weight_store::block> weight_store::materialize(std::span<packing const> packings, executor* pool) {
  std::scoped_lock lock(mutex_);
  std::vector<block> result(packings.size());
  auto jobs = missing(packings, result);
  if (jobs.empty()) return result;

  std::size_t bytes = 64;
  for (auto const& j : jobs) bytes += padded(*j.what);
  auto const memory = std::make_shared<memory_block>(bytes);
  auto* next = memory->data();
  for (auto& j : jobs) {
    j.destination = next;
    next += padded(*j.what);
  }
  auto const count = static_cast<std::int64_t>(jobs.size());
  if (pool)
    pool->parallel_for(count, fill, &jobs);
  else
    fill(&jobs, 0, count, 0);

  for (auto const& j : jobs)
    if (j.failure) std::rethrow_exception(j.failure);
  auto const lasting = resident(memory);
  std::map<std::string_view, block> made;
  for (auto const& j : jobs) made[j.what->key] = block(lasting, lasting.get() + (j.destination - memory->data()));
  for (auto const& j : jobs) entries_[j.what->key] = {made[j.what->key], static_cast<std::size_t>(j.what->bytes)};
  for (std::size_t i = 0; i < packings.size(); ++i)
    if (!result[i]) result[i] = made.at(packings[i].key);
  return result;
}

}  // namespace sinter
