#pragma once

#include <sinter/core/error.hpp>

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace sinter {

/// Values that are expensive to make, by key. A value is made once, by the first thread that asks for it; others that
/// ask for the same key wait for it, those that ask for other keys do not. Beyond `most` values, or beyond `most_bytes`
/// of `Value::bytes()`, the least recently used ones are dropped; the latest stays. Whoever holds a value keeps it.
template <typename Key, typename Value>
class lru_cache {
 public:
  lru_cache(std::size_t most, std::size_t most_bytes) : most_(most), most_bytes_(most_bytes) {}

  /// The value for `key`; `make()` returns a `std::shared_ptr<Value>`. Its errors reach every thread that waits; the
  /// next call tries again.
  template <typename Make>
  std::shared_ptr<Value> get(Key const& key, Make&& make) {
    std::unique_lock lock(mutex_);
    auto const it = std::ranges::find_if(entries_, [&](auto const& e) { return e->key == key; });
    if (it != entries_.end()) {
      auto const found = *it;
      entries_.splice(entries_.begin(), entries_, it);
      changed_.wait(lock, [&] { return found->value || found->failure; });
      if (found->failure) throw sinter::error(*found->failure);
      return found->value;
    }
    auto const mine = std::make_shared<entry>();
    mine->key = key;
    entries_.push_front(mine);
    lock.unlock();
    auto value = attempt(*mine, make);
    lock.lock();
    if (mine->failure) {
      entries_.remove(mine);
      changed_.notify_all();
      throw sinter::error(*mine->failure);
    }
    mine->value = value;
    trim(mine);
    changed_.notify_all();
    return value;
  }

  /// Calls `visit(value)` for each value, latest first.
  template <typename Visit>
  void for_each(Visit&& visit) const {
    std::scoped_lock lock(mutex_);
    for (auto const& e : entries_)
      if (e->value) visit(*e->value);
  }

 private:
  struct entry {
    Key key{};
    std::shared_ptr<Value> value{};
    std::optional<sinter::error> failure{};
  };

  template <typename Make>
  std::shared_ptr<Value> attempt(entry& e, Make&& make) {
    std::optional<sinter::error> failure;
    try {
      return make();
    } catch (sinter::error const& why) {
      failure = why;
    } catch (std::bad_alloc const&) {
      failure = sinter::error(error_code::system, "the system has no memory left");
    } catch (std::exception const& why) {
      failure = sinter::error(error_code::system, why.what());
    }
    std::scoped_lock lock(mutex_);
    e.failure = std::move(failure);
    return nullptr;
  }

  void trim(std::shared_ptr<entry> const& keep) {
    std::size_t bytes = 0;
    for (auto const& e : entries_)
      if (e->value) bytes += e->value->bytes();
    for (auto it = entries_.end(); it != entries_.begin() && (entries_.size() > most_ || bytes > most_bytes_);) {
      --it;
      if (*it == keep || !(*it)->value) continue;
      bytes -= std::min(bytes, (*it)->value->bytes());  // it may have grown since
      it = entries_.erase(it);
    }
  }

  std::size_t most_;
  std::size_t most_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::shared_ptr<entry>> entries_;  ///< latest first
};

}  // namespace sinter
