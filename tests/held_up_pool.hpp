#pragma once

#include <sinter/runtime/thread_pool.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace sinter::test {

/// A thread pool that holds up whoever runs the first tasks of a call until the others have done all the rest, or for a
/// while: the rest of his share is stolen.
class held_up_pool final : public executor {
 public:
  explicit held_up_pool(int threads) : pool_(threads) {}

  void parallel_for(std::int64_t tasks, range_body body, void* context) noexcept override {
    call c{body, context, tasks, tasks / workers()};
    pool_.parallel_for(
        tasks,
        [](void* all, std::int64_t begin, std::int64_t end, int worker) noexcept {
          static_cast<call*>(all)->run(begin, end, worker);
        },
        &c);
    if (c.stolen) ++stolen_;
  }
  int workers() const noexcept override { return pool_.workers(); }
  /// Calls in which others did tasks of the caller's share.
  int stolen() const { return stolen_; }

 private:
  struct call {
    range_body body;
    void* context;
    std::int64_t tasks, share;
    std::atomic<std::int64_t> done{0};
    std::atomic<bool> stolen{false};

    void run(std::int64_t begin, std::int64_t end, int worker) noexcept {
      body(context, begin, end, worker);
      if (worker != 0 && begin < share) stolen = true;
      done += end - begin;
      auto const start = std::chrono::steady_clock::now();
      while (begin == 0 && done < tasks && std::chrono::steady_clock::now() - start < std::chrono::milliseconds(5))
        std::this_thread::yield();
    }
  };

  thread_pool pool_;
  std::atomic<int> stolen_{0};
};

}  // namespace sinter::test
