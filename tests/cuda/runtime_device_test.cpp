#include <sinter/runtime/cuda/device.hpp>

#include "catch.hpp"
#include "runtime_setup.hpp"
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

using namespace sinter;
using fake::error_of;

TEST_CASE("no driver library") {
  auto const e = error_of([] { load_cuda_driver("libnothing.so.1"); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(), says("no CUDA driver: libnothing.so.1 does not load") && says("install the driver"));
}

TEST_CASE("a library that lacks functions of the driver") {
  CHECK_THAT(error_of([] { load_cuda_driver("libm.so.6"); }).what(), says("has no cuInit") && says("11.4 or later"));
}

TEST_CASE("a driver without a device") {
  auto const result = GENERATE(34, 100);
  runtime_setup s;
  s.gpu.fail("cuInit", result);
  auto const e = error_of([&] { cuda_device(0, s.options()); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(), says("no CUDA device") && says("nvidia-smi"));
  CHECK_THAT(e.what(), says(result == 34 ? "stub of a toolkit" : "no CUDA-capable device is detected"));
}

TEST_CASE("the stub that a toolkit has is no device") {
  std::string const stub = "/usr/local/cuda/lib64/stubs/libcuda.so";
  if (!std::filesystem::exists(stub)) return void(fmt::print("SKIPPED: no stub of the driver here\n"));
  auto const driver = load_cuda_driver(stub);
  CHECK_THAT(error_of([&] { init_cuda(driver); }).what(), says("no CUDA device"));
}

TEST_CASE("a driver that does not start, or is too old") {
  runtime_setup s({.driver_version = 11020});
  CHECK_THAT(error_of([&] { cuda_device(0, s.options()); }).what(), says("CUDA 11.2") && says("11.4 or later"));
  s.gpu.fail("cuInit", 803);
  CHECK_THAT(error_of([&] { cuda_device(0, s.options()); }).what(), says("does not start: cuInit: error 803"));
}

TEST_CASE("devices that are not there, or too old") {
  runtime_setup s({.capability = 61});
  auto const e = error_of([&] { cuda_device(3, s.options()); });
  CHECK(e.code() == error_code::invalid_argument);
  CHECK_THAT(e.what(), says("no device cuda:3; this process sees 1 CUDA device, from 0 on"));
  auto const old = error_of([&] { cuda_device(0, s.options()); });
  CHECK(old.code() == error_code::unsupported_feature);
  CHECK_THAT(old.what(), says("cuda:0 (Emulated GPU) has compute capability 6.1; expected 7.0"));
  CHECK(s.gpu.live_things() == 0);
}

TEST_CASE("a device tells its name, target and memory") {
  runtime_setup s({.devices = 2, .name = "GPU of 8.7", .capability = 87, .memory_bytes = 5000});
  CHECK(cuda_device(1, s.options()).name() == "cuda:1 (GPU of 8.7)");
  CHECK(cuda_device(1, s.options()).machine() == target("cuda:sm_86"));
  auto const found = cuda_devices_of(s.gpu.driver());
  REQUIRE(found.size() == 2);
  CHECK(found[1].ordinal == 1);
  CHECK(found[1].name == "GPU of 8.7");
  CHECK(found[1].capability == 87);
  CHECK(found[1].bytes == 5000);
  CHECK(cuda_target(90) == target("cuda:sm_90"));
  CHECK(cuda_target(121) == target("cuda:sm_120"));
  CHECK(s.gpu.live_things() == 0);
}

TEST_CASE("a machine without a driver has an empty list of devices, not an error") {
  CHECK_NOTHROW(list_cuda_devices());
}

TEST_CASE("memory goes with its last owner, on any thread, also after the device") {
  runtime_setup s;
  device_memory first;
  {
    cuda_device device(0, s.options());
    first = device.allocate(100);
    auto const second = device.allocate(0);
    CHECK(s.gpu.live_things() == 3);
    CHECK(device.owns(first.get()));
    CHECK(device.owns(first.get() + 99));
    CHECK_FALSE(device.owns(&s));
    CHECK_FALSE(device.owns(nullptr));
  }
  CHECK(s.gpu.live_things() == 2);
  std::thread([m = std::move(first)]() mutable { m.reset(); }).join();
  CHECK(s.gpu.live_things() == 0);
}

TEST_CASE("memory of another device is refused") {
  runtime_setup s({.devices = 2});
  cuda_device here(0, s.options()), there(1, s.options());
  auto const memory = here.allocate(1);
  CHECK(here.owns(memory.get()));
  auto const e = error_of([&] { there.owns(memory.get()); });
  CHECK(e.code() == error_code::invalid_argument);
  CHECK_THAT(e.what(), says("cuda:1 (Emulated GPU): memory of cuda:0 was given; copy it"));
}

TEST_CASE("a device without memory says how much was asked for and is left") {
  runtime_setup s({.memory_bytes = 1000});
  cuda_device device(0, s.options());
  auto const held = device.allocate(300);
  auto const e = error_of([&] { device.allocate(701); });
  CHECK(e.code() == error_code::limit_exceeded);
  CHECK_THAT(e.what(), says("cuda:0 (Emulated GPU): 701 bytes of memory were asked for, 700 of 1000 are left"));
}

TEST_CASE("equal kernels are loaded once as long as somebody has them") {
  runtime_setup s;
  cuda_device device(0, s.options());
  std::vector<device_kernel> const kernels{fake::kernel("a"), fake::kernel("b"), fake::kernel("a"), fake::kernel("c")};
  auto code = device.load(kernels);
  REQUIRE(code.entries.size() == 4);
  CHECK(code.entries[0] == code.entries[2]);
  CHECK(code.entries[0] != code.entries[1]);
  CHECK(static_cast<cuda_function*>(code.entries[3])->name == "kernel_c");
  REQUIRE(code.blocks.size() == 3);
  for (auto const& b : code.blocks) CHECK(b.bytes > 1000);
  auto const again = device.load(std::vector{fake::kernel("b"), fake::kernel("d")});
  CHECK(again.entries[0] == code.entries[1]);
  CHECK(again.blocks.size() == 2);
  CHECK(s.gpu.calls("cuModuleLoadData") == 4);
  code = {};
  CHECK(s.gpu.calls("cuModuleUnload") == 2);
  auto const reloaded = device.load(std::vector{fake::kernel("a"), fake::kernel("b")});
  CHECK(s.gpu.calls("cuModuleLoadData") == 5);
  CHECK(device.load({}).entries.empty());
}

TEST_CASE("a kernel gets the shared memory that it asks for") {
  runtime_setup s;
  cuda_device device(0, s.options());
  auto large = fake::kernel("a");
  large.shared_bytes = 100 << 10;
  auto const code = device.load(std::vector{fake::kernel("a"), large});
  auto const memory = device.allocate(1);
  auto const queue = device.make_queue();
  std::array<std::byte*, 1> const arguments{memory.get()};
  queue->launch({.function = code.entries[0], .threads = 32, .shared_bytes = 100 << 10, .arguments = arguments});
  queue->wait();
  large.shared_bytes = 300 << 10;
  CHECK_THAT(error_of([&] { device.load(std::vector{large}); }).what(),
             says("kernel 'kernel_a' needs 307200 bytes of shared memory, a block has at most 232448"));
  CHECK(s.gpu.calls("cuModuleLoadData") == 2);
  CHECK(s.gpu.calls("cuModuleUnload") == 1);
}

TEST_CASE("code that the driver does not take") {
  runtime_setup s;
  cuda_device device(0, s.options());
  s.gpu.fail("cuModuleLoadData", 222);
  CHECK_THAT(error_of([&] { device.load(std::vector{fake::kernel("a")}); }).what(),
             says("this driver, of CUDA 12.4, does not take the code") && says("update the driver"));
}

TEST_CASE("several threads load kernels of one device") {
  runtime_setup s;
  cuda_device device(0, s.options());
  std::vector<std::thread> threads;
  std::vector<device_code> codes(4);
  for (std::size_t i = 0; i < codes.size(); ++i)
    threads.emplace_back([&, i] { codes[i] = device.load(std::vector{fake::kernel("a"), fake::kernel("b")}); });
  for (auto& t : threads) t.join();
  for (auto const& c : codes) CHECK(c.entries == codes[0].entries);
  CHECK(s.gpu.calls("cuModuleLoadData") == 2);
}
