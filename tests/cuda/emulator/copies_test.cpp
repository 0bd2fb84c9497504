#include "catch.hpp"
#include "cuda/emulator/emulator.hpp"
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace {

emulator::module const& kernels() {
  static emulator::module const result(R"(
    // y = groups of x that are done after waiting, then all of them; lanes beyond 24 copy nothing but zeros
    template <int open>
    DEVICE void wait_for(float const* x, float* y) {
      SHARED_MEMORY(float, memory);
      float* const mine = memory + thread() * 12;
      for (int group = 0; group < 3; ++group) {
        copy_async16(mine + group * 4, x + thread() * 12 + group * 4, thread() < 24);
        commit_copies();
      }
      wait_copies<open>();
      for (int i = 0; i < 12; ++i) y[thread() * 12 + i] = mine[i];
    }
    KERNEL(32) void wait0(float const* x, float* y) { wait_for<0>(x, y); }
    KERNEL(32) void wait1(float const* x, float* y) { wait_for<1>(x, y); }
    KERNEL(32) void wait3(float const* x, float* y) { wait_for<3>(x, y); }
    KERNEL(32) void no_commit(float const* x, float* y) {
      SHARED_MEMORY(float, memory);
      copy_async4(memory + thread(), x + thread(), true);
      wait_copies<0>();
      y[thread()] = memory[thread()];
    }
    KERNEL(32) void others(float const* x, float* y) {
      SHARED_MEMORY(float, memory);
      copy_async4(memory + thread(), x + thread(), true);
      commit_copies();
      barrier();
      const float early = memory[31 - thread()];
      wait_copies<0>();
      barrier();
      y[thread()] = early;
      y[32 + thread()] = memory[31 - thread()];
    }
    KERNEL(32) void misaligned_from(float const* x, float*) {
      SHARED_MEMORY(float, memory);
      copy_async16(memory + thread() * 4, x + thread() * 4 + 1, true);
    }
    KERNEL(32) void misaligned_to(float const* x, float*) {
      SHARED_MEMORY(float, memory);
      copy_async16(memory + thread() * 4 + 2, x + thread() * 4, true);
    }
    KERNEL(32) void not_shared(float const* x, float* y) { copy_async4(y, x, true); }
    KERNEL(32) void beyond_shared(float const* x, float*) {
      SHARED_MEMORY(float, memory);
      copy_async16(memory + thread() * 4 + 384 - 4, x, true);
    }
    KERNEL(32) void beyond_global(float const* x, float*) {
      SHARED_MEMORY(float, memory);
      copy_async4(memory + thread(), x + 384 + thread(), thread() != 0);
      commit_copies();
    }
  )");
  return result;
}

struct copies {
  emulator::array<float> x{counting()}, y{384};

  static std::vector<float> counting() {
    std::vector<float> values(384);
    std::iota(values.begin(), values.end(), 1.0f);
    return values;
  }
  void run(std::string const& kernel, emulator::copy_timing timing) const {
    y.poison();
    kernels().launch(kernel, {{1, 1, 1}, 32, 384 * 4}, {x.data(), y.data()}, {.copies = timing});
  }
  std::string error_of(std::string const& kernel) const {
    try {
      run(kernel, emulator::copy_timing::late);
      return {};
    } catch (emulator::error const& e) {
      return e.what();
    }
  }
  /// How many of a thread's 12 numbers have come.
  int come(int thread) const {
    int count = 0;
    for (int i = thread * 12; i < thread * 12 + 12; ++i) {
      if (std::isnan(y.data()[i])) continue;
      CHECK(y.data()[i] == (thread < 24 ? x.data()[i] : 0.0f));
      ++count;
    }
    return count;
  }
};

constexpr auto late = emulator::copy_timing::late, early = emulator::copy_timing::early;

}  // namespace

TEST_CASE_METHOD(copies, "late copies are NaN until their group is waited for") {
  run("wait0", late);
  for (int t = 0; t < 32; ++t) CHECK(come(t) == 12);
  run("wait1", late);
  for (int t = 0; t < 32; ++t) CHECK(come(t) == 8);
  run("wait3", late);
  for (int t = 0; t < 32; ++t) CHECK(come(t) == 0);
  run("wait3", early);
  for (int t = 0; t < 32; ++t) CHECK(come(t) == 12);
}

TEST_CASE_METHOD(copies, "what is not committed is not waited for") {
  run("no_commit", late);
  CHECK(std::isnan(y.data()[0]));
  run("no_commit", early);
  CHECK(y.data()[0] == 1);
}

TEST_CASE_METHOD(copies, "copies of other threads need their wait and a barrier") {
  run("others", late);
  CHECK(std::isnan(y.data()[31]));  // thread 31 comes last to the barrier and goes on at once
  for (int t = 0; t < 32; ++t) CHECK(y.data()[32 + t] == x.data()[31 - t]);
}

TEST_CASE_METHOD(copies, "copies from or to a wrong address are errors") {
  CHECK_THAT(error_of("misaligned_from"), says("copy_async: misaligned address"));
  CHECK_THAT(error_of("misaligned_to"), says("copy_async: misaligned address"));
  CHECK_THAT(error_of("not_shared"), says("copy_async: not memory of the block"));
  CHECK_THAT(error_of("beyond_shared"), says("thread 1: copy_async: not memory of the block"));
  CHECK_THAT(error_of("beyond_global"), says("thread 1: illegal address, 4 bytes behind a memory of 1536 bytes"));
}
