#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <pthread.h>
#include <sched.h>
#include <time.h>

namespace sinter::detail {

/// Moves a thread to another CPU for as long as it likes to stay: the mover narrows its affinity, and the thread gives
/// itself back what it had.
class cpu_move {
 public:
  /// Keeps `thread`, which is about to be woken, off `cpu`, on which the waker runs. Schedulers take a virtual
  /// machine's halted CPUs for busy ones and leave the thread where it was woken: there it waits behind the waker, for
  /// milliseconds.
  void away(pthread_t thread, int cpu) noexcept {
    move(thread, cpu, [cpu](cpu_set_t& to) { CPU_CLR(static_cast<std::size_t>(cpu), &to); });
  }
  /// Brings `thread`, which waits for another CPU, to `cpu`.
  void to(pthread_t thread, int cpu) noexcept {
    move(thread, cpu, [cpu](cpu_set_t& to) {
      bool const may = CPU_ISSET(static_cast<std::size_t>(cpu), &to);
      CPU_ZERO(&to);
      if (may) CPU_SET(static_cast<std::size_t>(cpu), &to);
    });
  }
  /// In the thread: undoes a move, if there was one.
  void undo() noexcept {
    while (state_.load(std::memory_order_acquire) == moving) sched_yield();
    if (state_.load(std::memory_order_relaxed) == stays) return;
    pthread_setaffinity_np(pthread_self(), sizeof allowed_, &allowed_);
    state_.store(stays, std::memory_order_release);
  }

 private:
  enum : std::uint8_t { stays, moving, moved };

  template <typename Narrow>
  void move(pthread_t thread, int cpu, Narrow narrow) noexcept {
    std::uint8_t expected = stays;
    if (cpu < 0 || cpu >= CPU_SETSIZE || !state_.compare_exchange_strong(expected, moving, std::memory_order_acquire))
      return;
    bool done = pthread_getaffinity_np(thread, sizeof allowed_, &allowed_) == 0;
    if (done) {
      auto others = allowed_;
      narrow(others);
      done = CPU_COUNT(&others) > 0 && !CPU_EQUAL(&others, &allowed_) &&
             pthread_setaffinity_np(thread, sizeof others, &others) == 0;
    }
    state_.store(done ? moved : stays, std::memory_order_release);
  }

  cpu_set_t allowed_{};
  std::atomic<std::uint8_t> state_{stays};
};

/// Nanoseconds for which a thread has had a CPU; 0: unknown.
inline std::int64_t cpu_nanoseconds(pthread_t thread) noexcept {
  clockid_t clock{};
  timespec t{};
  if (pthread_getcpuclockid(thread, &clock) != 0 || clock_gettime(clock, &t) != 0) return 0;
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

}  // namespace sinter::detail
