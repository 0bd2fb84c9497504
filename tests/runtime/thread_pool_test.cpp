#include <sinter/runtime/thread_pool.hpp>

#include "catch.hpp"
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
    move.finish();
    while (go.load(std::memory_order_acquire) == 1) futex_wait(go, 1);
  });
  auto const advance = [&] {
    ++go;
    futex_wake(go);
  };
  int here = 0;
  while (!CPU_ISSET(here, &before)) ++here;
  move.start(sleeper.native_handle(), here);
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
