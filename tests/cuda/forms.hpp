#pragma once

#include <sinter/core/float16.hpp>
#include <sinter/emit/cuda/emit.hpp>
#include <sinter/expr/math.hpp>
#include <sinter/expr/text.hpp>
#include <sinter/program/device_forms.hpp>

#include "catch.hpp"
#include "device_under_test.hpp"
#include "emulator/emulator.hpp"
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// Values from -1 to 1.
inline std::vector<float> random_floats(std::int64_t count, std::uint32_t seed = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (auto& v : values) v = distribution(engine);
  return values;
}

inline device_argument operand_with(device_sizes strides, dtype element = dtype::float32) {
  return {element, false, 0, std::move(strides)};
}
inline device_argument result_with(device_sizes strides, dtype element = dtype::float32) {
  return {element, true, 0, std::move(strides)};
}

/// `f` at one point.
inline float value_of(expr::function const& f, std::vector<float> const& inputs) {
  return expr::evaluate(expr::expand(f), inputs.data());
}

/// Calls of kernels on the emulator. All kernels are compiled as one module and run under every schedule. Where a
/// device is under test, they run there.
class emulated_calls {
 public:
  using memory = std::size_t;

  template <typename T>
  memory input(std::vector<T> const& values) {
    auto const m = output(std::ssize(values) * std::int64_t(sizeof(T)));
    std::memcpy(memories_.back()->data(), values.data(), values.size() * sizeof(T));
    inputs_.push_back(m);
    return m;
  }
  /// Values as elements of a type of 32 or 16 bits.
  memory input(std::vector<float> const& values, dtype element) {
    if (element == dtype::float32) return input(values);
    std::vector<std::uint16_t> bits;
    for (auto const v : values) bits.push_back(element == dtype::float16 ? float_to_half(v) : float_to_bfloat16(v));
    return input(bits);
  }
  /// Memory that calls change; it has these values before each run.
  memory changing(std::vector<float> values) {
    auto const m = output(std::ssize(values) * std::int64_t(sizeof(float)));
    changing_.push_back({m, std::move(values)});
    return m;
  }
  memory output(std::int64_t bytes) {
    memories_.push_back(std::make_unique<emulator::guarded_memory>(static_cast<std::size_t>(bytes)));
    return memories_.size() - 1;
  }
  void call(device_call c, std::vector<memory> arguments) {
    REQUIRE(arguments.size() == c.kernel.arguments.size());
    for (std::size_t i = 0; i < arguments.size(); ++i)
      CHECK(c.kernel.arguments[i].bytes == std::ssize(bytes_of(arguments[i])));
    calls_.push_back({std::move(c), std::move(arguments)});
  }
  /// That an output holds these values; with a tolerance, floats within so much of max(1, |value|).
  template <typename T>
  void expect(memory m, std::vector<T> values, double tolerance = 0) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    expected_.push_back({calls_.back().call.kernel, m, std::move(bytes), tolerance});
  }
  /// The last call, with one result.
  template <typename T>
  void expect_result(device_call c, std::vector<memory> arguments, std::vector<T> values, double tolerance = 0) {
    arguments.push_back(output(std::ssize(values) * std::int64_t(sizeof(T))));
    auto const m = arguments.back();
    call(std::move(c), std::move(arguments));
    expect(m, std::move(values), tolerance);
  }

  void run() const {
    std::vector<device_kernel> kernels;
    for (auto const& c : calls_) kernels.push_back(c.call.kernel);
    if (auto const device = test::device_under_test()) return run_on(*device, kernels);
    emulator::module const code(cuda_text::cuda_module_text(kernels));
    for (auto const& how : emulator::every_option) {
      prepare_memories();
      for (auto const& c : calls_) launch(code, c, how);
      for (auto const& e : expected_) check(e);
    }
  }

 private:
  struct emulated_call {
    device_call call;
    std::vector<memory> arguments;
  };
  struct expectation {
    device_kernel kernel;
    memory at;
    std::string bytes;
    double tolerance;
  };

  std::string bytes_of(memory m) const { return {memories_[m]->data(), memories_[m]->size()}; }

  void prepare_memories() const {
    for (memory m = 0; m < memories_.size(); ++m)
      if (std::ranges::find(inputs_, m) == inputs_.end()) memories_[m]->poison();
    for (auto const& [m, values] : changing_)
      std::memcpy(memories_[m]->data(), values.data(), values.size() * sizeof(float));
  }

  void run_on(accelerator& device, std::span<device_kernel const> kernels) const {
    auto const code = device.load(kernels);
    auto const queue = device.make_queue();
    prepare_memories();
    auto const host = [&](memory m) { return reinterpret_cast<std::byte*>(memories_[m]->data()); };
    std::vector<device_memory> there;
    for (memory m = 0; m < memories_.size(); ++m) {
      there.push_back(device.allocate(memories_[m]->size()));
      queue->upload(there[m].get(), host(m), memories_[m]->size());
    }
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      std::vector<std::byte*> pointers;
      for (auto const m : calls_[i].arguments) pointers.push_back(there[m].get());
      auto const& kernel = calls_[i].call.kernel;
      queue->launch({code.entries[i], calls_[i].call.blocks, static_cast<std::uint32_t>(kernel.threads),
                     static_cast<std::uint32_t>(kernel.shared_bytes), pointers});
    }
    for (memory m = 0; m < memories_.size(); ++m) queue->download(host(m), there[m].get(), memories_[m]->size());
    queue->wait();
    for (auto const& e : expected_) check(e);
  }

  void launch(emulator::module const& code, emulated_call const& c, emulator::options const& how) const {
    std::vector<void const*> pointers;
    for (auto const m : c.arguments) pointers.push_back(memories_[m]->data());
    code.launch(cuda_text::kernel_name(c.call.kernel),
                {c.call.blocks, static_cast<std::uint32_t>(c.call.kernel.threads),
                 static_cast<std::uint32_t>(c.call.kernel.shared_bytes)},
                pointers, how);
  }

  void check(expectation const& e) const {
    auto const got = bytes_of(e.at);
    INFO("result of " << cuda_text::kernel_printer(e.kernel).whole("kernel"));
    REQUIRE(got.size() == e.bytes.size());
    if (got == e.bytes) return;
    std::vector<float> values(got.size() / sizeof(float)), wanted(values.size());
    std::memcpy(values.data(), got.data(), values.size() * sizeof(float));
    std::memcpy(wanted.data(), e.bytes.data(), wanted.size() * sizeof(float));
    for (std::size_t i = 0; i < values.size(); ++i) {
      INFO("element " << i << ": " << values[i] << " for " << wanted[i]);
      REQUIRE((std::memcmp(&values[i], &wanted[i], sizeof(float)) == 0 ||
               std::abs(double(values[i]) - wanted[i]) <= e.tolerance * std::max(1.0, std::abs(double(wanted[i])))));
    }
  }

  std::vector<std::unique_ptr<emulator::guarded_memory>> memories_;
  std::vector<memory> inputs_;
  std::vector<std::pair<memory, std::vector<float>>> changing_;
  std::vector<emulated_call> calls_;
  std::vector<expectation> expected_;
};

}  // namespace sinter
