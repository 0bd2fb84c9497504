#pragma once

#include <sinter/runtime/executor.hpp>
#include <sinter/runtime/futex.hpp>
#include <sinter/runtime/processors.hpp>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace sinter {

namespace detail {

/// Keeps a thread that is woken off the waker's CPU until it runs. Schedulers take a virtual machine's halted CPUs for
/// busy ones and leave the thread where it was woken: there it waits behind the waker, for milliseconds.
class cpu_move {
 public:
  /// Before `thread` is woken by one that runs on `cpu`.
  void start(pthread_t thread, int cpu) noexcept {
    if (cpu < 0 || cpu >= CPU_SETSIZE || pthread_getaffinity_np(thread, sizeof allowed_, &allowed_) != 0) return;
    auto others = allowed_;
    CPU_CLR(static_cast<std::size_t>(cpu), &others);
    if (CPU_COUNT(&others) == 0 || CPU_EQUAL(&others, &allowed_)) return;
    started_ = pthread_setaffinity_np(thread, sizeof others, &others) == 0;
  }
  /// In the thread, when it runs.
  void finish() noexcept {
    if (started_) pthread_setaffinity_np(pthread_self(), sizeof allowed_, &allowed_);
    started_ = false;
  }

 private:
  cpu_set_t allowed_{};
  bool started_ = false;
};

}  // namespace detail

/// A fork-join pool. The calling thread takes part as worker 0. Tasks are split evenly in advance; a worker that has
/// finished takes half of what another has left, from its end. Workers spin for at most `spin` after a call and then
/// sleep; nobody waits for a worker that has not woken up, and none wakes up on the caller's CPU if it may run on
/// another. A call that comes while another one runs does its tasks on the calling thread. No call allocates. Workers
/// use the caller's floating-point control word.
class thread_pool final : public executor {
 public:
  static constexpr int max_workers = 512;
  static constexpr std::chrono::microseconds spin{50};

  /// `threads` counts the caller; fewer are used when the system refuses more.
  explicit thread_pool(int threads = available_processors()) : slots_(count_of(threads)) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the program's own threads
    try {
      for (std::size_t i = 1; i < slots_.size(); ++i)
        threads_.emplace_back([this, i] { worker_loop(static_cast<int>(i)); });
    } catch (std::system_error const&) {
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  thread_pool(thread_pool const&) = delete;
  thread_pool& operator=(thread_pool const&) = delete;
  ~thread_pool() override {
    stop_.store(true, std::memory_order_relaxed);
    gate_.fetch_add(one_epoch, std::memory_order_seq_cst);
    wake(threads_.size());
    for (auto& t : threads_) t.join();
  }

  int workers() const noexcept override { return static_cast<int>(slots_.size()); }
  void parallel_for(std::int64_t tasks, range_body body, void* context) noexcept override;

 private:
  // `gate_`: count of workers inside the call, a flag that more may join, a flag that the caller sleeps, the epoch.
  static constexpr std::uint32_t count_mask = 0x3ff, open = 0x400, caller_sleeps = 0x800, one_epoch = 0x1000;
  static std::uint32_t epoch_of(std::uint32_t word) { return word & ~(one_epoch - 1); }
  static std::size_t count_of(int threads) { return static_cast<std::size_t>(std::clamp(threads, 1, max_workers)); }

  struct alignas(64) slot {
    /// Tasks that the worker has left: [low 32 bits, high 32 bits), in units of `unit_` tasks.
    std::atomic<std::uint64_t> left{0};
    /// Where the worker is; one that sleeps waits for the word to become `awake`.
    std::atomic<std::uint32_t> rest{awake};
    detail::cpu_move move{};  ///< made by who wakes the worker, undone by the worker
  };
  static constexpr std::uint32_t awake = 0, asleep = 1, being_woken = 2;
  static constexpr std::uint64_t pack(std::uint64_t begin, std::uint64_t end) { return begin | end << 32; }

  void work(int self) noexcept;
  bool steal(std::size_t self) noexcept;
  void wait_for_workers() noexcept;
  void wake(std::size_t most) noexcept;
  void sleep(slot& s, std::uint32_t seen) noexcept;
  void worker_loop(int self) noexcept;
  bool join(std::uint32_t word) noexcept;
  void leave() noexcept;

  std::vector<slot> slots_;
  alignas(64) std::atomic<std::uint32_t> gate_{0};
  alignas(64) std::atomic<int> parked_{0};
  std::atomic<std::uint32_t> finished_{0};
  std::atomic<bool> stop_{false};
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  // The call in progress; written before the gate opens.
  range_body body_ = nullptr;
  void* context_ = nullptr;
  std::int64_t tasks_ = 0;
  std::int64_t unit_ = 1;
  std::uint32_t control_word_ = 0;
  std::vector<std::thread> threads_;
};

/// The pool of this process for a number of threads, 0 meaning `available_processors()`. It lives as long as somebody
/// holds it, so that a program that has dropped its models has no threads of theirs.
inline std::shared_ptr<thread_pool> shared_thread_pool(int threads = 0) {
  static std::mutex mutex;
  static std::map<int, std::weak_ptr<thread_pool>> pools;
  if (threads <= 0) threads = available_processors();
  threads = std::min(threads, thread_pool::max_workers);
  std::scoped_lock lock(mutex);
  auto pool = pools[threads].lock();
  if (!pool) pools[threads] = pool = std::make_shared<thread_pool>(threads);
  return pool;
}

namespace detail {

#if defined(__x86_64__)
inline std::uint32_t control_word() { return _mm_getcsr(); }
inline void set_control_word(std::uint32_t word) { _mm_setcsr(word); }
#else
inline std::uint32_t control_word() { return 0; }
inline void set_control_word(std::uint32_t) {}
#endif

/// True until `thread_pool::spin` has passed since the first call.
class spinner {
 public:
  bool spin() noexcept {
    for (int i = 0; i < 16; ++i) spin_pause();
    auto const now = std::chrono::steady_clock::now();
    if (start_ == std::chrono::steady_clock::time_point{}) start_ = now;
    return now - start_ < thread_pool::spin;
  }

 private:
  std::chrono::steady_clock::time_point start_{};
};

}  // namespace detail

inline void thread_pool::parallel_for(std::int64_t tasks, range_body body, void* context) noexcept {
  if (tasks <= 0) return;
  if (tasks == 1 || threads_.empty() || busy_.test_and_set(std::memory_order_acquire)) {
    body(context, 0, tasks, 0);
    return;
  }
  body_ = body, context_ = context, tasks_ = tasks;
  unit_ = 1 + tasks / INT32_MAX;
  control_word_ = detail::control_word();
  auto const units = static_cast<std::uint64_t>((tasks + unit_ - 1) / unit_);
  auto const n = slots_.size();
  for (std::size_t i = 0; i < n; ++i)
    slots_[i].left.store(pack(units * i / n, units * (i + 1) / n), std::memory_order_relaxed);

  auto const word = epoch_of(gate_.load(std::memory_order_relaxed)) + one_epoch;
  gate_.store(word | open, std::memory_order_seq_cst);
  wake(static_cast<std::size_t>(tasks - 1));
  work(0);
  gate_.fetch_and(~open, std::memory_order_acq_rel);
  wait_for_workers();
  busy_.clear(std::memory_order_release);
}

/// Runs own tasks, a quarter of them at a time so that the rest can be stolen, then tasks of others.
inline void thread_pool::work(int self) noexcept {
  auto const me = static_cast<std::size_t>(self);
  auto& left = slots_[me].left;
  do {
    for (auto range = left.load(std::memory_order_relaxed);;) {
      auto const begin = range & 0xffffffffu, end = range >> 32;
      if (begin >= end) break;
      auto const middle = begin + (end - begin + 3) / 4;
      if (!left.compare_exchange_weak(range, pack(middle, end), std::memory_order_relaxed)) continue;
      body_(context_, static_cast<std::int64_t>(begin) * unit_,
            std::min(static_cast<std::int64_t>(middle) * unit_, tasks_), self);
      range = left.load(std::memory_order_relaxed);
    }
  } while (steal(me));
}

/// Moves half of another worker's tasks to the empty slot of `self`; false when nobody has any.
inline bool thread_pool::steal(std::size_t self) noexcept {
  for (std::size_t i = 1; i < slots_.size(); ++i) {
    auto& left = slots_[(self + i) % slots_.size()].left;
    for (auto range = left.load(std::memory_order_relaxed);;) {
      auto const begin = range & 0xffffffffu, end = range >> 32;
      if (begin >= end) break;
      auto const middle = begin + (end - begin) / 2;
      if (!left.compare_exchange_weak(range, pack(begin, middle), std::memory_order_relaxed)) continue;
      slots_[self].left.store(pack(middle, end), std::memory_order_relaxed);
      return true;
    }
  }
  return false;
}

inline void thread_pool::wait_for_workers() noexcept {
  detail::spinner spinner;
  while (gate_.load(std::memory_order_acquire) & count_mask) {
    if (spinner.spin()) continue;
    auto const seen = finished_.load(std::memory_order_acquire);
    if (!(gate_.fetch_or(caller_sleeps, std::memory_order_acq_rel) & count_mask)) return;
    futex_wait(finished_, seen);
  }
}

/// Wakes workers that sleep, at most `most`.
inline void thread_pool::wake(std::size_t most) noexcept {
  if (parked_.load(std::memory_order_seq_cst) == 0) return;
  int const here = sched_getcpu();
  for (std::size_t i = 1; i <= threads_.size() && most > 0; ++i) {
    auto& s = slots_[i];
    auto rest = asleep;
    if (!s.rest.compare_exchange_strong(rest, being_woken, std::memory_order_acq_rel)) continue;
    s.move.start(threads_[i - 1].native_handle(), here);
    s.rest.store(awake, std::memory_order_release);
    futex_wake(s.rest, 1);
    --most;
  }
}

/// Sleeps until a call after the one `seen`.
inline void thread_pool::sleep(slot& s, std::uint32_t seen) noexcept {
  s.rest.store(asleep, std::memory_order_release);
  parked_.fetch_add(1, std::memory_order_seq_cst);
  auto expected = asleep;
  bool const called = epoch_of(gate_.load(std::memory_order_seq_cst)) != seen;
  if (!called || !s.rest.compare_exchange_strong(expected, awake, std::memory_order_relaxed))
    for (std::uint32_t rest; (rest = s.rest.load(std::memory_order_acquire)) != awake;) futex_wait(s.rest, rest);
  parked_.fetch_sub(1, std::memory_order_relaxed);
  s.move.finish();
}

inline bool thread_pool::join(std::uint32_t word) noexcept {
  return (word & open) && gate_.compare_exchange_strong(word, word + 1, std::memory_order_acq_rel);
}

inline void thread_pool::leave() noexcept {
  auto const before = gate_.fetch_sub(1, std::memory_order_acq_rel);
  if ((before & caller_sleeps) && (before & count_mask) == 1) {
    finished_.fetch_add(1, std::memory_order_release);
    futex_wake(finished_);
  }
}

inline void thread_pool::worker_loop(int self) noexcept {
  pthread_setname_np(pthread_self(), "sinter");
  std::uint32_t seen = 0;
  for (detail::spinner spinner;;) {
    auto const word = gate_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    if (epoch_of(word) != seen) {
      if (join(word)) {
        detail::set_control_word(control_word_);
        work(self);
        seen = epoch_of(word);
        leave();
        spinner = {};
      } else if (!(word & open)) {
        seen = epoch_of(word);
      }
      continue;
    }
    if (spinner.spin()) continue;
    sleep(slots_[static_cast<std::size_t>(self)], seen);
    spinner = {};  // one who woke up too late for a call is there for the next
  }
}

}  // namespace sinter
