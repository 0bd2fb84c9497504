#include <sinter/runtime/thread_pool.hpp>

#include "catch.hpp"
#include "held_up_pool.hpp"
#include <algorithm>
#include <atomic>
#include <digits.hpp>
#include <digits_threads.hpp>
#include <memory>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

using namespace sinter;

namespace {

/// Runs each task on a thread of its own, the last one first.
class thread_for_each_task final : public executor {
 public:
  void parallel_for(std::int64_t tasks, range_body body, void* context) noexcept override {
    ++calls;
    for (auto end = tasks; end > 0;) {
      std::vector<std::thread> threads;
      for (int worker = 0; worker < workers() && end > 0; ++worker, --end)
        threads.emplace_back(body, context, end - 1, end, worker);
      for (auto& t : threads) t.join();
    }
  }
  int workers() const noexcept override { return 3; }
  int calls = 0;
};

std::vector<float> images_for_threads(std::size_t batch) {
  std::mt19937 random(3);
  std::uniform_real_distribution<float> values(-1, 1);
  std::vector<float> images(digits_threads::image::size(batch));
  for (auto& v : images) v = values(random);
  return images;
}

/// The scores of the single-threaded library, image by image.
std::vector<float> expected_scores(std::vector<float> const& images, digits_threads::instruction_set set) {
  digits net(static_cast<digits::instruction_set>(set));
  std::vector<float> scores;
  for (auto image = images.begin(); image != images.end(); image += digits::image::size) {
    auto const found = net.run({.image = digits::image::view(image, digits::image::size)}).scores;
    scores.insert(scores.end(), found.begin(), found.end());
  }
  return scores;
}

}  // namespace

TEST_CASE("a library with threads gives the same bits on any number of them") {
  using enum digits_threads::instruction_set;
  static_assert(digits_threads::threads == 7);
  for (auto const set : {portable, avx2, avx512}) {
    if (!digits_threads::supports(set)) {
      WARN("SKIPPED: this CPU lacks the instruction set");
      continue;
    }
    for (std::size_t const batch : {std::size_t{1}, std::size_t{5}, digits_threads::max_batch}) {
      auto const images = images_for_threads(batch);
      auto const expected = expected_scores(images, set);
      for (int const threads : {1, 2, 3, 4, 7}) {
        thread_pool pool(threads);
        test::held_up_pool held_up(threads);
        for (executor* const runs : {static_cast<executor*>(&pool), static_cast<executor*>(&held_up)}) {
          digits_threads net(set, runs);
          INFO("a batch of " << batch << " on " << threads << " threads");
          for (int i = 0; i < 20; ++i) {
            auto const scores = net.run(batch, {.image = images}).scores;
            if (!std::ranges::equal(scores, expected)) FAIL("other bits in run " << i);
          }
        }
      }
      digits_threads shared(set);
      CHECK(std::ranges::equal(shared.run(batch, {.image = images}).scores, expected));
    }
  }
}

TEST_CASE("an executor of the user's runs the tasks of a library, in any order") {
  thread_for_each_task executor;
  auto const memory = std::make_unique<digits_threads::arena>();
  digits_threads net(*memory, digits_threads::best(), &executor);
  auto const images = images_for_threads(digits_threads::max_batch);
  auto const scores = net.run(digits_threads::max_batch, {.image = images}).scores;
  CHECK(executor.calls > 0);
  CHECK(std::ranges::equal(scores, expected_scores(images, digits_threads::best())));
}

TEST_CASE("an executor with more workers than a library has scratch memory for is refused") {
  thread_pool pool(8);
  CHECK_THROWS_WITH(digits_threads(digits_threads::best(), &pool), says("8 workers") && says("at most 7"));
}
