#include <sinter/runtime/arena.hpp>
#include <sinter/runtime/thread_pool.hpp>
#include <sinter/runtime/weight_store.hpp>

#include "catch.hpp"
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace sinter;

namespace {

/// Whether `action` dies of a memory fault, tried in a process of its own.
template <typename Action>
bool faults(Action action) {
  auto const child = fork();
  if (child == 0) {
    for (int const s : {SIGSEGV, SIGBUS}) signal(s, SIG_DFL);
    action();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

packing filled(std::string key, std::int64_t bytes, std::atomic<int>& calls, int value = 1) {
  return {.key = std::move(key), .bytes = bytes, .fill = [&calls, bytes, value](std::byte* to) {
            ++calls;
            std::memset(to, value, static_cast<std::size_t>(bytes));
          }};
}

}  // namespace

TEST_CASE("memory is zeroed and aligned, also when it is large") {
  for (std::size_t const bytes : {1u, 64u, 5000u, 1u << 20, 3u << 20}) {
    memory_block const block(bytes);
    CHECK(block.size() == bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % 64 == 0);
    CHECK(block.data()[bytes - 1] == std::byte{0});
    block.data()[bytes - 1] = std::byte{1};
    if (bytes >= 1u << 20) CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % (2u << 20) == 0);  // a huge page
  }
  CHECK(memory_block(0).data() == nullptr);
  CHECK_THROWS_AS(memory_block(std::size_t{1} << 60), error);
}

TEST_CASE("guarded memory touches an inaccessible page") {
  for (std::size_t const bytes : {12u, 4096u, 5000u}) {
    memory_block const block(bytes, memory_guard::guarded);
    std::byte volatile* const p = block.data();
    auto const pages = static_cast<std::ptrdiff_t>((bytes + 4095) / 4096 * 4096);
    p[0] = std::byte{1};
    p[bytes - 1] = std::byte{1};
    CHECK(reinterpret_cast<std::uintptr_t>(block.data()) % (bytes & -bytes) % 64 == 0);
    CHECK(faults([&] { p[bytes] = std::byte{1}; }));
    CHECK_FALSE(faults([&] { p[0] = std::byte{1}; }));
    CHECK(faults([&] { p[static_cast<std::ptrdiff_t>(bytes) - pages - 1] = std::byte{1}; }));
  }
}

TEST_CASE("packed weights are made once and shared") {
  std::atomic<int> calls{0};
  weight_store store(1 << 20);
  std::vector<packing> const p{filled("a", 100, calls, 1), filled("b", 64, calls, 2), filled("a", 100, calls, 1)};
  auto const first = store.materialize(p);
  CHECK(calls == 2);
  CHECK(first[0] == first[2]);
  CHECK(first[0].get()[99] == std::byte{1});
  CHECK(first[1].get()[63] == std::byte{2});
  CHECK(reinterpret_cast<std::uintptr_t>(first[1].get()) % 64 == 0);
  CHECK(store.bytes() == 164);
  auto const second = store.materialize(std::span(p).first(2));
  CHECK(calls == 2);
  CHECK(second[0] == first[0]);
}

TEST_CASE("packed weights that nobody uses are freed") {
  std::atomic<int> calls{0};
  weight_store store(1 << 20);
  std::vector<packing> const p{filled("a", 100, calls)};
  { auto const blocks = store.materialize(p); }
  CHECK(store.bytes() == 0);
  auto const again = store.materialize(p);
  CHECK(calls == 2);
}

TEST_CASE("packed weights are charged before memory is taken") {
  std::atomic<int> calls{0};
  weight_store store(1000);
  std::vector<packing> const small{filled("a", 600, calls)}, large{filled("b", 500, calls)};
  auto const held = store.materialize(small);
  CHECK_THROWS_AS(store.materialize(large), error);
  CHECK(calls == 1);
  CHECK(store.bytes() == 600);
}

TEST_CASE("packed weights are filled on the pool, an error of one is reported") {
  thread_pool pool(3);
  std::atomic<int> calls{0};
  weight_store store;
  std::vector<packing> p;
  for (int i = 0; i < 50; ++i) p.push_back(filled(std::to_string(i), 64, calls, i));
  auto const blocks = store.materialize(p, &pool);
  CHECK(calls == 50);
  for (int i = 0; i < 50; ++i) CHECK(blocks[static_cast<std::size_t>(i)].get()[5] == static_cast<std::byte>(i));

  p.push_back({.key = "broken", .bytes = 64, .fill = [](std::byte*) { fail(error_code::io, "no such bytes"); }});
  CHECK_THROWS_AS(store.materialize(p, &pool), error);
  p.pop_back();
  CHECK(store.materialize(p, &pool)[3] == blocks[3]);
}

TEST_CASE("threads ask for weights that others release") {
  std::atomic<int> calls{0}, wrong{0};
  weight_store store;
  std::vector<packing> const p{filled("a", 64, calls, 7), filled("b", 64, calls, 7)};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 20000; ++i)
        for (auto const& block : store.materialize(std::span(p).first(1 + (t + i) % 2)))
          if (!block || block.get()[63] != std::byte{7}) ++wrong;
    });
  for (auto& t : threads) t.join();
  CHECK(wrong == 0);
}

TEST_CASE("several threads ask for the same weights") {
  std::atomic<int> calls{0};
  weight_store store;
  std::vector<packing> const p{filled("a", 4096, calls)};
  std::vector<weight_store::block> got(4);
  std::vector<std::thread> threads;
  for (auto& g : got) threads.emplace_back([&] { g = store.materialize(p)[0]; });
  for (auto& t : threads) t.join();
  CHECK(calls == 1);
  for (auto const& g : got) CHECK(g == got[0]);
}
