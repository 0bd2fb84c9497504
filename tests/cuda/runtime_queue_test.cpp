#include "catch.hpp"
#include "runtime_setup.hpp"
#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

using namespace sinter;
using fake::error_of;

namespace {

std::vector<unsigned char> different_bytes(std::size_t count) {
  std::vector<unsigned char> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<unsigned char>(i * 7 + i / 1000);
  return bytes;
}

}  // namespace

TEST_CASE("bytes of any number go to the device and come back through a bounded number of pinned pieces") {
  struct transfer {
    std::size_t bytes, pieces;
  };
  auto const [bytes, pieces] =
      GENERATE(transfer{0, 0}, transfer{1, 1}, transfer{64 << 10, 1}, transfer{(64 << 10) + 1, 2}, transfer{1 << 20, 2},
               transfer{(20 << 20) + 12345, 8});
  queue_setup s;
  auto const there = different_bytes(bytes);
  std::vector<unsigned char> back(bytes);
  for (int round = 0; round < 2; ++round) {
    std::fill(back.begin(), back.end(), static_cast<unsigned char>(0));
    s.queue->upload(s.first, there.data(), bytes);
    s.queue->download(back.data(), s.first, bytes);
    s.queue->wait();
    CHECK((back == there));  // not printed: it is large
  }
  CHECK(s.gpu.calls("cuMemHostAlloc") == pieces);
  s.queue.reset();
  CHECK(s.gpu.calls("cuMemFreeHost") == s.gpu.calls("cuMemHostAlloc"));
  CHECK(s.gpu.calls("cuEventDestroy_v2") == s.gpu.calls("cuEventCreate"));
  CHECK(s.gpu.calls("cuStreamDestroy_v2") == 1);
}

TEST_CASE("several downloads come with one wait") {
  queue_setup s;
  auto const there = different_bytes(12000);
  s.queue->upload(s.first, there.data(), there.size());
  std::vector<std::vector<unsigned char>> parts(12, std::vector<unsigned char>(1000));
  for (std::size_t i = 0; i < parts.size(); ++i) s.queue->download(parts[i].data(), s.first + i * 1000, 1000);
  s.queue->wait();
  for (std::size_t i = 0; i < parts.size(); ++i) CHECK(std::equal(parts[i].begin(), parts[i].end(), &there[i * 1000]));
  for (auto& p : parts) std::fill(p.begin(), p.end(), static_cast<unsigned char>(0));
  auto const cleared = parts;
  s.queue->wait();
  CHECK(parts == cleared);
}

TEST_CASE("memory that the caller pinned is copied without a detour") {
  queue_setup s;
  auto const driver = s.gpu.driver();
  auto const context = cuda_context::open(driver, 0);
  cuda_context::current const scope(*context);
  constexpr std::size_t bytes = 100000;
  void *there = nullptr, *back = nullptr;
  REQUIRE(driver.mem_host_alloc(&there, bytes, 0) == 0);
  REQUIRE(driver.mem_host_alloc(&back, bytes, 0) == 0);
  std::memcpy(there, different_bytes(bytes).data(), bytes);
  s.queue->upload(s.first, there, bytes);
  s.queue->download(back, s.first, bytes);
  s.queue->wait();
  CHECK(std::memcmp(there, back, bytes) == 0);
  CHECK(s.gpu.calls("cuMemHostAlloc") == 2);
  driver.mem_free_host(there);
  driver.mem_free_host(back);
}

TEST_CASE("launches and copies are done in order, when somebody waits") {
  queue_setup s;
  s.queue->launch(s.increment(s.first));
  s.queue->copy(s.first + 1, s.first, 1);
  s.queue->launch(s.twice(s.first));
  CHECK(s.value(0) == 0);
  s.queue->wait();
  CHECK(s.value(0) == 2);
  CHECK(s.value(1) == 1);
}

TEST_CASE("launches overlap where device and driver can") {
  struct machine {
    int capability, version;
    std::vector<std::string> missing;
    bool overlaps;
  };
  auto const m = GENERATE(machine{90, 12030, {}, true}, machine{86, 12030, {}, false}, machine{90, 12020, {}, false},
                          machine{90, 12030, {"cuLaunchKernelEx"}, false});
  queue_setup s({.capability = m.capability, .driver_version = m.version, .missing_symbols = m.missing});
  s.queue->launch(s.increment(s.first));
  s.queue->wait();
  CHECK(s.value(0) == 1);
  CHECK(s.gpu.calls("cuLaunchKernelEx") == (m.overlaps ? 1 : 0));
  CHECK(s.gpu.calls("cuLaunchKernel") == (m.overlaps ? 0 : 1));
}

TEST_CASE("recorded launches are done by replays, in order") {
  queue_setup s;
  auto const recorded = s.queue->record([&] {
    s.queue->launch(s.increment(s.first));
    s.queue->copy(s.first + 1, s.first, 1);
    s.queue->launch(s.twice(s.first));
  });
  s.queue->wait();
  CHECK(s.value(0) == 0);
  for (int i = 0; i < 2; ++i) s.queue->replay(*recorded);
  s.queue->wait();
  CHECK(s.value(0) == 6);
  CHECK(s.value(1) == 3);
  CHECK(s.gpu.calls("cuGraphLaunch") == 2);
}

TEST_CASE("a launch of a recording gets other arguments") {
  queue_setup s;
  auto const recorded = s.queue->record([&] {
    s.queue->launch(s.increment(s.first));
    s.queue->copy(s.first + 1, s.first, 1);
    s.queue->launch(s.increment(s.first));
  });
  auto* const other = s.first + 8;
  CHECK(s.queue->change(*recorded, 1, s.increment(other)));
  s.queue->replay(*recorded);
  s.queue->wait();
  CHECK(s.value(0) == 1);
  CHECK(s.value(1) == 1);
  CHECK(s.value(8) == 1);
}

TEST_CASE("a driver that cannot change recordings says so") {
  std::string const missing = GENERATE("cuStreamGetCaptureInfo_v2", "cuGraphExecKernelNodeSetParams_v2");
  queue_setup s({.missing_symbols = {missing}});
  auto const recorded = s.queue->record([&] { s.queue->launch(s.increment(s.first)); });
  CHECK_FALSE(s.queue->change(*recorded, 0, s.increment(s.first)));
}

TEST_CASE("recordings are freed, also when recording fails") {
  queue_setup s;
  auto const before = s.gpu.live_things();
  auto recorded = s.queue->record([&] { s.queue->launch(s.increment(s.first)); });
  CHECK(s.gpu.live_things() == before + 2);
  recorded.reset();
  CHECK_THROWS_AS(s.queue->record([] { throw std::runtime_error("stop"); }), std::runtime_error);
  s.gpu.fail("cuGraphInstantiateWithFlags", 2);
  auto const e = error_of([&] { s.queue->record([&] { s.queue->launch(s.increment(s.first)); }); });
  CHECK(e.code() == error_code::limit_exceeded);
  CHECK_THAT(e.what(), says("making a graph of launches: out of memory"));
  CHECK(s.gpu.live_things() == before);
  s.queue->launch(s.increment(s.first));
  s.queue->wait();
  CHECK(s.value(0) == 1);
}

TEST_CASE("a queue works on a stream of the caller, and records beside it") {
  bool const is_default = GENERATE(true, false);
  queue_setup s;
  auto const context = cuda_context::open(s.gpu.driver(), 0);
  cuda_context::current const scope(*context);
  cuda_stream const mine(context);
  auto* const given = is_default ? nullptr : mine.handle();
  s.queue->launch(s.increment(s.first));
  s.queue->borrow(given);
  auto const recorded = s.queue->record([&] { s.queue->launch(s.twice(s.first)); });
  for (int i = 0; i < 2; ++i) s.queue->replay(*recorded);
  s.queue->give_back();
  auto const given_work = s.gpu.at(given).given;
  s.queue->launch(s.increment(s.first));
  CHECK(s.gpu.at(given).given == given_work);
  SECTION("who waits for the stream has all that was given before") {
    REQUIRE(context->driver().stream_synchronize(given) == 0);
    CHECK(s.value(0) == 4);
  }
  SECTION("what is given later comes behind it") {
    s.queue->wait();
    CHECK(s.value(0) == 5);
    CHECK(s.gpu.at(given).synchronised == 0);
  }
  SECTION("and ends with the queue") {
    s.queue.reset();
    CHECK(s.value(0) == 5);
  }
}

TEST_CASE("a stream that cannot be used is an error, and the queue goes on with its own") {
  queue_setup s;
  s.gpu.fail("cuStreamWaitEvent", 400);
  CHECK_THAT(error_of([&] { s.queue->borrow(&s); }).what(),
             says("using a stream of the caller: invalid resource handle"));
  s.gpu.fail("cuStreamWaitEvent", 0, SIZE_MAX / 2);
  s.queue->launch(s.increment(s.first));
  s.queue->wait();
  CHECK(s.value(0) == 1);
}

TEST_CASE("work on a stream that its owner has destroyed is done before what follows") {
  queue_setup s;
  auto const context = cuda_context::open(s.gpu.driver(), 0);
  {
    cuda_stream const mine(context);
    s.queue->borrow(mine.handle());
    s.queue->launch(s.increment(s.first));
    s.queue->give_back();
  }
  s.queue->launch(s.twice(s.first));
  s.queue->wait();
  CHECK(s.value(0) == 2);
}

TEST_CASE("a launch that the driver refuses is named") {
  queue_setup s({.capability = 86});
  s.gpu.fail("cuLaunchKernel", 1);
  auto const e = error_of([&] { s.queue->launch(s.twice(s.first)); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(),
             says("cuda:0 (Emulated GPU): launching kernel 'kernel_double' (2x1x1 blocks of 128 threads, 0 bytes "
                  "of shared memory): invalid argument (1)"));
}

TEST_CASE("work that fails names the kernels that were launched, the last first") {
  queue_setup s;
  s.queue->launch(s.increment(s.first));
  s.queue->wait();
  std::vector<unsigned char> back(100, 9);
  auto* const beside = s.first + queue_setup::bytes;
  auto const recorded = s.queue->record([&] { s.queue->launch(s.twice(s.first)); });
  s.queue->replay(*recorded);
  s.queue->launch(s.increment(beside));
  s.queue->download(back.data(), s.first, back.size());
  auto const e = error_of([&] { s.queue->wait(); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(), says("cuda:0 (Emulated GPU): work failed: ") && says("(719)") &&
                           says("kernels 'kernel_increment', 'kernel_double' (the last first") &&
                           says("CUDA_LAUNCH_BLOCKING=1"));
  CHECK(back == std::vector<unsigned char>(100, 9));
}

TEST_CASE("downloads of work that failed are given up") {
  queue_setup s;
  std::vector<unsigned char> back(100, 9);
  s.queue->download(back.data(), s.first, back.size());
  s.gpu.fail("cuStreamSynchronize", 700);
  CHECK_THROWS_AS(s.queue->wait(), error);
  s.gpu.fail("cuStreamSynchronize", 0);
  s.queue->wait();
  CHECK(back == std::vector<unsigned char>(100, 9));
}

TEST_CASE("only the last kernels are named") {
  queue_setup s;
  for (int i = 0; i < 19; ++i) s.queue->launch(s.increment(s.first));
  s.queue->launch(s.twice(s.first));
  s.gpu.fail("cuStreamSynchronize", 700);
  CHECK_THAT(error_of([&] { s.queue->wait(); }).what(),
             says("kernels 'kernel_double', 'kernel_increment', ") && says("and 12 before"));
}
