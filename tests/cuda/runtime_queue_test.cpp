#include <sinter/runtime/cuda/device.hpp>

#include "catch.hpp"
#include "runtime_fakes.hpp"
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

using namespace sinter;
using fake::error_of;

namespace {

/// A fake device with memory, two kernels that add 1 to their first byte, and a queue.
struct queue_setup {
  explicit queue_setup(int capability = 86) {
    machine.left = std::size_t{64} << 20;
    machine.devices[0].capability = capability;
    device.emplace(0, fake::options());
    code = device->load(std::vector{fake::kernel("a"), fake::kernel("b")});
    memory = device->allocate(std::size_t{32} << 20);
    std::memset(memory.get(), 0, std::size_t{32} << 20);
    queue = device->make_queue();
  }

  device_launch launch_of(std::size_t kernel) {
    return {.function = code.entries[kernel], .blocks = {2, 1, 1}, .threads = 128, .arguments = arguments};
  }

  fake::machine machine{};
  std::optional<cuda_device> device{};
  device_code code{};
  device_memory memory{};
  std::unique_ptr<device_queue> queue{};
  std::array<std::byte*, 1> arguments{};
};

std::vector<unsigned char> numbered(std::size_t count) {
  std::vector<unsigned char> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(i * 7 + i / 1000);
  return bytes;
}

}  // namespace

TEST_CASE("bytes of any number go to the device and come back through a bounded number of pinned pieces") {
  queue_setup s;
  auto const bytes = GENERATE(as<std::size_t>{}, 0, 1, 64 << 10, (64 << 10) + 1, 1 << 20, (20 << 20) + 12345);
  auto const there = numbered(bytes);
  std::vector<unsigned char> back(bytes);
  for (int round = 0; round < 2; ++round) {
    std::ranges::fill(back, 0);
    s.queue->upload(s.memory.get(), there.data(), bytes);
    s.queue->download(back.data(), s.memory.get(), bytes);
    s.queue->wait();
    CHECK(back == there);
  }
  CHECK(s.machine.pinned.size() <= 8);
  bool const is_direct = bytes > 0 && bytes <= 64 << 10;
  CHECK(s.machine.log.size() == (is_direct ? 2 : 0));
  s.queue.reset();
  CHECK(s.machine.pinned.empty());
  CHECK(s.machine.events == 0);
  CHECK(s.machine.streams == 0);
}

TEST_CASE("several downloads come with one wait") {
  queue_setup s;
  auto const there = numbered(12000);
  s.queue->upload(s.memory.get(), there.data(), there.size());
  std::vector<std::vector<unsigned char>> parts(12, std::vector<unsigned char>(1000));
  for (std::size_t i = 0; i < parts.size(); ++i) s.queue->download(parts[i].data(), s.memory.get() + i * 1000, 1000);
  s.queue->wait();
  for (std::size_t i = 0; i < parts.size(); ++i) CHECK(std::equal(parts[i].begin(), parts[i].end(), &there[i * 1000]));
}

TEST_CASE("memory that the caller pinned is copied without a detour") {
  queue_setup s;
  auto there = numbered(100000);
  std::vector<unsigned char> back(there.size());
  s.machine.pinned = {there.data(), back.data()};
  s.queue->upload(s.memory.get(), there.data(), there.size());
  s.queue->download(back.data(), s.memory.get(), back.size());
  s.queue->wait();
  CHECK(back == there);
  CHECK(s.machine.pinned.size() == 2);
}

TEST_CASE("launches are done in order; on newer devices they overlap") {
  int const capability = GENERATE(86, 90);
  queue_setup s(capability);
  s.arguments = {s.memory.get()};
  s.queue->launch(s.launch_of(0));
  s.queue->copy(s.memory.get() + 1, s.memory.get(), 1);
  s.queue->launch(s.launch_of(1));
  CHECK(s.machine.log.empty());
  s.queue->wait();
  std::string const how = capability == 90 ? "overlap" : "launch";
  CHECK(s.machine.log == std::vector<std::string>{how + " a 2x1x1 128", "copy of 1", how + " b 2x1x1 128"});
  CHECK(s.memory.get()[0] == std::byte{2});
  CHECK(s.memory.get()[1] == std::byte{1});
}

TEST_CASE("a driver that cannot record overlapping launches gets plain ones") {
  fake::machine machine;
  machine.version = 12020;
  cuda_device device(0, fake::options());
  auto const code = device.load(std::vector{fake::kernel("a")});
  auto const memory = device.allocate(1);
  std::array<std::byte*, 1> const arguments{memory.get()};
  auto const queue = device.make_queue();
  queue->launch({.function = code.entries[0], .arguments = arguments});
  queue->wait();
  CHECK(machine.log == std::vector<std::string>{"launch a 1x1x1 1"});
}

TEST_CASE("recorded launches are done by replays, in order") {
  queue_setup s;
  s.arguments = {s.memory.get()};
  auto const recorded = s.queue->record([&] {
    s.queue->launch(s.launch_of(0));
    s.queue->copy(s.memory.get() + 1, s.memory.get(), 1);
    s.queue->launch(s.launch_of(1));
  });
  s.queue->wait();
  CHECK(s.machine.log.empty());
  for (int i = 0; i < 2; ++i) s.queue->replay(*recorded);
  s.queue->wait();
  std::vector<std::string> once{"launch a 2x1x1 128", "copy of 1", "launch b 2x1x1 128"};
  auto twice = once;
  twice.insert(twice.end(), once.begin(), once.end());
  CHECK(s.machine.log == twice);
  CHECK(s.memory.get()[0] == std::byte{4});
}

TEST_CASE("a launch of a recording gets other arguments") {
  queue_setup s;
  s.arguments = {s.memory.get()};
  auto const recorded = s.queue->record([&] {
    s.queue->launch(s.launch_of(0));
    s.queue->copy(s.memory.get() + 1, s.memory.get(), 1);
    s.queue->launch(s.launch_of(1));
  });
  s.arguments = {s.memory.get() + 8};
  CHECK(s.queue->change(*recorded, 1, s.launch_of(1)));
  s.queue->replay(*recorded);
  s.queue->wait();
  CHECK(s.machine.log == std::vector<std::string>{"launch a 2x1x1 128", "copy of 1", "changed b 2x1x1 128"});
  CHECK(s.memory.get()[0] == std::byte{1});
  CHECK(s.memory.get()[8] == std::byte{1});
}

TEST_CASE("a driver that cannot change recordings says so") {
  fake::machine machine;
  auto options = fake::options();
  (GENERATE(false, true) ? options.driver.stream_get_capture_info = nullptr : nullptr);
  if (options.driver.stream_get_capture_info) options.driver.graph_exec_kernel_node_set_params = nullptr;
  cuda_device device(0, options);
  auto const code = device.load(std::vector{fake::kernel("a")});
  auto const memory = device.allocate(1);
  std::array<std::byte*, 1> const arguments{memory.get()};
  device_launch const launch{.function = code.entries[0], .arguments = arguments};
  auto const queue = device.make_queue();
  auto const recorded = queue->record([&] { queue->launch(launch); });
  CHECK_FALSE(queue->change(*recorded, 0, launch));
}

TEST_CASE("recordings are freed, also when recording fails") {
  queue_setup s;
  s.arguments = {s.memory.get()};
  auto recorded = s.queue->record([&] { s.queue->launch(s.launch_of(0)); });
  CHECK(s.machine.executables == 1);
  recorded.reset();
  CHECK_THROWS_AS(s.queue->record([] { throw std::runtime_error("stop"); }), std::runtime_error);
  CHECK(s.machine.executables == 0);
  CHECK(s.machine.graphs == 0);
  s.queue->launch(s.launch_of(0));
  s.queue->wait();
  CHECK(s.machine.log.size() == 1);
}

TEST_CASE("a queue works on a stream of the caller, and records beside it") {
  queue_setup s;
  fake::stream mine;
  auto* const given = GENERATE_REF(static_cast<fake::stream*>(nullptr), &mine);
  auto const queue = s.device->make_queue_on(given);
  s.arguments = {s.memory.get()};
  queue->launch(s.launch_of(0));
  auto const recorded = queue->record([&] { queue->launch(s.launch_of(1)); });
  queue->replay(*recorded);
  CHECK(fake::stream_at(given).work.size() == 2);
  queue->wait();
  CHECK(s.machine.log == std::vector<std::string>{"launch a 2x1x1 128", "launch b 2x1x1 128"});
}

TEST_CASE("a launch that the driver refuses is named") {
  queue_setup s;
  s.arguments = {s.memory.get()};
  s.machine.launch_result = 1;
  auto const e = error_of([&] { s.queue->launch(s.launch_of(1)); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(), says("cuda:0 (Fake 90): launching kernel 'b' (2x1x1 blocks of 128 threads, 0 bytes of shared "
                            "memory): it does not work (1)"));
}

TEST_CASE("work that fails names the kernels that were launched, the last first") {
  queue_setup s;
  s.arguments = {s.memory.get()};
  s.queue->launch(s.launch_of(0));
  s.queue->wait();
  std::vector<unsigned char> back(100, 9);
  auto const recorded = s.queue->record([&] { s.queue->launch(s.launch_of(1)); });
  s.queue->replay(*recorded);
  s.queue->launch(s.launch_of(0));
  s.queue->download(back.data(), s.memory.get(), back.size());
  s.machine.sync_result = 700;
  auto const e = error_of([&] { s.queue->wait(); });
  CHECK_THAT(e.what(), says("cuda:0 (Fake 90): work failed: an illegal memory access was encountered (700)") &&
                           says("kernels 'a', 'b' (the last first") && says("CUDA_LAUNCH_BLOCKING=1"));
  CHECK(back == std::vector<unsigned char>(100, 9));
}

TEST_CASE("only the last kernels are named") {
  queue_setup s;
  s.arguments = {s.memory.get()};
  for (std::size_t i = 0; i < 20; ++i) s.queue->launch(s.launch_of(i == 19));
  s.machine.sync_result = 700;
  CHECK_THAT(error_of([&] { s.queue->wait(); }).what(),
             says("kernels 'b', 'a', 'a', 'a', 'a', 'a', 'a', 'a' and 12 before"));
}
