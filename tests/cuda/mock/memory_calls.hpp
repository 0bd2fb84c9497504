#pragma once

#include "machine.hpp"
#include <cstring>
#include <string>

/// Memory of the device and of the host, and copies. As in CUDA, pageable memory is read when the call is made and
/// written when it returns; pinned memory when the work is done.
namespace cuda_mock {

inline int allocate(machine& m, machine::memories& in, std::size_t bytes, machine::cuda_pointer& memory) {
  if (m.spoils_capture()) return capture_unsupported;
  if (bytes == 0) return sinter::cuda_api::invalid_value;
  auto made = std::make_unique<emulator::guarded_memory>(bytes);
  memory = reinterpret_cast<machine::cuda_pointer>(made->data());
  in[memory] = std::move(made);
  return sinter::cuda_api::success;
}

/// After all work, which may need it.
inline int release(machine& m, machine::memories& in, machine::cuda_pointer memory) {
  if (m.spoils_capture()) return capture_unsupported;
  auto const found = in.find(memory);
  if (found == in.end()) return sinter::cuda_api::invalid_value;
  auto const result = m.finish_all();
  if (&in == &m.device_memory) m.used_bytes -= found->second->size();
  in.erase(found);
  return result;
}

inline void fill_memory_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  using sinter::cuda_pointer;
  d.mem_get_info = [](std::size_t* left, std::size_t* total) {
    return call("cuMemGetInfo_v2", [&](machine& m) {
      *total = m.how.memory_bytes;
      *left = *total - m.used_bytes;
      return success;
    });
  };
  d.mem_alloc = [](cuda_pointer* memory, std::size_t bytes) {
    return call("cuMemAlloc_v2", [&](machine& m) {
      if (bytes > m.how.memory_bytes - m.used_bytes) return out_of_memory;
      auto const result = allocate(m, m.device_memory, bytes, *memory);
      if (result == success) m.used_bytes += bytes;
      return result;
    });
  };
  d.mem_free = [](cuda_pointer memory) {
    return call("cuMemFree_v2", [&](machine& m) { return release(m, m.device_memory, memory); });
  };
  d.mem_host_alloc = [](void** memory, std::size_t bytes, unsigned) {
    return call("cuMemHostAlloc", [&](machine& m) {
      cuda_pointer made = 0;
      auto const result = allocate(m, m.pinned_memory, bytes, made);
      *memory = reinterpret_cast<void*>(made);
      return result;
    });
  };
  d.mem_free_host = [](void* memory) {
    return call("cuMemFreeHost",
                [&](machine& m) { return release(m, m.pinned_memory, reinterpret_cast<cuda_pointer>(memory)); });
  };
  d.pointer_get_attribute = [](void* value, int attribute, cuda_pointer pointer) {
    return call("cuPointerGetAttribute", [&](machine& m) {
      auto const is_device = m.is_device(pointer, 1);
      if (!is_device && !m.is_pinned(reinterpret_cast<void*>(pointer), 1)) return invalid_value;
      if (attribute == pointer_device) return *static_cast<int*>(value) = 0, success;
      if (attribute != pointer_memory_type) return invalid_value;
      *static_cast<unsigned*>(value) = is_device ? memory_type_device : memory_type_host;
      return success;
    });
  };
}

inline void fill_copy_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  using sinter::cuda_pointer;
  d.memcpy_htod_async = [](cuda_pointer to, void const* from, std::size_t bytes, void* handle) {
    return call("cuMemcpyHtoDAsync_v2", [&](machine& m) {
      auto* const s = m.find_stream(handle);
      if (!s || !m.is_device(to, bytes)) return s ? invalid_value : static_cast<int>(invalid_handle);
      auto* const target = reinterpret_cast<void*>(to);
      if (s->captured || m.is_pinned(from, bytes)) return m.give(*s, {[=] { std::memcpy(target, from, bytes); }});
      auto kept = std::string(static_cast<char const*>(from), bytes);
      return m.give(*s, {[target, kept = std::move(kept)] { std::memcpy(target, kept.data(), kept.size()); }});
    });
  };
  d.memcpy_dtoh_async = [](void* to, cuda_pointer from, std::size_t bytes, void* handle) {
    return call("cuMemcpyDtoHAsync_v2", [&](machine& m) {
      auto* const s = m.find_stream(handle);
      if (!s || !m.is_device(from, bytes)) return s ? invalid_value : static_cast<int>(invalid_handle);
      auto const result = m.give(*s, {[=] { std::memcpy(to, reinterpret_cast<void const*>(from), bytes); }});
      return s->captured || m.is_pinned(to, bytes) ? result : m.finish(*s);
    });
  };
  d.memcpy_dtod_async = [](cuda_pointer to, cuda_pointer from, std::size_t bytes, void* handle) {
    return call("cuMemcpyDtoDAsync_v2", [&](machine& m) {
      auto* const s = m.find_stream(handle);
      if (!s) return static_cast<int>(invalid_handle);
      if (!m.is_device(to, bytes) || !m.is_device(from, bytes)) return invalid_value;
      return m.give(*s, {[=] { std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes); }});
    });
  };
}

}  // namespace cuda_mock
