#include <sinter/runtime/cuda/device.hpp>

#include "catch.hpp"
#include "runtime_fakes.hpp"
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
  fake::machine machine;
  machine.init_result = GENERATE(34, 100);
  auto const e = error_of([] { cuda_device(0, fake::options()); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(), says("no CUDA device") && says("nvidia-smi"));
  if (machine.init_result == 34) CHECK_THAT(e.what(), says("stub of a toolkit"));
}

TEST_CASE("the stub that a toolkit has is no device") {
  std::string const stub = "/usr/local/cuda/lib64/stubs/libcuda.so";
  if (!std::filesystem::exists(stub)) return void(fmt::print("SKIPPED: no stub of the driver here\n"));
  auto const driver = load_cuda_driver(stub);
  CHECK_THAT(error_of([&] { init_cuda(driver); }).what(), says("no CUDA device"));
}

TEST_CASE("a driver that does not start, or is too old") {
  fake::machine machine;
  machine.init_result = 803;
  CHECK_THAT(error_of([] { cuda_device(0, fake::options()); }).what(), says("cuInit: it does not work (803)"));
  machine.init_result = 0;
  machine.version = 11020;
  CHECK_THAT(error_of([] { cuda_device(0, fake::options()); }).what(), says("CUDA 11.2") && says("11.4 or later"));
}

TEST_CASE("devices that are not there, or too old") {
  fake::machine machine;
  auto const e = error_of([] { cuda_device(3, fake::options()); });
  CHECK(e.code() == error_code::invalid_argument);
  CHECK_THAT(e.what(), says("no device cuda:3; this process sees 1 CUDA device, from 0 on"));
  machine.devices[0].capability = 61;
  auto const old = error_of([] { cuda_device(0, fake::options()); });
  CHECK(old.code() == error_code::unsupported_feature);
  CHECK_THAT(old.what(), says("compute capability 6.1; expected 7.0"));
  CHECK(machine.contexts == 0);
}

TEST_CASE("a device tells its name, target and memory") {
  fake::machine machine;
  machine.devices.push_back({"Fake 87", 87, 5000});
  auto const found = cuda_devices_of(fake::driver());
  REQUIRE(found.size() == 2);
  CHECK(found[1].name == "Fake 87");
  CHECK(found[1].capability == 87);
  CHECK(found[1].bytes == 5000);
  CHECK(cuda_device(1, fake::options()).name() == "cuda:1 (Fake 87)");
  CHECK(cuda_device(1, fake::options()).machine() == target("cuda:sm_86"));
  CHECK(cuda_device(0, fake::options()).machine() == target("cuda:sm_90"));
  CHECK(cuda_target(121) == target("cuda:sm_120"));
  CHECK(machine.contexts == 0);
}

TEST_CASE("a machine without a driver has an empty list of devices, not an error") {
  CHECK_NOTHROW(list_cuda_devices());
}

TEST_CASE("memory goes with its last owner, on any thread, also after the device") {
  fake::machine machine;
  device_memory first;
  {
    cuda_device device(0, fake::options());
    first = device.allocate(100);
    auto const second = device.allocate(0);
    CHECK(machine.memory.size() == 2);
    CHECK(device.owns(first.get()));
    CHECK_FALSE(device.owns(&machine));
  }
  CHECK(machine.contexts == 1);
  std::thread([m = std::move(first)]() mutable { m.reset(); }).join();
  CHECK(machine.memory.empty());
  CHECK(machine.contexts == 0);
  CHECK(machine.current == 0);
}

TEST_CASE("a device without memory says how much was asked for and is left") {
  fake::machine machine;
  cuda_device device(0, fake::options());
  auto const held = device.allocate(300);
  auto const e = error_of([&] { device.allocate(701); });
  CHECK(e.code() == error_code::limit_exceeded);
  CHECK_THAT(e.what(), says("cuda:0 (Fake 90): 701 bytes of memory were asked for, 700 of 1000 are left"));
}

TEST_CASE("equal kernels are loaded once as long as somebody has them") {
  fake::machine machine;
  cuda_device device(0, fake::options());
  fake::compilations = 0;
  std::vector<device_kernel> const kernels{fake::kernel("a"), fake::kernel("b"), fake::kernel("a"), fake::kernel("c")};
  auto code = device.load(kernels);
  REQUIRE(code.entries.size() == 4);
  CHECK(code.entries[0] == code.entries[2]);
  CHECK(code.entries[0] != code.entries[1]);
  CHECK(static_cast<cuda_function*>(code.entries[3])->name == "c");
  CHECK(code.owners.size() == 2);
  CHECK(code.bytes == std::string("sm_90 a c"
                                  "sm_90 b")
                          .size());
  auto const again = device.load(std::vector{fake::kernel("b"), fake::kernel("d")});
  CHECK(again.entries[0] == code.entries[1]);
  CHECK(fake::compilations == 3);
  CHECK(machine.modules == 3);
  code = {};
  CHECK(machine.modules == 2);
  device.load(std::vector{fake::kernel("a")});
  CHECK(fake::compilations == 4);
  CHECK(machine.modules == 2);
}

TEST_CASE("a kernel gets the shared memory that it asks for") {
  fake::machine machine;
  cuda_device device(0, fake::options());
  auto large = fake::kernel("a");
  large.shared_bytes = 100 << 10;
  auto const code = device.load(std::vector{fake::kernel("a"), large});
  CHECK(static_cast<fake::function*>(static_cast<cuda_function*>(code.entries[0])->handle)->shared_bytes == 100 << 10);
  large.shared_bytes = 300 << 10;
  CHECK_THAT(error_of([&] { device.load(std::vector{large}); }).what(),
             says("kernel 'a' needs 307200 bytes of shared memory, a block has at most 232448"));
  CHECK(machine.modules == 1);
}

TEST_CASE("code that the driver does not take") {
  fake::machine machine;
  cuda_device device(0, fake::options());
  machine.load_result = 222;
  CHECK_THAT(error_of([&] { device.load(std::vector{fake::kernel("a")}); }).what(),
             says("this driver, of CUDA 12.8, does not take the code") && says("update the driver"));
  CHECK(device.load({}).entries.empty());
}

TEST_CASE("several threads load kernels of one device") {
  fake::machine machine;
  cuda_device device(0, fake::options());
  std::vector<std::thread> threads;
  std::vector<device_code> codes(4);
  for (std::size_t i = 0; i < codes.size(); ++i)
    threads.emplace_back([&, i] { codes[i] = device.load(std::vector{fake::kernel("a"), fake::kernel("b")}); });
  for (auto& t : threads) t.join();
  for (auto const& c : codes) CHECK(c.entries == codes[0].entries);
}
