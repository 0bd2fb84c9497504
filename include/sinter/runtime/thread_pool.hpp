#pragma once

#include <sinter/runtime/cpu_move.hpp>
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
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace sinter {

/// A fork-join pool. The calling thread takes part as worker 0. Tasks are split evenly in advance; a worker that has
/// finished takes half of what another has left, from its end. Workers spin for at most `spin` after a call, but not on
/// the caller's CPU, and then sleep; nobody waits for a worker that has not taken tasks, and none wakes up on the
/// caller's CPU if it may run on another. A worker that has taken tasks and lost its CPU to somebody else gets the
/// caller's, and no tasks for a while: the first time for `crowded_first`, then twice as long each time that it happens
/// again soon, at most for `crowded`. A call that comes while another one runs does its tasks on the calling thread. No
/// call allocates. Workers use the caller's floating-point control word.
class thread_pool final : public executor {
 public:
  static constexpr int max_workers = 512;
  static constexpr std::chrono::microseconds spin{50};
  static constexpr std::chrono::microseconds crowded_first{300}, crowded{5000};

  /// `threads` counts the caller; fewer are used when the system refuses more.
  explicit thread_pool(int threads = available_processors())
      : slots_(static_cast<std::size_t>(std::clamp(threads, 1, max_workers))) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the program's own threads
    try {
      for (std::size_t i = 1; i < slots_.size(); ++i) threads_.emplace_back([this, i] { worker_loop(i); });
    } catch (std::system_error const&) {
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }
  thread_pool(thread_pool const&) = delete;
  thread_pool& operator=(thread_pool const&) = delete;
  ~thread_pool() override {
    stop_.store(true, std::memory_order_release);
    for (auto& s : slots_) s.lost_cpu = false;
    wake(slots_.size());
    for (auto& t : threads_) t.join();
  }

  int workers() const noexcept override { return static_cast<int>(slots_.size()); }
  void parallel_for(std::int64_t tasks, range_body body, void* context) noexcept override;

 private:
  using clock = std::chrono::steady_clock;

  /// What a worker has left of a call: units [begin, end) of tasks. With the number of the call in it, the word tells a
  /// worker that there is a call, and nobody takes tasks of another one for those of his own.
  struct share {
    static constexpr int bits = 20;
    static constexpr std::uint64_t most = (std::uint64_t{1} << bits) - 1;
    std::uint64_t call = 0, begin = 0, end = 0;

    static share of(std::uint64_t word) { return {word >> 2 * bits, word >> bits & most, word & most}; }
    std::uint64_t word() const { return call << 2 * bits | begin << bits | end; }
    bool is_of(std::uint64_t number) const { return call == number && begin < end; }
  };

  /// What a call runs; a worker may look at it while it has units of the call.
  struct job {
    range_body body = nullptr;
    void* context = nullptr;
    std::int64_t tasks = 0;
    std::int64_t unit = 1;  ///< tasks
    std::uint32_t control_word = 0;

    void run(std::uint64_t begin, std::uint64_t end, int worker) const noexcept;
  };

  /// A worker's own cache lines. The first has all that it needs to begin a call.
  struct alignas(64) slot {
    std::atomic<std::uint64_t> left{0};  ///< a share
    job what{};
    std::atomic<int> caller_cpu{-1};
    /// Where the worker is; one that sleeps waits for the word to become `awake`.
    alignas(64) std::atomic<std::uint32_t> rest{awake};
    std::atomic<bool> inside{false};  ///< the worker has taken units of the call and not yet reported them
    detail::cpu_move move{};          ///< made by callers, undone by the worker
    // The caller's.
    bool lost_cpu = false;
    std::int64_t cpu_time = 0;  ///< ns, when the caller last looked
  };
  static constexpr std::uint32_t awake = 0, asleep = 1, being_woken = 2;
  static constexpr std::uint32_t caller_sleeps = 0x80000000;

  /// Whether there is something to do for a worker that has seen a call.
  bool is_called(slot const& s, std::uint64_t seen) const noexcept {
    return share::of(s.left.load(std::memory_order_acquire)).call != seen || stop_.load(std::memory_order_acquire);
  }
  std::uint64_t publish(job const& what) noexcept;
  void forgive() noexcept;
  void note_lost_cpu() noexcept;
  std::uint32_t work(std::size_t self, std::uint64_t call) noexcept;
  bool steal(std::size_t self, std::uint64_t call) noexcept;
  void wait_for(std::uint32_t units) noexcept;
  bool look_at_workers(bool known) noexcept;
  void report(slot& s, std::uint32_t units) noexcept;
  void wake(std::size_t count) noexcept;
  void sleep(slot& s, std::uint64_t seen) noexcept;
  void worker_loop(std::size_t self) noexcept;

  std::vector<slot> slots_;
  alignas(64) std::atomic<std::uint32_t> finished_{0};  ///< units that others than the caller have done, and a flag
  alignas(64) std::atomic<int> parked_{0};
  std::atomic<bool> stop_{false};
  std::atomic_flag busy_ = ATOMIC_FLAG_INIT;
  std::uint64_t call_ = 0;      ///< number of the last call
  bool some_lost_cpu_ = false;  ///< whether `lost_cpu` is set somewhere
  clock::time_point lost_cpu_until_{};
  std::chrono::microseconds lost_cpu_for_ = crowded_first;  ///< how long workers get no tasks, the last time
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

/// Spins until `happened()` or for about `most`; whether it has happened.
template <typename Happened>
bool spin_until(Happened happened, std::chrono::microseconds most) noexcept {
  if (happened()) return true;
  auto const start = std::chrono::steady_clock::now();
  do {
    for (int i = 0; i < 16; ++i) {
      spin_pause();
      if (happened()) return true;
    }
  } while (std::chrono::steady_clock::now() - start < most);
  return false;
}

}  // namespace detail

inline void thread_pool::job::run(std::uint64_t begin, std::uint64_t end, int worker) const noexcept {
  if (worker != 0) detail::set_control_word(control_word);
  body(context, static_cast<std::int64_t>(begin) * unit, std::min(static_cast<std::int64_t>(end) * unit, tasks),
       worker);
}

inline void thread_pool::parallel_for(std::int64_t tasks, range_body body, void* context) noexcept {
  if (tasks <= 0) return;
  if (tasks == 1 || threads_.empty() || busy_.test_and_set(std::memory_order_acquire)) {
    body(context, 0, tasks, 0);
    return;
  }
  auto const unit = 1 + (tasks - 1) / static_cast<std::int64_t>(share::most);
  auto const units = publish({body, context, tasks, unit, detail::control_word()});
  auto const mine = work(0, call_);
  wait_for(static_cast<std::uint32_t>(units) - mine);
  busy_.clear(std::memory_order_release);
}

/// Gives the workers their shares, and wakes those that sleep; returns the units that there are.
inline std::uint64_t thread_pool::publish(job const& what) noexcept {
  auto const units = static_cast<std::uint64_t>((what.tasks + what.unit - 1) / what.unit);
  auto const count = std::min<std::size_t>(slots_.size(), units);
  if (some_lost_cpu_) forgive();
  std::uint64_t workers = count, next = 0;
  for (std::size_t i = 0; some_lost_cpu_ && i < count; ++i) workers -= slots_[i].lost_cpu;
  int const here = sched_getcpu();
  finished_.store(0, std::memory_order_relaxed);
  call_ = (call_ + 1) % (std::uint64_t{1} << (64 - 2 * share::bits));
  for (std::size_t i = 0; i < count; ++i) {
    auto& s = slots_[i];
    if (some_lost_cpu_ && s.lost_cpu) continue;
    s.what = what;
    s.caller_cpu.store(here, std::memory_order_relaxed);
    share const part{call_, units * next / workers, units * (next + 1) / workers};
    s.left.store(part.word(), std::memory_order_release);
    ++next;
  }
  wake(count);
  return units;
}

/// Lets workers that lost their CPU some time ago take part again.
inline void thread_pool::forgive() noexcept {
  if (clock::now() < lost_cpu_until_) return;
  some_lost_cpu_ = false;
  for (auto& s : slots_) s.lost_cpu = false;
}

/// Keeps workers that have lost their CPU without tasks for a while.
inline void thread_pool::note_lost_cpu() noexcept {
  auto const now = clock::now();
  bool const again = now - lost_cpu_until_ < crowded;
  lost_cpu_for_ = again ? std::min(2 * lost_cpu_for_, crowded) : crowded_first;
  lost_cpu_until_ = now + lost_cpu_for_;
}

/// Runs own tasks of a call, a quarter of them at a time so that the rest can be stolen, then tasks of others; returns
/// the units done.
inline std::uint32_t thread_pool::work(std::size_t self, std::uint64_t call) noexcept {
  auto& mine = slots_[self];
  std::uint64_t done = 0;
  do {
    for (auto word = mine.left.load(std::memory_order_acquire);;) {
      auto const all = share::of(word);
      if (!all.is_of(call)) break;
      auto const middle = all.begin + (all.end - all.begin + 3) / 4;
      if (!mine.left.compare_exchange_weak(word, share{call, middle, all.end}.word(), std::memory_order_acquire))
        continue;
      mine.inside.store(true, std::memory_order_relaxed);
      mine.what.run(all.begin, middle, static_cast<int>(self));
      done += middle - all.begin;
      word = mine.left.load(std::memory_order_acquire);
    }
  } while (steal(self, call));
  return static_cast<std::uint32_t>(done);
}

/// Moves half of another worker's units to the empty share of `self`; false when nobody has any.
inline bool thread_pool::steal(std::size_t self, std::uint64_t call) noexcept {
  for (std::size_t i = 1; i < slots_.size(); ++i) {
    auto& left = slots_[(self + i) % slots_.size()].left;
    for (auto word = left.load(std::memory_order_acquire);;) {
      auto const all = share::of(word);
      if (!all.is_of(call)) break;
      auto const middle = all.begin + (all.end - all.begin) / 2;
      if (!left.compare_exchange_weak(word, share{call, all.begin, middle}.word(), std::memory_order_acquire)) continue;
      slots_[self].left.store(share{call, middle, all.end}.word(), std::memory_order_release);
      return true;
    }
  }
  return false;
}

/// Waits until workers have done that many units.
inline void thread_pool::wait_for(std::uint32_t units) noexcept {
  auto const done = [&] { return (finished_.load(std::memory_order_acquire) & ~caller_sleeps) == units; };
  for (bool known = false; !detail::spin_until(done, spin / 2); known = true) {
    bool const rescued = look_at_workers(known);
    auto const start = clock::now();
    // To sleep now would be to wake up elsewhere, as this CPU is taken.
    while (rescued && !done() && clock::now() - start < crowded) sched_yield();
    if (rescued) note_lost_cpu();
    if (!known || rescued) continue;
    auto const seen = finished_.fetch_or(caller_sleeps, std::memory_order_acq_rel) | caller_sleeps;
    if (!done()) futex_wait(finished_, seen, 4 * spin);
  }
}

/// Notes how long the workers that have tasks have had a CPU. With `known`, from the last look, gives the caller's CPU
/// to those that have had none since; whether there are such.
inline bool thread_pool::look_at_workers(bool known) noexcept {
  constexpr std::int64_t least = std::chrono::nanoseconds(spin).count() / 8;
  bool rescued = false;
  for (std::size_t i = 1; i <= threads_.size(); ++i) {
    auto& s = slots_[i];
    if (!s.inside.load(std::memory_order_relaxed)) continue;
    auto const thread = threads_[i - 1].native_handle();
    auto const before = std::exchange(s.cpu_time, detail::cpu_nanoseconds(thread));
    if (!known || s.cpu_time - before >= least) continue;
    s.move.to(thread, sched_getcpu());
    s.lost_cpu = some_lost_cpu_ = rescued = true;
  }
  return rescued;
}

/// Tells the caller of units that a worker has done.
inline void thread_pool::report(slot& s, std::uint32_t units) noexcept {
  s.inside.store(false, std::memory_order_relaxed);
  if (finished_.fetch_add(units, std::memory_order_acq_rel) & caller_sleeps) futex_wake(finished_, 1);
  s.move.undo();
}

/// Wakes those of the first `count` workers that sleep and may take part.
inline void thread_pool::wake(std::size_t count) noexcept {
  if (parked_.fetch_add(0, std::memory_order_acq_rel) == 0) return;  // in one order with those of `sleep`
  int const here = sched_getcpu();
  for (std::size_t i = 1; i < count; ++i) {
    auto& s = slots_[i];
    auto rest = asleep;
    if (s.lost_cpu || !s.rest.compare_exchange_strong(rest, being_woken, std::memory_order_acq_rel)) continue;
    s.move.away(threads_[i - 1].native_handle(), here);
    s.rest.store(awake, std::memory_order_release);
    futex_wake(s.rest, 1);
  }
}

/// Sleeps until a call after the one `seen`.
inline void thread_pool::sleep(slot& s, std::uint64_t seen) noexcept {
  s.rest.store(asleep, std::memory_order_release);
  parked_.fetch_add(1, std::memory_order_acq_rel);
  auto expected = asleep;
  bool const called = is_called(s, seen);
  if (!called || !s.rest.compare_exchange_strong(expected, awake, std::memory_order_relaxed))
    for (std::uint32_t rest; (rest = s.rest.load(std::memory_order_acquire)) != awake;) futex_wait(s.rest, rest);
  parked_.fetch_sub(1, std::memory_order_relaxed);
  s.move.undo();
}

inline void thread_pool::worker_loop(std::size_t self) noexcept {
  pthread_setname_np(pthread_self(), "sinter");
  auto& s = slots_[self];
  std::uint64_t seen = 0;
  for (;;) {
    bool const beside = s.caller_cpu.load(std::memory_order_relaxed) != sched_getcpu();
    if (!(beside && detail::spin_until([&] { return is_called(s, seen); }, spin))) sleep(s, seen);
    if (stop_.load(std::memory_order_relaxed)) return;
    seen = share::of(s.left.load(std::memory_order_acquire)).call;
    if (auto const units = work(self, seen)) report(s, units);
  }
}

}  // namespace sinter
