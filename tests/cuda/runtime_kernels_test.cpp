#include <sinter/runtime/cuda/device.hpp>

#include "catch.hpp"
#include "cuda/mock/mock.hpp"
#include "forms.hpp"
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

using namespace sinter;

TEST_CASE("a kernel of the library runs on a device, given and recorded") {
  cuda_mock::device const gpu({.capability = 86});
  cuda_device device(0, {.driver = gpu.driver(), .compiler = [n = gpu.compiler()] { return n; }});
  device_sizes const sizes{3, 50};
  auto const dense = row_major_strides(sizes);
  auto const call =
      pointwise_call(sizes, {expr::parse("add x0 x1"), {operand_with(dense), operand_with(dense), result_with(dense)}});
  auto const code = device.load(std::vector{call.kernel});
  CHECK(static_cast<cuda_function*>(code.entries[0])->name == cuda_text::kernel_name(call.kernel));

  auto const x = random_floats(150);
  auto const bytes = x.size() * sizeof(float);
  auto const from = device.allocate(bytes), to = device.allocate(bytes);
  std::array<std::byte*, 3> const arguments{from.get(), from.get(), to.get()};
  auto const queue = device.make_queue();
  device_launch const launch{.function = code.entries[0],
                             .blocks = call.blocks,
                             .threads = static_cast<std::uint32_t>(call.kernel.threads),
                             .shared_bytes = static_cast<std::uint32_t>(call.kernel.shared_bytes),
                             .arguments = arguments};
  auto const recorded = queue->record([&] { queue->launch(launch); });
  bool const is_replayed = GENERATE(false, true);
  std::vector<float> y(x.size()), twice;
  for (float const v : x) twice.push_back(v + v);
  queue->upload(arguments[0], x.data(), bytes);
  is_replayed ? queue->replay(*recorded) : queue->launch(launch);
  queue->download(y.data(), arguments[2], bytes);
  queue->wait();
  CHECK(y == twice);
}
