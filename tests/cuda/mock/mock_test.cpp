#include "cuda/mock/mock.hpp"

#include "catch.hpp"
#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace sinter;

/// y = x + x of 64 floats; one that copies shared memory; one that writes beside its memory.
constexpr auto text = R"(
  KERNEL(64) void twice(float const* x, float* y) { y[thread()] = x[thread()] + x[thread()]; }
  KERNEL(64) void beside(float const*, float* y) { y[64 + thread()] = 1; }
  KERNEL(64) void large(float const* x, float* y) {
    SHARED_MEMORY(float, memory);
    memory[16383] = x[0];
    y[0] = memory[16383];
  }
)";

// NOLINTBEGIN(clang-analyzer-core.CallAndMessage): the tables are whole.
std::string compile(nvrtc const& n, std::string const& source, std::vector<char const*> const& options, int& result) {
  void* program = nullptr;
  n.create_program(&program, source.c_str(), "kernels.cu", 0, nullptr, nullptr);
  result = n.compile_program(program, static_cast<int>(options.size()), options.data());
  std::size_t bytes = 0;
  (result == 0 ? n.get_cubin_size : n.get_program_log_size)(program, &bytes);
  std::string out(bytes, '\0');
  (result == 0 ? n.get_cubin : n.get_program_log)(program, out.data());
  n.destroy_program(&program);
  return out;
}
// NOLINTEND(clang-analyzer-core.CallAndMessage)

/// The code of `text`, compiled once.
std::string const& cubin() {
  static auto const bytes = [] {
    cuda_mock::device const gpu;
    int result = 0;
    auto code = compile(gpu.compiler(), text, {"-arch=sm_80", "-std=c++17", "-fmad=false"}, result);
    REQUIRE(result == 0);
    return code;
  }();
  return bytes;
}

/// A driver with a context, the code, a stream, and memory for 64 floats twice.
struct session {
  cuda_mock::device gpu;
  cuda_driver d;
  void *context = nullptr, *module = nullptr, *stream = nullptr;
  cuda_pointer x = 0, y = 0;
  std::vector<float> ones = std::vector<float>(64, 1.0f), out = std::vector<float>(64, 0.0f);

  explicit session(cuda_mock::settings s = {.capability = 86}) : gpu((cubin(), std::move(s))), d(gpu.driver()) {
    REQUIRE(d.init(0) == 0);
    REQUIRE(d.primary_ctx_retain(&context, 0) == 0);
    REQUIRE(d.ctx_push_current(context) == 0);
    REQUIRE(d.module_load_data(&module, cubin().data()) == 0);
    REQUIRE(d.stream_create(&stream, cuda_api::stream_non_blocking) == 0);
    REQUIRE(d.mem_alloc(&x, 256) == 0);
    REQUIRE(d.mem_alloc(&y, 256) == 0);
  }
  ~session() { d.ctx_pop_current(&context); }

  void* function(char const* name) const {
    void* f = nullptr;
    REQUIRE(d.module_get_function(&f, module, name) == 0);
    return f;
  }
  int launch(char const* name, cuda_pointer from, cuda_pointer to, unsigned shared = 0, unsigned threads = 64) const {
    void* arguments[] = {&from, &to};
    return d.launch_kernel(function(name), 1, 1, 1, threads, 1, 1, shared, stream, arguments, nullptr);
  }
  int upload(cuda_pointer to, std::vector<float> const& from) const {
    return d.memcpy_htod_async(to, from.data(), from.size() * 4, stream);
  }
  int download(cuda_pointer from) { return d.memcpy_dtoh_async(out.data(), from, out.size() * 4, stream); }
  std::string text_of(int result) const {
    char const* message = nullptr;
    d.get_error_string(result, &message);
    return message ? message : "";
  }
};

}  // namespace

TEST_CASE("kernels run when their stream is waited for") {
  session s;
  CHECK(s.upload(s.x, s.ones) == 0);
  s.ones.assign(64, 7.0f);  // pageable memory was read
  CHECK(s.launch("twice", s.x, s.y) == 0);
  CHECK(std::isnan(*reinterpret_cast<float*>(s.y)));
  CHECK(s.download(s.y) == 0);
  CHECK(s.out == std::vector<float>(64, 2.0f));
  CHECK(s.gpu.calls("cuLaunchKernel") == 1);
}

TEST_CASE("work may be done when it is given") {
  session s({.capability = 80, .late = false});
  CHECK(s.upload(s.x, s.ones) == 0);
  CHECK(s.launch("twice", s.x, s.y) == 0);
  CHECK(*reinterpret_cast<float*>(s.y) == 2);
  CHECK(s.launch("beside", s.x, s.y) == cuda_mock::launch_failed);
}

TEST_CASE("pinned memory is read and written when the work is done") {
  session s;
  void *from = nullptr, *to = nullptr;
  CHECK(s.d.mem_host_alloc(&from, 256, 0) == 0);
  CHECK(s.d.mem_host_alloc(&to, 256, 0) == 0);
  auto* const written = static_cast<float*>(to);
  CHECK(s.d.memcpy_htod_async(s.x, from, 256, s.stream) == 0);
  CHECK(s.launch("twice", s.x, s.y) == 0);
  CHECK(s.d.memcpy_dtoh_async(to, s.y, 256, s.stream) == 0);
  std::memcpy(from, s.ones.data(), 256);
  CHECK(std::isnan(written[0]));
  void *start = nullptr, *done = nullptr, *silent = nullptr;
  CHECK(s.d.event_create(&start, 0) == 0);
  CHECK(s.d.event_create(&done, 0) == 0);
  CHECK(s.d.event_create(&silent, cuda_api::event_without_time) == 0);
  CHECK(s.d.event_record(start, s.stream) == 0);
  CHECK(s.d.event_record(done, s.stream) == 0);
  float milliseconds = -1;
  CHECK(s.d.event_elapsed_time(&milliseconds, start, done) == cuda_mock::not_ready);
  CHECK(s.d.event_elapsed_time(&milliseconds, start, silent) == cuda_mock::invalid_handle);
  CHECK(s.d.event_synchronize(done) == 0);
  CHECK(written[63] == 2);
  CHECK(s.d.event_elapsed_time(&milliseconds, start, done) == 0);
  CHECK(milliseconds >= 0);

  unsigned type = 0;
  int local = 0;
  CHECK(s.d.pointer_get_attribute(&type, cuda_api::pointer_memory_type, reinterpret_cast<cuda_pointer>(to)) == 0);
  CHECK(type == cuda_api::memory_type_host);
  CHECK(s.d.pointer_get_attribute(&type, cuda_api::pointer_memory_type, s.x + 255) == 0);
  CHECK(type == cuda_api::memory_type_device);
  CHECK(s.d.pointer_get_attribute(&type, cuda_api::pointer_memory_type, reinterpret_cast<cuda_pointer>(&local)) ==
        cuda_api::invalid_value);
}

TEST_CASE("graphs replay what was captured, with arguments that can be changed") {
  session s;
  cuda_pointer z = 0;
  REQUIRE(s.d.mem_alloc(&z, 256) == 0);
  CHECK(s.upload(s.x, s.ones) == 0);
  CHECK(s.d.stream_synchronize(s.stream) == 0);

  void *graph = nullptr, *executable = nullptr;
  int status = 0;
  std::uint64_t id = 0;
  void* const* nodes = nullptr;
  std::size_t count = 0;
  CHECK(s.d.stream_begin_capture(s.stream, cuda_api::capture_thread_local) == 0);
  CHECK(s.launch("twice", s.x, s.y) == 0);
  CHECK(s.launch("twice", s.y, z) == 0);
  CHECK(s.d.stream_get_capture_info(s.stream, &status, &id, &graph, &nodes, &count) == 0);
  CHECK(status == 1);
  REQUIRE(count == 1);
  auto* const last = nodes[0];
  CHECK(s.d.stream_end_capture(s.stream, &graph) == 0);
  CHECK(s.d.graph_instantiate(&executable, graph, 0) == 0);

  CHECK(s.d.graph_launch(executable, s.stream) == 0);
  CHECK(s.download(z) == 0);
  CHECK(s.out == std::vector<float>(64, 4.0f));

  void* arguments[] = {&s.y, &s.x};
  cuda_api::kernel_node params{.function = s.function("twice"), .block = {64, 1, 1}, .arguments = arguments};
  CHECK(s.d.graph_exec_kernel_node_set_params(executable, last, &params) == 0);
  CHECK(s.d.graph_exec_kernel_node_set_params(executable, nullptr, &params) == cuda_api::invalid_value);
  CHECK(s.d.graph_launch(executable, s.stream) == 0);
  CHECK(s.d.graph_launch(executable, s.stream) == 0);
  CHECK(s.download(s.x) == 0);
  CHECK(s.out == std::vector<float>(64, 16.0f));
  CHECK(s.d.graph_exec_destroy(executable) == 0);
  CHECK(s.d.graph_destroy(graph) == 0);
  CHECK(s.d.graph_destroy(graph) == cuda_mock::invalid_handle);
}

TEST_CASE("memory cannot be taken nor waited for while a stream captures") {
  session s;
  cuda_pointer z = 0;
  void* graph = nullptr;
  CHECK(s.d.stream_begin_capture(s.stream, cuda_api::capture_thread_local) == 0);
  std::thread([&] {  // others may
    CHECK(s.d.ctx_push_current(s.context) == 0);
    CHECK(s.d.mem_alloc(&z, 256) == 0);
  })
      .join();
  CHECK(s.d.mem_alloc(&z, 256) == cuda_mock::capture_unsupported);
  CHECK(s.d.stream_end_capture(s.stream, &graph) == cuda_mock::capture_invalidated);
  CHECK(s.d.stream_begin_capture(s.stream, cuda_api::capture_thread_local) == 0);
  CHECK(s.d.stream_synchronize(s.stream) == cuda_mock::capture_unsupported);
  CHECK(s.d.stream_end_capture(s.stream, &graph) == cuda_mock::capture_invalidated);
  CHECK(s.d.stream_begin_capture(nullptr, cuda_api::capture_thread_local) == cuda_mock::capture_unsupported);
}

TEST_CASE("launches beyond the limits of device or kernel are refused") {
  session s;
  CHECK(s.launch("twice", s.x, s.y, 0, 65) == cuda_mock::too_many_resources);
  CHECK(s.launch("twice", s.x, s.y, 0, 1025) == cuda_api::invalid_value);
  CHECK(s.launch("twice", s.x, s.y, 0, 0) == cuda_api::invalid_value);
  CHECK(s.launch("large", s.x, s.y, 65536) == cuda_api::invalid_value);
  auto* const large = s.function("large");
  CHECK(s.d.func_set_attribute(large, cuda_api::function_dynamic_shared_bytes, 228 << 10) == cuda_api::invalid_value);
  CHECK(s.d.func_set_attribute(large, cuda_api::function_dynamic_shared_bytes, 65536) == 0);
  CHECK(s.launch("large", s.x, s.y, 65536) == 0);
  CHECK(s.d.stream_synchronize(s.stream) == 0);
  void* arguments[] = {&s.x, &s.y};
  CHECK(s.d.launch_kernel(large, 1, 65536, 1, 64, 1, 1, 0, s.stream, arguments, nullptr) == cuda_api::invalid_value);
  CHECK(s.d.launch_kernel(large, 1, 1, 1, 32, 2, 1, 0, s.stream, arguments, nullptr) == cuda_api::invalid_value);
  CHECK(s.d.launch_kernel(&s, 1, 1, 1, 64, 1, 1, 0, s.stream, arguments, nullptr) == cuda_mock::invalid_handle);

  cuda_api::launch_attribute overlap{.id = cuda_api::launch_programmatic, .value = 1};
  cuda_api::launch_config config{.block = {64, 1, 1}, .stream = s.stream};
  CHECK(s.d.launch_kernel_ex(&config, s.function("twice"), arguments, nullptr) == 0);
  config.attributes = &overlap;
  config.attribute_count = 1;
  CHECK(s.d.launch_kernel_ex(&config, s.function("twice"), arguments, nullptr) == cuda_api::invalid_value);  // sm_86
}

TEST_CASE("work that fails makes all that follows fail, and says why") {
  session s;
  CHECK(s.launch("beside", s.x, s.y) == 0);
  auto const result = s.d.stream_synchronize(s.stream);
  CHECK(result == cuda_mock::launch_failed);
  CHECK_THAT(s.text_of(result), says("kernel beside, block (0, 0, 0): thread 0: illegal address, 0 bytes behind"));
  CHECK(s.upload(s.x, s.ones) == result);
  CHECK(s.d.mem_free(s.x) == result);
}

TEST_CASE("pointers of the host and unloaded code are found when a kernel runs") {
  SECTION("host") {
    session s;
    CHECK(s.launch("twice", reinterpret_cast<cuda_pointer>(s.ones.data()), s.y) == 0);
    CHECK_THAT(s.text_of(s.d.stream_synchronize(s.stream)), says("argument 0 does not point to memory of the device"));
  }
  SECTION("code") {
    session s;
    CHECK(s.launch("twice", s.x, s.y) == 0);
    CHECK(s.d.module_unload(s.module) == 0);
    CHECK_THAT(s.text_of(s.d.stream_synchronize(s.stream)), says("a kernel of an unloaded module"));
  }
}

TEST_CASE("memory has an end, and what is freed is not used") {
  session s({.capability = 80, .memory_bytes = 1024});
  cuda_pointer z = 0;
  std::size_t left = 0, total = 0;
  CHECK(s.d.mem_get_info(&left, &total) == 0);
  CHECK((left == 512 && total == 1024));
  CHECK(s.d.mem_alloc(&z, 513) == cuda_api::out_of_memory);
  CHECK(s.d.mem_alloc(&z, 0) == cuda_api::invalid_value);
  CHECK(s.d.mem_alloc(&z, 512) == 0);
  CHECK(z % 256 == 0);
  CHECK(s.d.mem_free(z) == 0);
  CHECK(s.d.mem_free(z) == cuda_api::invalid_value);
  CHECK(s.upload(z, s.ones) == cuda_api::invalid_value);
  CHECK(s.d.memcpy_dtod_async(s.x + 4, s.y, 256, s.stream) == cuda_api::invalid_value);
  CHECK(s.d.memcpy_dtod_async(s.x, s.y, 256, s.stream) == 0);
}

TEST_CASE("machines on which CUDA does not work") {
  int count = 0;
  SECTION("no device") {
    cuda_mock::device const gpu({.devices = 0});
    CHECK(gpu.driver().init(0) == cuda_api::no_device);
  }
  SECTION("not started") {
    cuda_mock::device const gpu;
    CHECK(gpu.driver().device_get_count(&count) == cuda_mock::not_initialized);
  }
  SECTION("no context") {
    cuda_mock::device const gpu;
    auto const d = gpu.driver();
    cuda_pointer memory = 0;
    CHECK(d.init(0) == 0);
    CHECK(d.device_get_count(&count) == 0);
    CHECK(count == 1);
    CHECK(d.mem_alloc(&memory, 1) == cuda_mock::invalid_context);
  }
  SECTION("functions that the driver lacks") {
    cuda_mock::device const gpu({.missing_symbols = {"cuLaunchKernelEx", "nvrtcVersion"}});
    CHECK(gpu.driver().launch_kernel_ex == nullptr);
    CHECK(gpu.driver().launch_kernel != nullptr);
    CHECK(gpu.compiler().version == nullptr);
  }
  SECTION("a function that fails from some call on") {
    session s;
    s.gpu.fail("cuMemAlloc_v2", cuda_api::out_of_memory, 1);
    cuda_pointer memory = 0;
    CHECK(s.d.mem_alloc(&memory, 1) == 0);
    CHECK(s.d.mem_alloc(&memory, 1) == cuda_api::out_of_memory);
  }
}

TEST_CASE("code is of an architecture that the device runs") {
  int result = 0;
  SECTION("loading") {
    for (auto const& [capability, expected] : {std::pair{80, 0}, {89, 0}, {75, 209}, {90, 209}}) {
      cuda_mock::device const gpu((cubin(), cuda_mock::settings{.capability = capability}));
      auto const d = gpu.driver();
      void *context = nullptr, *module = nullptr, *function = nullptr;
      d.init(0);
      d.primary_ctx_retain(&context, 0);
      d.ctx_push_current(context);
      CHECK(d.module_load_data(&module, cubin().data()) == expected);
      CHECK(d.module_load_data(&function, "what is no code") == cuda_mock::invalid_image);
      if (expected == 0) {
        CHECK(d.module_get_function(&function, module, "none") == cuda_mock::not_found);
        CHECK(gpu.live_things() == 2);
        CHECK(d.module_unload(module) == 0);
      }
      CHECK(d.ctx_pop_current(&context) == 0);
      CHECK(d.primary_ctx_release(0) == 0);
      CHECK(gpu.live_things() == 0);
    }
  }
  SECTION("compiling") {
    cuda_mock::device const gpu;
    auto const n = gpu.compiler();
    CHECK_THAT(compile(n, "", {"-arch=sm_91"}, result), says("invalid option: -arch=sm_91"));
    CHECK(result == 5);
    CHECK_THAT(compile(n, "", {"-arch=sm_90", "-fast"}, result), says("-fast"));
    CHECK_THAT(compile(n, "KERNEL(1) void bad() { nothing(); }", {"-arch=sm_90"}, result), says("nothing"));
    CHECK(result == 6);
    CHECK(n.get_error_string(result) == std::string("NVRTC_ERROR_COMPILATION"));
  }
}
