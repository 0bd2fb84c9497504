#pragma once

#include "machine.hpp"
#include <algorithm>
#include <cstring>

/// The driver, its devices and their contexts.
namespace cuda_mock {

inline char const* text_of(int result) {
  switch (result) {
    case sinter::cuda_api::success: return "no error";
    case sinter::cuda_api::invalid_value: return "invalid argument";
    case sinter::cuda_api::out_of_memory: return "out of memory";
    case sinter::cuda_api::no_device: return "no CUDA-capable device is detected";
    case sinter::cuda_api::no_binary_for_gpu: return "no kernel image is available for execution on the device";
    case not_initialized: return "initialization error";
    case invalid_image: return "device kernel image is invalid";
    case invalid_context: return "invalid device context";
    case invalid_handle: return "invalid resource handle";
    case not_found: return "named symbol not found";
    case not_ready: return "device not ready";
    case too_many_resources: return "too many resources requested for launch";
    case launch_failed: return "unspecified launch failure";
    case capture_unsupported: return "operation not permitted when stream is capturing";
    case capture_invalidated: return "operation failed due to a previous error during capture";
    default: return nullptr;
  }
}

inline void fill_device_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  d.init = [](unsigned) {
    auto& m = *machine::current();
    m.started = m.how.devices > 0;
    auto const refused = m.refusal("cuInit", false);
    return m.started ? refused : no_device;
  };
  d.driver_get_version = [](int* version) {
    *version = machine::current()->how.driver_version;
    return success;
  };
  /// Work that failed: what the emulator says.
  d.get_error_string = [](int result, char const** text) {
    auto const& m = *machine::current();
    *text = result == m.failed && result != success ? m.failure.c_str() : text_of(result);
    return *text ? success : invalid_value;
  };
  d.device_get_count = [](int* count) {
    return call_without_context("cuDeviceGetCount", [&](machine& m) { return *count = m.how.devices, success; });
  };
  d.device_get = [](int* device, int ordinal) {
    return call_without_context("cuDeviceGet", [&](machine& m) {
      *device = ordinal;
      return ordinal >= 0 && ordinal < m.how.devices ? success : 101;
    });
  };
  d.device_get_name = [](char* name, int bytes, int) {
    return call_without_context("cuDeviceGetName", [&](machine& m) {
      std::strncpy(name, m.how.name.c_str(), static_cast<std::size_t>(bytes));
      return success;
    });
  };
  d.device_get_attribute = [](int* value, int attribute, int) {
    return call_without_context("cuDeviceGetAttribute", [&](machine& m) {
      switch (attribute) {
        case attribute_major: *value = m.how.capability / 10; return success;
        case attribute_minor: *value = m.how.capability % 10; return success;
        case attribute_shared_bytes: *value = m.how.shared_bytes; return success;
        default: return invalid_value;
      }
    });
  };
  d.device_total_mem = [](std::size_t* bytes, int) {
    return call_without_context("cuDeviceTotalMem_v2",
                                [&](machine& m) { return *bytes = m.how.memory_bytes, success; });
  };
}

inline void fill_context_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  d.primary_ctx_retain = [](void** context, int) {
    return call_without_context("cuDevicePrimaryCtxRetain", [&](machine& m) {
      ++m.retained_contexts;
      *context = &m;
      return success;
    });
  };
  d.primary_ctx_release = [](int) {
    return call_without_context("cuDevicePrimaryCtxRelease_v2", [](machine& m) {
      return m.retained_contexts-- > 0 ? success : static_cast<int>(invalid_context);
    });
  };
  d.ctx_push_current = [](void* context) {
    return call_without_context("cuCtxPushCurrent_v2", [&](machine& m) {
      if (context != &m || m.retained_contexts == 0) return static_cast<int>(invalid_context);
      machine::contexts().push_back(context);
      return success;
    });
  };
  d.ctx_pop_current = [](void** context) {
    return call_without_context("cuCtxPopCurrent_v2", [&](machine&) {
      if (machine::contexts().empty()) return static_cast<int>(invalid_context);
      *context = machine::contexts().back();
      machine::contexts().pop_back();
      return success;
    });
  };
}

}  // namespace cuda_mock
