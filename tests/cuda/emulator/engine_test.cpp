#include "catch.hpp"
#include "cuda/emulator/emulator.hpp"

TEST_CASE("a kernel runs under all options") {
  emulator::module const kernels(R"(
    KERNEL(256) void twice(float const* x, float* y) { y[thread()] = 2 * load(x + thread()); })");
  emulator::array<float> const x(std::vector<float>(256, 3.0f)), y(256);
  for (auto const& how : emulator::every_option) {
    y.poison();
    kernels.launch("twice", {.threads = 256}, {x.data(), y.data()}, how);
    CHECK(y.values() == std::vector<float>(256, 6.0f));
  }
}
