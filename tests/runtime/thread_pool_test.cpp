#include <sinter/runtime/thread_pool.hpp>

#include "catch.hpp"
#include "held_up_pool.hpp"
#include <atomic>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sched.h>
#include <set>
#include <thread>
#include <vector>

using namespace sinter;

namespace {

/// Counts how often each task ran, and that no worker runs two ranges at once.
struct tally {
  tally(std::int64_t tasks, int workers)
      : runs(static_cast<std::size_t>(tasks)), inside(static_cast<std::size_t>(workers)) {}
  std::vector<std::atomic<int>> runs;
  std::vector<std::atomic<int>> inside;
  std::atomic<bool> overlap{false};

  static void body(void* self, std::int64_t begin, std::int64_t end, int worker) noexcept {
    auto& t = *static_cast<tally*>(self);
    if (t.inside[static_cast<std::size_t>(worker)].fetch_add(1) != 0) t.overlap = true;
    for (auto i = begin; i < end; ++i) t.runs[static_cast<std::size_t>(i)].fetch_add(1, std::memory_order_relaxed);
    t.inside[static_cast<std::size_t>(worker)].fetch_sub(1);
  }
  bool each_ran(int times) const {
    for (auto const& r : runs)
      if (r != times) return false;
    return true;
  }
};

cpu_set_t cpus_of(pthread_t thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  pthread_getaffinity_np(thread, sizeof set, &set);
  return set;
}

}  // namespace

TEST_CASE("every task runs once, by one worker at a time") {
  for (int const threads : {1, 2, 3, 7}) {
    thread_pool pool(threads);
    REQUIRE(pool.workers() == threads);
    for (std::int64_t const tasks : {0, 1, 2, 6, 7, 8, 1000}) {
      tally t(tasks, threads);
      for (int i = 0; i < 20; ++i) pool.parallel_for(tasks, tally::body, &t);
      INFO(threads << " threads, " << tasks << " tasks");
      CHECK(t.each_ran(20));
      CHECK_FALSE(t.overlap);
    }
  }
}

TEST_CASE("what tasks write is visible after the call") {
  thread_pool pool(3);
  std::vector<int> plain(300, 0);
  for (int turn = 1; turn <= 500; ++turn) {
    pool.parallel_for(
        300,
        [](void* v, std::int64_t begin, std::int64_t end, int) noexcept {
          for (auto i = begin; i < end; ++i) ++(*static_cast<std::vector<int>*>(v))[static_cast<std::size_t>(i)];
        },
        &plain);
    if (std::ranges::count(plain, turn) != 300) FAIL("a task's write is missing in turn " << turn);
  }
}

TEST_CASE("more tasks than fit 32 bits are split into ranges that cover them") {
  thread_pool pool(3);
  std::atomic<std::int64_t> sum{0};
  std::int64_t const tasks = (std::int64_t{1} << 33) + 5;
  pool.parallel_for(
      tasks,
      [](void* s, std::int64_t begin, std::int64_t end, int) noexcept {
        *static_cast<std::atomic<std::int64_t>*>(s) += end - begin;
      },
      &sum);
  CHECK(sum == tasks);
}

TEST_CASE("several threads submit to one pool at once") {
  thread_pool pool(3);
  std::vector<std::unique_ptr<tally>> tallies;
  for (int i = 0; i < 4; ++i) tallies.push_back(std::make_unique<tally>(100, 3));
  std::vector<std::thread> threads;
  for (auto& t : tallies)
    threads.emplace_back([&pool, &t] {
      for (int i = 0; i < 200; ++i) pool.parallel_for(100, tally::body, t.get());
    });
  for (auto& t : threads) t.join();
  for (auto const& t : tallies) {
    CHECK(t->each_ran(200));
    CHECK_FALSE(t->overlap);
  }
}

TEST_CASE("a call from inside a task does not deadlock") {
  thread_pool pool(2);
  struct nested {
    thread_pool* pool;
    std::atomic<int> ran{0};
  } n{&pool};
  pool.parallel_for(
      4,
      [](void* context, std::int64_t begin, std::int64_t end, int) noexcept {
        for (auto i = begin; i < end; ++i)
          static_cast<nested*>(context)->pool->parallel_for(
              3,
              [](void* inner, std::int64_t b, std::int64_t e, int) noexcept {
                static_cast<nested*>(inner)->ran += static_cast<int>(e - b);
              },
              context);
      },
      &n);
  CHECK(n.ran == 12);
}

TEST_CASE("workers that sleep are woken, and their tasks do not wait for them") {
  thread_pool pool(3);
  tally t(64, 3);
  for (int i = 0; i < 5; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pool.parallel_for(64, tally::body, &t);
  }
  CHECK(t.each_ran(5));
}

TEST_CASE("a thread that is woken is kept off the waker's CPU until it runs") {
  auto const before = cpus_of(pthread_self());
  if (CPU_COUNT(&before) < 2) {
    WARN("SKIPPED: one CPU");
    return;
  }
  detail::cpu_move move;
  std::atomic<std::uint32_t> go{0};
  std::thread sleeper([&] {
    while (go.load(std::memory_order_acquire) == 0) futex_wait(go, 0);
    move.undo();
    while (go.load(std::memory_order_acquire) == 1) futex_wait(go, 1);
  });
  auto const advance = [&] {
    ++go;
    futex_wake(go);
  };
  int here = 0;
  while (!CPU_ISSET(here, &before)) ++here;
  move.away(sleeper.native_handle(), here);
  auto others = before;
  CPU_CLR(here, &others);
  auto const moved = cpus_of(sleeper.native_handle());
  CHECK(CPU_EQUAL(&moved, &others));
  advance();
  auto const back = [&] {
    auto const now = cpus_of(sleeper.native_handle());
    return CPU_EQUAL(&now, &before);
  };
  while (!back()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  advance();
  sleeper.join();
}

TEST_CASE("a thread that waits for a CPU is brought to another, where it may run there") {
  auto const before = cpus_of(pthread_self());
  if (CPU_COUNT(&before) < 2) {
    WARN("SKIPPED: one CPU");
    return;
  }
  int here = 0;
  while (!CPU_ISSET(here, &before)) ++here;
  cpu_set_t only, others = before;
  CPU_ZERO(&only);
  CPU_SET(here, &only);
  CPU_CLR(here, &others);
  detail::cpu_move move;
  move.to(pthread_self(), here);
  auto now = cpus_of(pthread_self());
  CHECK(CPU_EQUAL(&now, &only));
  move.away(pthread_self(), here);  // one move at a time
  now = cpus_of(pthread_self());
  CHECK(CPU_EQUAL(&now, &only));
  move.undo();
  now = cpus_of(pthread_self());
  CHECK(CPU_EQUAL(&now, &before));

  REQUIRE(sched_setaffinity(0, sizeof others, &others) == 0);
  move.to(pthread_self(), here);
  now = cpus_of(pthread_self());
  sched_setaffinity(0, sizeof before, &before);
  CHECK(CPU_EQUAL(&now, &others));
}

TEST_CASE("others do what a worker that is held up has left") {
  for (int const threads : {2, 3, 4}) {
    test::held_up_pool pool(threads);
    std::int64_t const tasks = 24 * threads;
    tally t(tasks, threads);
    int turns = 0;
    while (pool.stolen() < 5 && turns < 1000) ++turns, pool.parallel_for(tasks, tally::body, &t);
    INFO(threads << " threads");
    CHECK(pool.stolen() >= 5);
    CHECK(t.each_ran(turns));
    CHECK_FALSE(t.overlap);
  }
}

TEST_CASE("a worker that had no CPU when the caller waited for it takes part again, on all CPUs") {
  using clock = std::chrono::steady_clock;
  using std::chrono::milliseconds, std::chrono::microseconds;
  thread_pool pool(2);
  struct state {
    bool sleeps = false;
    std::atomic<int> by_worker{0};
    std::atomic<pthread_t> thread{};
  } s;
  auto const tasks_of_worker = [&](bool sleeps) {
    s.sleeps = sleeps, s.by_worker = 0;
    pool.parallel_for(
        8,
        [](void* context, std::int64_t begin, std::int64_t end, int worker) noexcept {
          auto& state = *static_cast<struct state*>(context);
          if (worker != 0) state.by_worker += static_cast<int>(end - begin), state.thread = pthread_self();
          if (worker != 0 && state.sleeps) return std::this_thread::sleep_for(milliseconds(10));
          for (auto const start = clock::now(); clock::now() - start < microseconds(50);) {
          }
        },
        &s);
    return s.by_worker.load();
  };
  auto const takes_part = [&](bool sleeps) {
    for (int i = 0; i < 1000; ++i)
      if (tasks_of_worker(sleeps) > 0) return true;
    return false;
  };
  REQUIRE(takes_part(true));
  CHECK(takes_part(false));

  REQUIRE(takes_part(true));
  auto const all = cpus_of(pthread_self());
  auto const has_all = [&] {
    auto const its = cpus_of(s.thread);
    return CPU_EQUAL(&its, &all);
  };
  for (int i = 0; i < 1000 && !has_all(); ++i) std::this_thread::sleep_for(milliseconds(1));
  CHECK(has_all());
}

TEST_CASE("calls after pauses leave the workers all CPUs that they had") {
  thread_pool pool(3);
  struct state {
    cpu_set_t const expected;
    std::atomic<int> ran{0}, wrong{0};
  } s{cpus_of(pthread_self())};
  for (int i = 0; i < 20 || s.ran == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pool.parallel_for(
        12,
        [](void* context, std::int64_t, std::int64_t, int worker) noexcept {
          auto& state = *static_cast<struct state*>(context);
          if (worker != 0) ++state.ran;
          auto const mine = cpus_of(pthread_self());
          if (!CPU_EQUAL(&mine, &state.expected)) ++state.wrong;
          std::this_thread::sleep_for(std::chrono::microseconds(100));
        },
        &s);
  }
  CHECK(s.wrong == 0);
}

TEST_CASE("workers may stay few: as many are woken as there are tasks for") {
  thread_pool pool(5);
  tally t(2, 5);
  for (int i = 0; i < 50; ++i) {
    if (i % 5 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    pool.parallel_for(2, tally::body, &t);
  }
  CHECK(t.each_ran(50));
  CHECK_FALSE(t.overlap);
}

TEST_CASE("both threads take part in long work") {
  thread_pool pool(2);
  std::atomic<int> seen{0};
  struct state {
    std::atomic<int>* seen;
  } s{&seen};
  pool.parallel_for(
      2,
      [](void* context, std::int64_t, std::int64_t, int worker) noexcept {
        auto& mask = *static_cast<state*>(context)->seen;
        mask |= 1 << worker;
        while (mask != 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      },
      &s);
  CHECK(seen == 3);
}

TEST_CASE("the default size follows affinity") {
  cpu_set_t before, one;
  REQUIRE(sched_getaffinity(0, sizeof before, &before) == 0);
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  REQUIRE(sched_setaffinity(0, sizeof one, &one) == 0);
  auto const workers = thread_pool().workers();
  sched_setaffinity(0, sizeof before, &before);
  CHECK(workers == 1);
  CHECK(affinity_processors() == CPU_COUNT(&before));
}

TEST_CASE("the default size follows the CPU quota of the control group") {
  namespace fs = std::filesystem;
  auto const root = fs::temp_directory_path() / ("sinter_cgroup_" + std::to_string(getpid()));
  auto const write = [&](fs::path const& file, char const* text) {
    fs::create_directories((root / file).parent_path());
    std::ofstream(root / file) << text;
  };
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  CHECK_FALSE(cgroup_quota(root.string()));
  write("sys/fs/cgroup/a/cpu.max", "150000 100000\n");
  CHECK(cgroup_quota(root.string()) == 1.5);
  write("sys/fs/cgroup/a/b/cpu.max", "50000 100000\n");
  CHECK(cgroup_quota(root.string()) == 0.5);
  CHECK(available_processors(root.string()) == 1);

  write("proc/self/cgroup", "3:memory:/m\n2:cpu,cpuacct:/c\n");
  write("sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "-1\n");
  write("sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "100000\n");
  CHECK_FALSE(cgroup_quota(root.string()));
  write("sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "25000\n");
  CHECK(cgroup_quota(root.string()) == 0.25);
  fs::remove_all(root);
}

TEST_CASE("pools of one size are shared while they are in use") {
  auto const a = shared_thread_pool(3), b = shared_thread_pool(3), c = shared_thread_pool(2);
  CHECK(a == b);
  CHECK(a != c);
  CHECK(shared_thread_pool()->workers() == available_processors());
}

#if defined(__x86_64__)
TEST_CASE("workers compute with the caller's floating-point control word") {
  thread_pool pool(3);
  auto const before = _mm_getcsr();
  _mm_setcsr(before | 0x8000);  // flush denormals to zero
  std::atomic<int> other{0};
  for (int i = 0; i < 100; ++i)
    pool.parallel_for(
        30,
        [](void* n, std::int64_t, std::int64_t, int) noexcept {
          if (!(_mm_getcsr() & 0x8000)) ++*static_cast<std::atomic<int>*>(n);
        },
        &other);
  _mm_setcsr(before);
  CHECK(other == 0);
}
#endif
