#include "catch.hpp"
#include "cuda/emulator/emulator.hpp"
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace {

emulator::module const& kernels() {
  static emulator::module const result(R"(
    KERNEL(64) void place(float const*, float* y) {
      y[(block(2) * blocks(1) + block(1)) * blocks(0) + block(0)] = block(0) + 10 * block(1) + 100 * block(2);
    }
    KERNEL(256) void reverse(float const* x, float* y) {
      SHARED_MEMORY(float, memory);
      memory[thread()] = load(x + thread());
      barrier();
      y[thread()] = memory[255 - thread()];
    }
    KERNEL(256) void race(float const* x, float* y) {
      SHARED_MEMORY(float, memory);
      memory[thread()] = load(x + thread());
      y[thread()] = memory[255 - thread()];
    }
    KERNEL(256) void write_after_read(float const* x, float* y) {
      SHARED_MEMORY(float, memory);
      memory[thread()] = load(x + thread());
      barrier();
      const float other = memory[(thread() + 32) % 256];
      memory[thread()] = 0;
      y[thread()] = other;
    }
    KERNEL(256) void uninitialized(float const*, float* y) {
      SHARED_MEMORY(float, memory);
      y[thread()] = memory[thread()];
    }
    KERNEL(64) void apart(float const*, float*) {
      if (thread() < 40) shuffle_xor(1.0f, 1); else barrier();
    }
    KERNEL(64) void another_operation(float const*, float*) {
      if (thread() == 5) warp_barrier(); else shuffle_xor(1.0f, 1);
    }
    KERNEL(64) void early_end(float const* x, float* y) {
      if (thread() % 2) return;
      barrier();
      y[thread()] = load(x + thread());
    }
    KERNEL(64) void load_of_four(float const* x, float* y) { y[thread()] = load_vec4(x + thread()).x; }
    KERNEL(64) void cast(float const* x, float* y) { y[thread()] = ((const vec4*)(x + 1))->y; }
    KERNEL(64) void divide_integers(int const* x, int* y) { y[thread()] = 7 / x[thread()]; }
    KERNEL(64) void recursion(float const*, float* y) {
      struct deep {
        static float go(float volatile* p, int n) { float volatile big[1024]; big[n & 1023] = *p;
                                                    return n > 0 ? go(big, n - 1) + big[0] : 0; }
      };
      y[0] = deep::go(y, 1000);
    }
    KERNEL(64) void copy(float const* x, float* y) {
      y[block(0) * 64 + thread()] = load(x + block(0) * 64 + thread()); }
  )");
  return result;
}

emulator::array<float> counting(std::size_t size) {
  std::vector<float> values(size);
  std::iota(values.begin(), values.end(), 0.0f);
  return emulator::array<float>(values);
}

/// What `launch` says is wrong, or nothing.
std::string error_of(std::string const& kernel, emulator::launch_size const& size, void const* x, void const* y,
                     emulator::options const& how = {}) {
  try {
    kernels().launch(kernel, size, {x, y}, how);
    return {};
  } catch (emulator::error const& e) {
    return e.what();
  }
}

/// Whether any schedule gives other values than `expected`.
bool is_found(std::string const& kernel, std::vector<float> const& expected) {
  auto const x = counting(256);
  emulator::array<float> const y(256);
  for (auto const& how : emulator::every_option) {
    y.poison();
    kernels().launch(kernel, {.threads = 256, .shared_bytes = 1024}, {x.data(), y.data()}, how);
    if (y.values() != expected) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("each block of a grid runs once") {
  emulator::array<float> const y(24);
  for (auto const& how : emulator::every_option) {
    y.poison();
    kernels().launch("place", {{4, 3, 2}, 1, 0}, {y.data(), y.data()}, how);
    for (int i = 0; i < 24; ++i) {
      int const place = i % 4 + i / 4 % 3 * 10 + i / 12 * 100;
      CHECK(y.data()[i] == static_cast<float>(place));
    }
  }
}

TEST_CASE("races show under some schedule") {
  std::vector<float> reversed(256), rotated(256);
  for (int i = 0; i < 256; ++i) {
    reversed[i] = static_cast<float>(255 - i);
    rotated[i] = static_cast<float>((i + 32) % 256);
  }
  CHECK(!is_found("reverse", reversed));
  CHECK(is_found("race", reversed));
  CHECK(is_found("write_after_read", rotated));
}

TEST_CASE("memory starts as NaN") {
  emulator::array<float> const y(256);
  CHECK(std::isnan(y.data()[255]));
  std::fill(y.data(), y.data() + 256, 1.0f);
  kernels().launch("uninitialized", {{1, 1, 1}, 256, 1024}, {y.data(), y.data()});
  for (auto const v : y.values()) CHECK(std::isnan(v));
}

TEST_CASE("a warp whose lanes wait at different places does not go on") {
  emulator::array<float> const y(64);
  CHECK_THAT(error_of("apart", {.threads = 64}, y.data(), y.data()),
             says("deadlock: 24 threads wait at a barrier, 8 for their warp"));
  for (auto const& how : emulator::every_option) {
    CHECK_THAT(error_of("apart", {.threads = 64}, y.data(), y.data(), how), says("kernel apart, block (0, 0, 0)"));
    CHECK_THAT(error_of("another_operation", {.threads = 64}, y.data(), y.data(), how),
               says("lanes of its warp wait for another operation"));
    CHECK(error_of("early_end", {.threads = 64}, counting(64).data(), y.data(), how).empty());
  }
}

TEST_CASE("accesses beside memory and misaligned ones are errors") {
  auto const x = counting(64);
  emulator::array<float> const y(64), small(63);
  CHECK(error_of("copy", {.threads = 64}, x.data(), y.data()).empty());
  CHECK_THAT(error_of("copy", {{2, 1, 1}, 64, 0}, x.data(), y.data()),
             says("block (1, 0, 0): thread 0: illegal address, 0 bytes behind a memory of 256 bytes"));
  CHECK_THAT(error_of("copy", {.threads = 64}, x.data(), small.data()), says("wrote 0 bytes behind a memory of 252"));
  CHECK_THAT(error_of("copy", {.threads = 64}, nullptr, y.data()), says("illegal address, no memory"));
  CHECK_THAT(error_of("reverse", {{1, 1, 1}, 256, 512}, x.data(), y.data()), says("behind a memory of"));
  CHECK_THAT(error_of("load_of_four", {.threads = 64}, x.data(), y.data()), says("thread 1: load_vec4: misaligned"));
  CHECK_THAT(error_of("cast", {.threads = 64}, x.data(), y.data()), says("misaligned address"));
  CHECK_THAT(error_of("divide_integers", {.threads = 64}, x.data(), y.data()), says("division by zero"));
  CHECK_THAT(error_of("recursion", {.threads = 64}, x.data(), y.data()), says("illegal address, no memory"));
  CHECK(error_of("early_end", {.threads = 64}, x.data(), y.data()).empty());
}

TEST_CASE("launches must fit the kernel") {
  auto const x = counting(64);
  CHECK_THAT(error_of("copy", {.threads = 65}, x.data(), x.data()), says("65 threads of at most 64"));
  CHECK_THAT(error_of("none", {}, x.data(), x.data()), says("no kernel none"));
  CHECK_THROWS_WITH(kernels().launch("copy", {}, {x.data()}), says("has 2 arguments, not 1"));
  CHECK_THROWS_WITH(emulator::module("KERNEL(1) void bad() { nothing(); }"), says("nothing"));
}
