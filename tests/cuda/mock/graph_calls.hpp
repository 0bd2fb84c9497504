#pragma once

#include "machine.hpp"
#include "module_calls.hpp"
#include <algorithm>
#include <cstdint>
#include <memory>

/// Graphs of work that streams capture; their nodes follow each other.
namespace cuda_mock {

inline void fill_capture_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  d.stream_begin_capture = [](void* handle, int) {
    return call("cuStreamBeginCapture_v2", [&](machine& m) {
      auto* const s = m.streams.find(handle);  // not the default one
      if (!s) return static_cast<int>(capture_unsupported);
      if (s->captured) return invalid_value;
      s->captured = m.graphs.add(std::make_unique<graph>());
      s->capture_failed = false;
      s->latest_node = nullptr;
      m.capturing = std::this_thread::get_id();
      return success;
    });
  };
  d.stream_get_capture_info = [](void* handle, int* status, std::uint64_t* id, void** in, void* const** nodes,
                                 std::size_t* count) {
    return call("cuStreamGetCaptureInfo_v2", [&](machine& m) {
      auto* const s = m.find_stream(handle);
      if (!s) return static_cast<int>(invalid_handle);
      *status = !s->captured ? 0 : s->capture_failed ? 2 : 1;
      if (id) *id = 1;
      if (in) *in = s->captured;
      if (nodes) *nodes = &s->latest_node;
      if (count) *count = s->captured && s->latest_node ? 1 : 0;
      return success;
    });
  };
  d.stream_end_capture = [](void* handle, void** result) {
    return call("cuStreamEndCapture", [&](machine& m) {
      auto* const s = m.find_stream(handle);
      if (!s) return static_cast<int>(invalid_handle);
      if (!s->captured) return invalid_value;
      auto* const captured = std::exchange(s->captured, nullptr);
      m.capturing = {};
      *result = s->capture_failed ? nullptr : captured;
      if (!s->capture_failed) return success;
      m.graphs.remove(captured);
      return static_cast<int>(capture_invalidated);
    });
  };
}

inline void fill_graph_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  d.graph_instantiate = [](void** executable, void* from, unsigned long long) {
    return call("cuGraphInstantiateWithFlags", [&](machine& m) {
      auto const* const g = m.graphs.find(from);
      if (!g) return static_cast<int>(invalid_handle);
      auto made = std::make_unique<executable_graph>();
      for (auto const& node : g->nodes) made->nodes.emplace_back(node.get(), *node);
      *executable = m.executables.add(std::move(made));
      return success;
    });
  };
  d.graph_launch = [](void* executable, void* in) {
    return call("cuGraphLaunch", [&](machine& m) {
      auto const* const e = m.executables.find(executable);
      auto* const s = m.find_stream(in);
      if (!e || !s) return static_cast<int>(invalid_handle);
      auto result = success;
      for (auto const& node : e->nodes)
        if (result == success) result = m.give(*s, node.second);
      return result;
    });
  };
  d.graph_exec_destroy = [](void* executable) {
    return call("cuGraphExecDestroy", [&](machine& m) {
      return m.executables.remove(executable) ? success : static_cast<int>(invalid_handle);
    });
  };
  d.graph_destroy = [](void* handle) {
    return call("cuGraphDestroy",
                [&](machine& m) { return m.graphs.remove(handle) ? success : static_cast<int>(invalid_handle); });
  };
  d.graph_exec_kernel_node_set_params = [](void* executable, void* handle, kernel_node const* params) {
    return call("cuGraphExecKernelNodeSetParams_v2", [&](machine& m) {
      auto* const e = m.executables.find(executable);
      if (!e) return static_cast<int>(invalid_handle);
      auto const node =
          std::find_if(e->nodes.begin(), e->nodes.end(), [&](auto const& n) { return n.first == handle; });
      if (node == e->nodes.end() || !node->second.is_kernel) return invalid_value;
      return make_launch(m, params->function, params->grid, params->block, params->shared_bytes, params->arguments,
                         params->extra, node->second);
    });
  };
}

}  // namespace cuda_mock
