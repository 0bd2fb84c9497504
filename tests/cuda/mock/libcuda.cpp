#include "mock.hpp"
#include <cstdlib>
#include <fstream>
#include <string>
#include <tuple>
#include <type_traits>

/// The mock driver as the library libcuda.so.1, for programs that load the driver of the system. From the environment:
/// SINTER_MOCK_CAPABILITY (90 for 9.0), SINTER_MOCK_DEVICES, and SINTER_MOCK_LOG, a file that gets at the end a line
/// for each function, its name and how often it was called, and "left N", the things that were not given back.
namespace {

int number_of(char const* name, int otherwise) {
  auto const* const text = std::getenv(name);
  return text ? std::atoi(text) : otherwise;
}

/// The device of the process.
struct process_device {
  cuda_mock::device gpu{
      {.devices = number_of("SINTER_MOCK_DEVICES", 1), .capability = number_of("SINTER_MOCK_CAPABILITY", 90)}};
  sinter::cuda_driver driver = gpu.driver();

  process_device() = default;
  process_device(process_device const&) = delete;
  ~process_device() {
    auto const* const log = std::getenv("SINTER_MOCK_LOG");
    if (!log) return;
    std::ofstream out(log);
    for_each_symbol(driver,
                    [&](char const* symbol, auto&, bool) { out << symbol << ' ' << gpu.calls(symbol) << '\n'; });
    out << "left " << gpu.live_things() << '\n';
  }
};

sinter::cuda_driver const& driver() {
  static process_device const device;
  return device.driver;
}

template <class function>
struct parameters_of;
template <class... types>
struct parameters_of<int (*)(types...)> {
  using type = std::tuple<types...>;
};
/// The type of a parameter of a function of the table.
template <auto function, std::size_t i>
using parameter =
    std::tuple_element_t<i, typename parameters_of<std::remove_cvref_t<decltype(driver().*function)>>::type>;

}  // namespace

// EXPORT_n(symbol, function): a function of n parameters.
#define P(function, i) parameter<&sinter::cuda_driver::function, i>
#define EXPORT_1(symbol, f) \
  extern "C" int symbol(P(f, 0) a) { return driver().f(a); }
#define EXPORT_2(symbol, f) \
  extern "C" int symbol(P(f, 0) a, P(f, 1) b) { return driver().f(a, b); }
#define EXPORT_3(symbol, f) \
  extern "C" int symbol(P(f, 0) a, P(f, 1) b, P(f, 2) c) { return driver().f(a, b, c); }
#define EXPORT_4(symbol, f) \
  extern "C" int symbol(P(f, 0) a, P(f, 1) b, P(f, 2) c, P(f, 3) d) { return driver().f(a, b, c, d); }
#define EXPORT_6(symbol, f)                                                                 \
  extern "C" int symbol(P(f, 0) a, P(f, 1) b, P(f, 2) c, P(f, 3) d, P(f, 4) e, P(f, 5) g) { \
    return driver().f(a, b, c, d, e, g);                                                    \
  }

EXPORT_1(cuInit, init)
EXPORT_1(cuDriverGetVersion, driver_get_version)
EXPORT_2(cuGetErrorString, get_error_string)
EXPORT_1(cuDeviceGetCount, device_get_count)
EXPORT_2(cuDeviceGet, device_get)
EXPORT_3(cuDeviceGetName, device_get_name)
EXPORT_3(cuDeviceGetAttribute, device_get_attribute)
EXPORT_2(cuDeviceTotalMem_v2, device_total_mem)
EXPORT_2(cuDevicePrimaryCtxRetain, primary_ctx_retain)
EXPORT_1(cuDevicePrimaryCtxRelease_v2, primary_ctx_release)
EXPORT_1(cuCtxPushCurrent_v2, ctx_push_current)
EXPORT_1(cuCtxPopCurrent_v2, ctx_pop_current)
EXPORT_2(cuMemGetInfo_v2, mem_get_info)
EXPORT_2(cuMemAlloc_v2, mem_alloc)
EXPORT_1(cuMemFree_v2, mem_free)
EXPORT_3(cuMemHostAlloc, mem_host_alloc)
EXPORT_1(cuMemFreeHost, mem_free_host)
EXPORT_4(cuMemcpyHtoDAsync_v2, memcpy_htod_async)
EXPORT_4(cuMemcpyDtoHAsync_v2, memcpy_dtoh_async)
EXPORT_4(cuMemcpyDtoDAsync_v2, memcpy_dtod_async)
EXPORT_3(cuPointerGetAttribute, pointer_get_attribute)
EXPORT_2(cuModuleLoadData, module_load_data)
EXPORT_1(cuModuleUnload, module_unload)
EXPORT_3(cuModuleGetFunction, module_get_function)
EXPORT_3(cuFuncSetAttribute, func_set_attribute)
EXPORT_2(cuStreamCreate, stream_create)
EXPORT_1(cuStreamDestroy_v2, stream_destroy)
EXPORT_1(cuStreamSynchronize, stream_synchronize)
EXPORT_3(cuStreamWaitEvent, stream_wait_event)
EXPORT_2(cuEventCreate, event_create)
EXPORT_2(cuEventRecord, event_record)
EXPORT_1(cuEventSynchronize, event_synchronize)
EXPORT_1(cuEventDestroy_v2, event_destroy)
EXPORT_3(cuEventElapsedTime, event_elapsed_time)
EXPORT_4(cuLaunchKernelEx, launch_kernel_ex)
EXPORT_2(cuStreamBeginCapture_v2, stream_begin_capture)
EXPORT_6(cuStreamGetCaptureInfo_v2, stream_get_capture_info)
EXPORT_2(cuStreamEndCapture, stream_end_capture)
EXPORT_3(cuGraphInstantiateWithFlags, graph_instantiate)
EXPORT_2(cuGraphLaunch, graph_launch)
EXPORT_1(cuGraphExecDestroy, graph_exec_destroy)
EXPORT_1(cuGraphDestroy, graph_destroy)
EXPORT_3(cuGraphExecKernelNodeSetParams_v2, graph_exec_kernel_node_set_params)
extern "C" int cuLaunchKernel(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                              unsigned block_y, unsigned block_z, unsigned shared_bytes, void* stream, void** arguments,
                              void** extra) {
  return driver().launch_kernel(function, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes, stream,
                                arguments, extra);
}
