#pragma once

#include <cstddef>
#include <cstdint>

/// The driver API of CUDA as a table of functions with the C signatures of the driver in plain types: results are `int`
/// (0: success), handles are `void*`, device pointers are 64-bit numbers. Nothing of CUDA is needed to build.
namespace sinter {

/// A pointer into the memory of a CUDA device.
using cuda_pointer = std::uint64_t;

/// Numbers of the driver API that the library uses.
namespace cuda_api {

inline constexpr int success = 0;
inline constexpr int invalid_value = 1;
inline constexpr int out_of_memory = 2;
inline constexpr int stub_library = 34;  ///< what a toolkit's libcuda answers, which only serves to link
inline constexpr int no_device = 100;
inline constexpr int no_binary_for_gpu = 209;
inline constexpr int unsupported_version = 222;

inline constexpr int attribute_major = 75;  ///< of the compute capability
inline constexpr int attribute_minor = 76;
inline constexpr int attribute_shared_bytes = 97;  ///< most that a block can share
inline constexpr int function_dynamic_shared_bytes = 8;
inline constexpr int pointer_memory_type = 2;
inline constexpr int pointer_device = 9;
inline constexpr unsigned memory_type_host = 1;
inline constexpr unsigned memory_type_device = 2;
inline constexpr unsigned stream_non_blocking = 1;
inline constexpr unsigned event_without_time = 2;
inline constexpr int capture_thread_local = 1;
inline constexpr unsigned launch_programmatic = 6;  ///< programmatic stream serialization

/// CUlaunchAttribute.
struct launch_attribute {
  unsigned id = 0;
  unsigned pad = 0;
  int value = 0;
  unsigned rest[15] = {};
};
static_assert(sizeof(launch_attribute) == 72);

/// CUlaunchConfig.
struct launch_config {
  unsigned grid[3] = {1, 1, 1};
  unsigned block[3] = {1, 1, 1};
  unsigned shared_bytes = 0;
  void* stream = nullptr;
  launch_attribute* attributes = nullptr;
  unsigned attribute_count = 0;
};
static_assert(sizeof(launch_config) == 56);

/// CUDA_KERNEL_NODE_PARAMS_v2.
struct kernel_node {
  void* function = nullptr;
  unsigned grid[3] = {1, 1, 1};
  unsigned block[3] = {1, 1, 1};
  unsigned shared_bytes = 0;
  void** arguments = nullptr;
  void** extra = nullptr;
  void* kernel = nullptr;
  void* context = nullptr;
};
static_assert(sizeof(kernel_node) == 72);

}  // namespace cuda_api

/// Functions of the driver; names are those of the API without `cu`. Those that drivers since 11.4 lack may be null;
/// they are marked.
struct cuda_driver {
  int (*init)(unsigned flags) = nullptr;
  int (*driver_get_version)(int* version) = nullptr;
  int (*get_error_string)(int result, char const** text) = nullptr;

  int (*device_get_count)(int* count) = nullptr;
  int (*device_get)(int* device, int ordinal) = nullptr;
  int (*device_get_name)(char* name, int bytes, int device) = nullptr;
  int (*device_get_attribute)(int* value, int attribute, int device) = nullptr;
  int (*device_total_mem)(std::size_t* bytes, int device) = nullptr;

  int (*primary_ctx_retain)(void** context, int device) = nullptr;
  int (*primary_ctx_release)(int device) = nullptr;
  int (*ctx_push_current)(void* context) = nullptr;
  int (*ctx_pop_current)(void** context) = nullptr;

  int (*mem_get_info)(std::size_t* left, std::size_t* total) = nullptr;
  int (*mem_alloc)(cuda_pointer* memory, std::size_t bytes) = nullptr;
  int (*mem_free)(cuda_pointer memory) = nullptr;
  int (*mem_host_alloc)(void** memory, std::size_t bytes, unsigned flags) = nullptr;
  int (*mem_free_host)(void* memory) = nullptr;
  int (*memcpy_htod_async)(cuda_pointer to, void const* from, std::size_t bytes, void* stream) = nullptr;
  int (*memcpy_dtoh_async)(void* to, cuda_pointer from, std::size_t bytes, void* stream) = nullptr;
  int (*memcpy_dtod_async)(cuda_pointer to, cuda_pointer from, std::size_t bytes, void* stream) = nullptr;
  int (*pointer_get_attribute)(void* value, int attribute, cuda_pointer pointer) = nullptr;

  int (*module_load_data)(void** module, void const* image) = nullptr;
  int (*module_unload)(void* module) = nullptr;
  int (*module_get_function)(void** function, void* module, char const* name) = nullptr;
  int (*func_set_attribute)(void* function, int attribute, int value) = nullptr;

  int (*stream_create)(void** stream, unsigned flags) = nullptr;
  int (*stream_destroy)(void* stream) = nullptr;
  int (*stream_synchronize)(void* stream) = nullptr;
  int (*stream_wait_event)(void* stream, void* event, unsigned flags) = nullptr;
  int (*event_create)(void** event, unsigned flags) = nullptr;
  int (*event_record)(void* event, void* stream) = nullptr;
  int (*event_synchronize)(void* event) = nullptr;
  int (*event_destroy)(void* event) = nullptr;
  int (*event_elapsed_time)(float* milliseconds, void* start, void* end) = nullptr;

  int (*launch_kernel)(void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                       unsigned block_y, unsigned block_z, unsigned shared_bytes, void* stream, void** arguments,
                       void** extra) = nullptr;
  /// Since 11.8; may be null.
  int (*launch_kernel_ex)(cuda_api::launch_config const* config, void* function, void** arguments,
                          void** extra) = nullptr;

  int (*stream_begin_capture)(void* stream, int mode) = nullptr;
  /// `nodes`: what the next work that is captured waits for, so the latest. Since 11.3; may be null.
  int (*stream_get_capture_info)(void* stream, int* status, std::uint64_t* id, void** graph, void* const** nodes,
                                 std::size_t* node_count) = nullptr;
  int (*stream_end_capture)(void* stream, void** graph) = nullptr;
  int (*graph_instantiate)(void** executable, void* graph, unsigned long long flags) = nullptr;
  int (*graph_launch)(void* executable, void* stream) = nullptr;
  int (*graph_exec_destroy)(void* executable) = nullptr;
  int (*graph_destroy)(void* graph) = nullptr;
  /// Since 12.0; may be null.
  int (*graph_exec_kernel_node_set_params)(void* executable, void* node, cuda_api::kernel_node const* params) = nullptr;
};

/// Calls `visit(symbol, function, needed)` for each function of a table: `symbol` is the name that the driver exports
/// for the signature above.
template <typename Visit>
void for_each_symbol(cuda_driver& d, Visit&& visit) {
  visit("cuInit", d.init, true);
  visit("cuDriverGetVersion", d.driver_get_version, true);
  visit("cuGetErrorString", d.get_error_string, true);
  visit("cuDeviceGetCount", d.device_get_count, true);
  visit("cuDeviceGet", d.device_get, true);
  visit("cuDeviceGetName", d.device_get_name, true);
  visit("cuDeviceGetAttribute", d.device_get_attribute, true);
  visit("cuDeviceTotalMem_v2", d.device_total_mem, true);
  visit("cuDevicePrimaryCtxRetain", d.primary_ctx_retain, true);
  visit("cuDevicePrimaryCtxRelease_v2", d.primary_ctx_release, true);
  visit("cuCtxPushCurrent_v2", d.ctx_push_current, true);
  visit("cuCtxPopCurrent_v2", d.ctx_pop_current, true);
  visit("cuMemGetInfo_v2", d.mem_get_info, true);
  visit("cuMemAlloc_v2", d.mem_alloc, true);
  visit("cuMemFree_v2", d.mem_free, true);
  visit("cuMemHostAlloc", d.mem_host_alloc, true);
  visit("cuMemFreeHost", d.mem_free_host, true);
  visit("cuMemcpyHtoDAsync_v2", d.memcpy_htod_async, true);
  visit("cuMemcpyDtoHAsync_v2", d.memcpy_dtoh_async, true);
  visit("cuMemcpyDtoDAsync_v2", d.memcpy_dtod_async, true);
  visit("cuPointerGetAttribute", d.pointer_get_attribute, true);
  visit("cuModuleLoadData", d.module_load_data, true);
  visit("cuModuleUnload", d.module_unload, true);
  visit("cuModuleGetFunction", d.module_get_function, true);
  visit("cuFuncSetAttribute", d.func_set_attribute, true);
  visit("cuStreamCreate", d.stream_create, true);
  visit("cuStreamDestroy_v2", d.stream_destroy, true);
  visit("cuStreamSynchronize", d.stream_synchronize, true);
  visit("cuStreamWaitEvent", d.stream_wait_event, true);
  visit("cuEventCreate", d.event_create, true);
  visit("cuEventRecord", d.event_record, true);
  visit("cuEventSynchronize", d.event_synchronize, true);
  visit("cuEventDestroy_v2", d.event_destroy, true);
  visit("cuEventElapsedTime", d.event_elapsed_time, true);
  visit("cuLaunchKernel", d.launch_kernel, true);
  visit("cuLaunchKernelEx", d.launch_kernel_ex, false);
  visit("cuStreamBeginCapture_v2", d.stream_begin_capture, true);
  visit("cuStreamGetCaptureInfo_v2", d.stream_get_capture_info, false);
  visit("cuStreamEndCapture", d.stream_end_capture, true);
  visit("cuGraphInstantiateWithFlags", d.graph_instantiate, true);
  visit("cuGraphLaunch", d.graph_launch, true);
  visit("cuGraphExecDestroy", d.graph_exec_destroy, true);
  visit("cuGraphDestroy", d.graph_destroy, true);
  visit("cuGraphExecKernelNodeSetParams_v2", d.graph_exec_kernel_node_set_params, false);
}

}  // namespace sinter
