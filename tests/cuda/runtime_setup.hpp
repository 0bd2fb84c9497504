#pragma once

#include <sinter/runtime/cuda/device.hpp>

#include "cuda/mock/mock.hpp"
#include "runtime_fakes.hpp"
#include "temporary_folder.hpp"
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// A mock device, and kernels that show in which order they were run: "increment" adds one to a byte, "double" takes it
/// twice, any other form is as "increment".
struct runtime_setup {
  explicit runtime_setup(cuda_mock::settings s = {}) : gpu(std::move(s)) {}

  static sinter::cuda_emitter kernels() {
    return {.name = [](sinter::device_kernel const& k) { return "kernel_" + k.form; },
            .text =
                [](std::span<sinter::device_kernel const> all) {
                  std::string text;
                  for (auto const& k : all)
                    text += "KERNEL(128) void kernel_" + k.form + "(u8* y) { if (block(0) + thread() == 0) *y = *y " +
                            (k.form == "double" ? "* 2" : "+ 1") + "; }\n";
                  return text;
                }};
  }

  /// Of all tests, so that a kernel is compiled once.
  static sinter::cubin_cache cache() {
    static temporary_folder const folder;
    return sinter::cubin_cache(folder.path() / "cache");
  }

  sinter::cuda_options options() const {
    return {.emitter = kernels(),
            .driver = gpu.driver(),
            .compiler = [n = gpu.compiler()] { return n; },
            .cache = cache(),
            .most_threads = 2};
  }

  cuda_mock::device gpu;
};

/// A device with the two kernels, memory of zeros, and a queue.
struct queue_setup : runtime_setup {
  static constexpr std::size_t bytes = std::size_t{32} << 20;

  explicit queue_setup(cuda_mock::settings s = {}) : runtime_setup(std::move(s)), device(0, options()) {
    std::memset(memory.get(), 0, bytes);
  }

  static std::vector<sinter::device_kernel> two_kernels() {
    return {fake::kernel("increment"), fake::kernel("double")};
  }
  sinter::device_launch increment(std::byte* const& what) const { return launch(0, what); }
  sinter::device_launch twice(std::byte* const& what) const { return launch(1, what); }
  int value(std::size_t at) const { return static_cast<int>(memory.get()[at]); }

  sinter::cuda_device device;
  sinter::device_code code = device.load(two_kernels());
  sinter::device_memory memory = device.allocate(bytes);
  std::byte* first = memory.get();
  std::unique_ptr<sinter::device_queue> queue = device.make_queue();

 private:
  /// `what` stays until the launch is given.
  sinter::device_launch launch(std::size_t kernel, std::byte* const& what) const {
    return {.function = code.entries[kernel], .blocks = {2, 1, 1}, .threads = 128, .arguments = std::span(&what, 1)};
  }
};
