#include <sinter/runtime/lru_cache.hpp>

#include "catch.hpp"
#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace sinter;

namespace {

struct sized {
  int key = 0;
  std::size_t size = 1;
  std::size_t bytes() const { return size; }
};

using cache = lru_cache<int, sized>;

std::vector<int> kept(cache const& c) {
  std::vector<int> keys;
  c.for_each([&](sized const& v) { keys.push_back(v.key); });
  return keys;
}

auto make(int key, std::size_t size = 1) {
  return [=] { return std::make_shared<sized>(sized{key, size}); };
}

}  // namespace

TEST_CASE("the least recently used value goes first") {
  cache c(2, 1000);
  c.get(1, make(1));
  c.get(2, make(2));
  c.get(1, make(-1));
  c.get(3, make(3));
  CHECK(kept(c) == std::vector<int>{3, 1});
}

TEST_CASE("bytes are bounded, the latest value stays") {
  cache c(10, 100);
  c.get(1, make(1, 40));
  c.get(2, make(2, 40));
  c.get(3, make(3, 40));
  CHECK(kept(c) == std::vector<int>{3, 2});
  auto const held = c.get(4, make(4, 500));
  CHECK(kept(c) == std::vector<int>{4});
  c.get(5, make(5));
  CHECK(kept(c) == std::vector<int>{5});
  CHECK(held->size == 500);
}

TEST_CASE("a value that grows while the cache looks costs no others their place") {
  struct growing {
    int key;
    std::size_t size;
    mutable std::size_t looks = 0;
    std::size_t bytes() const { return key == 1 && ++looks > 2 ? 1000 : size; }
  };
  lru_cache<int, growing> c(10, 18);
  for (int key = 1; key <= 3; ++key) {
    auto const size = key == 1 ? std::size_t{10} : std::size_t{5};
    c.get(key, [&] { return std::make_shared<growing>(growing{key, size}); });
    if (key == 2) c.for_each([](growing const& v) { v.looks = 1; });
  }
  std::vector<int> keys;
  c.for_each([&](growing const& v) { keys.push_back(v.key); });
  CHECK(keys == std::vector<int>{3, 2});
}

TEST_CASE("a value is made once, and other keys do not wait for it") {
  cache c(10, 1000);
  std::promise<void> started, go_on;
  std::atomic<int> made{0};
  auto const slow = [&] {
    if (made++ == 0) started.set_value();
    go_on.get_future().wait();
    return std::make_shared<sized>(sized{1});
  };
  std::thread first([&] { c.get(1, slow); });
  started.get_future().wait();
  std::shared_ptr<sized> second_result;
  std::thread second([&] { second_result = c.get(1, slow); });
  CHECK(c.get(2, make(2))->key == 2);
  go_on.set_value();
  first.join();
  second.join();
  CHECK(made == 1);
  CHECK(second_result->key == 1);
}

TEST_CASE("a failure reaches all that wait, and the next call tries again") {
  cache c(10, 1000);
  std::atomic<int> tries{0}, failures{0};
  auto const broken = [&]() -> std::shared_ptr<sized> {
    ++tries;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    fail(error_code::limit_exceeded, "too large");
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      try {
        c.get(1, broken);
      } catch (error& e) {
        e.within("a thread of its own");
        if (e.code() == error_code::limit_exceeded) ++failures;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(failures == 4);
  CHECK(c.get(1, make(7))->key == 7);

  auto const alien = []() -> std::shared_ptr<sized> { throw std::runtime_error("from elsewhere"); };
  for (int i = 0; i < 2; ++i) CHECK_THROWS_AS(c.get(2, alien), error);
}
