#include <sinter/dlpack.hpp>
#include <sinter/model_state.hpp>
#include <sinter/runtime/cuda/device.hpp>

#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include "runtime_setup.hpp"
#include <cmath>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

/// Memory and streams of the caller's, through the mock driver.
using namespace sinter;
using namespace sinter::test;
using fake::error_of;

namespace {

constexpr std::size_t elements = 32;  // of x
constexpr std::size_t bytes = elements * sizeof(float);

/// `y` is an input of `z`, so it is written before the last launch; `v` has the bytes of `z`.
char const* const three_outputs = R"(graph opset 13 {
  input x: float[4x8]
  const s = int64[2] {8, 4}
  y = Sigmoid(x)
  z = Softmax(y)
  v = Reshape(z, s)
  output y
  output z
  output v
})";

/// The host computes `d`.
char const* const host_between = R"(graph opset 13 {
  input x: float[2x4x4]
  a = Sigmoid(x)
  d = Det(a)
  y = Softplus(d)
  output y
})";

model model_on(device where, char const* text) {
  return model_state::make(
      parse(text), {.device = std::move(where), .threads = 1},
      [](rewritten_graph const& prepared, signature const& s, compile_environment const& e) {
        return compile(prepared, s, {.machine = e.machine}, *e.store, e.pool);
      },
      [](graph g) { return prepare(std::move(g)); });
}

/// A model on a mock device with an input there, and what its outputs must be.
struct interop_setup {
  explicit interop_setup(char const* text = three_outputs, cuda_mock::settings how = {}) : gpu(std::move(how)) {
    auto const g = parse(text);
    auto const operands = random_inputs(g);
    expected = run_compiled(g, operands, {});
    input = there(operands[0].bytes());
    std::memcpy(input.get(), operands[0].data(), operands[0].bytes());
    net = std::make_unique<model>(model_on(device, text));
    shape_of_x = operands[0].shape();
    context = std::make_unique<sinter::context>(net->context({{"x", shape_of_x}}));
    context->set_input("x", {dtype::float32, shape_of_x, input.get()});
  }

  device_memory there(std::size_t size = bytes) const { return device->allocate(size); }
  void set_output(std::size_t i, std::byte* data) { context->set_output(i, view_at(i, data)); }
  mutable_tensor_view view_at(std::size_t i, std::byte* data) const {
    return {expected[i].type(), expected[i].shape(), data};
  }
  /// How output `i` differs from what it must be, where it was to go.
  std::string difference_at(std::size_t i, std::byte const* data) const {
    return difference({own({expected[i].type(), expected[i].shape(), data})}, {expected[i]});
  }
  std::size_t copies() const {
    return gpu.calls("cuMemcpyDtoDAsync_v2") + gpu.calls("cuMemcpyDtoHAsync_v2") + gpu.calls("cuMemcpyHtoDAsync_v2");
  }

  cuda_mock::device gpu;
  std::shared_ptr<cuda_device> device = std::make_shared<cuda_device>(
      0, cuda_options{
             .driver = gpu.driver(), .compiler = [n = gpu.compiler()] { return n; }, .cache = runtime_setup::cache()});
  std::vector<any_tensor> expected;
  device_memory input;
  shape shape_of_x;
  std::unique_ptr<model> net;
  std::unique_ptr<sinter::context> context;
};

/// A stream as a caller makes it.
struct callers_stream {
  explicit callers_stream(cuda_mock::device const& gpu)
      : context(cuda_context::open(gpu.driver(), 0)), stream(context) {}
  void synchronize() const {
    cuda_context::current const scope(*context);
    REQUIRE(context->driver().stream_synchronize(stream.handle()) == 0);
  }
  void* handle() const { return stream.handle(); }

  std::shared_ptr<cuda_context const> context;
  cuda_stream stream;
};

}  // namespace

TEST_CASE("outputs are written in place where the caller has memory on the device") {
  interop_setup s;
  auto const y = s.there(), z = s.there();
  s.set_output(0, y.get());
  s.set_output(1, z.get());
  auto const before = s.copies();
  for (int run = 0; run < 2; ++run) {
    std::memset(y.get(), 0xff, bytes);
    std::memset(z.get(), 0xff, bytes);
    s.context->run();
    CHECK(s.difference_at(0, y.get()) == "");
    CHECK(s.difference_at(1, z.get()) == "");
    CHECK(s.context->output(0).data == y.get());
    CHECK(s.context->output(1).data == z.get());
    CHECK(difference({own(s.context->output(2))}, {s.expected[2]}) == "");
  }
  CHECK(s.copies() == before + 2);  // of the third output to the host
  CHECK(s.gpu.calls("cuMemcpyDtoHAsync_v2") == 2);
}

TEST_CASE("an output whose bytes are another one's is copied there") {
  interop_setup s;
  std::vector<device_memory> memory;
  for (std::size_t i = 0; i < 3; ++i) s.set_output(i, memory.emplace_back(s.there()).get());
  auto const before = s.copies();
  s.context->run();
  for (std::size_t i = 0; i < 3; ++i) CHECK(s.difference_at(i, memory[i].get()) == "");
  CHECK(s.copies() == before + 1);
}

TEST_CASE("an output at an address that kernels do not take is copied there") {
  interop_setup s;
  auto const y = s.there(bytes + 4);
  s.set_output(0, y.get() + 4);
  s.context->run();
  CHECK(s.difference_at(0, y.get() + 4) == "");
  CHECK(s.gpu.calls("cuMemcpyDtoDAsync_v2") == 1);
}

TEST_CASE("recorded launches follow the caller's memory, by changes or by recording anew") {
  bool const can_change = GENERATE(true, false);
  interop_setup s(three_outputs,
                  {.missing_symbols = can_change ? std::vector<std::string>{}
                                                 : std::vector<std::string>{"cuGraphExecKernelNodeSetParams_v2"}});
  std::vector<device_memory> const memory{s.there(), s.there()};
  auto const before = s.gpu.calls("cuGraphInstantiateWithFlags");
  for (std::size_t run = 0; run < 5; ++run) {
    auto const& y = memory[run / 2 % 2];
    std::memset(y.get(), 0xff, bytes);
    s.set_output(0, y.get());
    s.context->run();
    CHECK(s.difference_at(0, y.get()) == "");
    CHECK(difference({own(s.context->output(1))}, {s.expected[1]}) == "");
  }
  CHECK(s.gpu.calls("cuGraphInstantiateWithFlags") - before == (can_change ? 1 : 3));
  CHECK(s.gpu.calls("cuGraphExecKernelNodeSetParams_v2") == (can_change ? 2 * 2 : 0));  // the launches that touch y
}

TEST_CASE("a recording whose change failed is made anew") {
  interop_setup s;
  std::vector<device_memory> const memory{s.there(), s.there()};
  s.set_output(0, memory[0].get());
  s.context->run();
  s.set_output(0, memory[1].get());
  s.gpu.fail("cuGraphExecKernelNodeSetParams_v2", 1, 1);  // the second launch
  CHECK_THROWS_AS(s.context->run(), error);
  std::memset(memory[1].get(), 0xff, bytes);
  s.context->run();
  CHECK(s.difference_at(0, memory[1].get()) == "");
}

TEST_CASE("a run asks the driver only about memory of the caller's") {
  interop_setup s;
  std::vector<float> y(elements), z(elements);
  auto const questions = [&] {
    auto const before = s.gpu.calls("cuPointerGetAttribute");
    s.context->run();
    return s.gpu.calls("cuPointerGetAttribute") - before;
  };
  std::size_t const of_input = 2, of_downloads = 3;  // type and device; whether each is pinned
  CHECK(questions() == of_input + of_downloads);
  s.set_output(0, reinterpret_cast<std::byte*>(y.data()));
  s.set_output(1, reinterpret_cast<std::byte*>(z.data()));
  CHECK(questions() == of_input + of_downloads + 2);
  CHECK(s.difference_at(0, reinterpret_cast<std::byte*>(y.data())) == "");
  CHECK(s.difference_at(1, reinterpret_cast<std::byte*>(z.data())) == "");
}

TEST_CASE("memory of another device is refused with the name of the tensor") {
  interop_setup s(three_outputs, {.devices = 2});
  auto const there = std::make_shared<cuda_device>(1, cuda_options{.driver = s.gpu.driver(),
                                                                   .compiler = [n = s.gpu.compiler()] { return n; },
                                                                   .cache = runtime_setup::cache()});
  auto const net = model_on(there, three_outputs);
  auto context = net.context({{"x", s.shape_of_x}});
  context.set_input("x", {dtype::float32, s.shape_of_x, s.input.get()});
  CHECK_THAT(error_of([&] { context.run(); }).what(), says("input 0") && says("memory of cuda:0 was given"));
  std::vector<float> x(elements);
  context.set_input("x", {dtype::float32, s.shape_of_x, x.data()});
  context.set_output(1, s.view_at(1, s.input.get()));
  CHECK_THAT(error_of([&] { context.run(); }).what(), says("output 1") && says("memory of cuda:0 was given"));
}

TEST_CASE("outputs that the host makes go to the device") {
  interop_setup s(R"(graph opset 13 {
    input x: float[4x8]
    const k = float[4x8] random(3)
    a = Sigmoid(x)
    n = NonZero(a)
    output k
    output n
  })");
  auto const k = s.there(), n = s.there(2 * elements * sizeof(std::int64_t));
  s.set_output(0, k.get());
  s.set_output(1, n.get());
  s.context->run();
  CHECK(s.difference_at(0, k.get()) == "");
  CHECK(s.difference_at(1, n.get()) == "");
}

TEST_CASE("a run on a stream of the caller's gives it all work and waits for nothing") {
  interop_setup s;
  callers_stream const mine(s.gpu);
  std::vector<device_memory> memory;
  for (std::size_t i = 0; i < 3; ++i) s.set_output(i, memory.emplace_back(s.there()).get());
  s.context->run();
  for (auto const& m : memory) std::memset(m.get(), 0xff, bytes);
  auto const waits = s.gpu.calls("cuStreamSynchronize") + s.gpu.calls("cuEventSynchronize");
  auto const replays = s.gpu.calls("cuGraphLaunch"), launches = s.gpu.calls("cuLaunchKernelEx");
  auto const before = s.gpu.at(mine.handle()).given;
  s.context->run_on(mine.handle());
  CHECK(s.gpu.calls("cuStreamSynchronize") + s.gpu.calls("cuEventSynchronize") == waits);
  CHECK(s.gpu.at(mine.handle()).given - before == 5);  // two launches and a copy between two hand-overs
  CHECK(s.gpu.calls("cuGraphLaunch") == replays + 1);
  CHECK(s.gpu.calls("cuLaunchKernelEx") == launches);
  for (std::size_t i = 0; i < 3; ++i) CHECK(s.difference_at(i, memory[i].get()) != "");  // nothing is done yet
  mine.synchronize();
  for (std::size_t i = 0; i < 3; ++i) CHECK(s.difference_at(i, memory[i].get()) == "");
}

TEST_CASE("runs on several streams of one context follow each other") {
  interop_setup s;
  callers_stream const first(s.gpu), second(s.gpu);
  auto const y = s.there(), z = s.there(), again = s.there(), v = s.there();
  s.set_output(0, y.get());
  s.set_output(1, z.get());
  s.set_output(2, v.get());
  s.context->run_on(first.handle());
  s.set_output(1, again.get());
  s.context->run_on(second.handle());
  second.synchronize();
  CHECK(s.difference_at(1, z.get()) == "");
  CHECK(s.difference_at(1, again.get()) == "");
  s.context->run_on(first.handle());
  std::memset(again.get(), 0xff, bytes);
  s.context->run();
  CHECK(s.difference_at(1, again.get()) == "");
}

TEST_CASE("a context that ends while its stream works leaves its memory to the next one in order") {
  interop_setup s;
  callers_stream const mine(s.gpu);
  std::vector<device_memory> memory;
  for (std::size_t i = 0; i < 3; ++i) s.set_output(i, memory.emplace_back(s.there()).get());
  s.context->run_on(mine.handle());
  s.context.reset();
  auto next = s.net->context({{"x", s.shape_of_x}});
  std::vector<float> const x(elements, 1);
  next.set_input("x", {dtype::float32, s.shape_of_x, x.data()});
  next.run();
  CHECK(std::abs(next.output(0).as<float>()[0] - 0.7310586f) < 1e-6f);
  for (std::size_t i = 0; i < 3; ++i) CHECK(s.difference_at(i, memory[i].get()) == "");
}

TEST_CASE("a run on a stream of the caller's waits for it where something comes to the host") {
  bool const is_operator = GENERATE(true, false);
  interop_setup s(is_operator ? host_between : three_outputs);
  callers_stream const mine(s.gpu);
  auto const y = s.there();
  if (is_operator) s.set_output(0, y.get());
  s.context->run_on(mine.handle());
  CHECK(s.gpu.at(mine.handle()).synchronised == 1);
  if (is_operator) mine.synchronize();
  CHECK(difference({own(s.context->output(0))}, {s.expected[0]}) == "");
}

TEST_CASE("a model on the CPU has no streams") {
  auto const net = model_on(nullptr, three_outputs);
  auto context = net.context({{"x", {4, 8}}});
  std::vector<float> const x(elements);
  context.set_input("x", {dtype::float32, {4, 8}, x.data()});
  auto const e = error_of([&] { context.run_on(nullptr); });
  CHECK(e.code() == error_code::invalid_argument);
  CHECK_THAT(e.what(), says("runs on a CPU, which has no streams") && says("options::device"));
}

TEST_CASE("DLPack tensors on the device are used in place") {
  interop_setup s;
  std::int64_t extents[] = {4, 8};
  auto const memory = s.there(bytes + 16);
  std::memcpy(memory.get() + 16, s.input.get(), bytes);
  dlpack::DLManagedTensor x{.dl_tensor = {memory.get(), dlpack::on_cuda(0), 2, {2, 32, 1}, extents, nullptr, 16},
                            .manager_ctx = {},
                            .deleter = {}};
  dlpack::imported const in(&x, s.device);
  s.context->set_input("x", in.view());

  auto const y = s.there();
  auto* const given = dlpack::share<dlpack::DLManagedTensor>(s.view_at(0, y.get()), y, dlpack::on_cuda(0));
  dlpack::imported const out(given, s.device);
  s.context->set_output(0, out.mutable_view());
  s.context->run();
  CHECK(s.difference_at(0, y.get()) == "");
  CHECK(s.gpu.calls("cuMemcpyHtoDAsync_v2") + s.gpu.calls("cuMemcpyDtoDAsync_v2") == 0);

  std::vector<float> host(elements);
  x.dl_tensor.data = host.data();
  CHECK_THAT(error_of([&] { dlpack::view(x.dl_tensor, s.device); }).what(),
             says("it says that it lies on cuda:0, but cuda:0 (Emulated GPU) does not have it"));
}

TEST_CASE("code of a device counts in a model's memory, each kernel once") {
  interop_setup s;
  auto const code = s.net->memory().code_bytes;
  CHECK(code > 1000);
  model_store store({}, s.device.get());
  auto const compiled = compile(parse(three_outputs), {.machine = s.device->machine()}, store, nullptr);
  CHECK(store.code.bytes() == code);
  CHECK(compiled.code_bytes() == code);
  auto const again = compile(parse(three_outputs), {.machine = s.device->machine()}, store, nullptr);
  CHECK(store.code.bytes() == code);
  model_store small({.code_bytes = 1000}, s.device.get());
  auto const e = error_of(
      [&] { static_cast<void>(compile(parse(three_outputs), {.machine = s.device->machine()}, small, nullptr)); });
  CHECK(e.code() == error_code::limit_exceeded);
  CHECK_THAT(e.what(), says("machine code would take"));
}
