#pragma once

#include <cstdint>

namespace sinter {

/// Who runs the tasks of a model: the library's thread pool, or an implementation of the user's over the threads that
/// the program has anyway. Several threads may call `parallel_for` at once.
struct executor {
  /// Tasks [begin, end) of one call; `worker` is in [0, workers()) and names scratch memory: two ranges that run at the
  /// same time have different workers.
  using range_body = void (*)(void* context, std::int64_t begin, std::int64_t end, int worker) noexcept;

  virtual ~executor() = default;

  /// Runs `body` on ranges that together are [0, tasks), each task exactly once, and returns when all of them have
  /// ended. What they wrote is visible to the caller then. Does not throw: with too few threads it does the work on the
  /// calling one.
  virtual void parallel_for(std::int64_t tasks, range_body body, void* context) noexcept = 0;

  /// The most ranges that run at the same time; constant, at least 1.
  virtual int workers() const noexcept = 0;
};

}  // namespace sinter
