#pragma once

#include <sinter/program/device_kernel.hpp>
#include <sinter/runtime/cuda/device.hpp>
#include <sinter/runtime/cuda/driver.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>

#include <fmt/format.h>

#include "catch.hpp"
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// A driver and a compiler that only note what they are asked for; device memory is the host's. Work of a stream is
/// done as late as the driver may: when somebody waits for it.
namespace fake {

struct device {
  std::string name = "Fake 90";
  int capability = 90;
  std::size_t bytes = 1000;
};

struct stream {
  std::deque<std::function<void()>> work{};
  std::size_t given = 0, done = 0;
  std::vector<std::function<void()>>* captured = nullptr;
  std::vector<void*> nodes{};
  void give(std::function<void()> what) {
    if (captured) {
      captured->push_back(std::move(what));
      nodes.assign(1, reinterpret_cast<void*>(captured->size()));
      return;
    }
    work.push_back(std::move(what));
    ++given;
  }
  void run_until(std::size_t count) {
    for (; done < count && !work.empty(); ++done) {
      auto const next = std::move(work.front());
      work.pop_front();
      next();
    }
  }
};

struct event {
  stream* on = nullptr;
  std::size_t after = 0;
};

struct function {
  std::string name{};
  int shared_bytes = 48 << 10;
};

struct module {
  std::map<std::string, function> functions{};
};

/// All that the driver knows; a test makes one.
struct machine {
  static inline machine* here = nullptr;
  machine() { here = this; }
  ~machine() { here = nullptr; }

  std::vector<device> devices{device{}};
  int init_result = 0, version = 12080, load_result = 0, launch_result = 0, sync_result = 0;
  int contexts = 0, current = 0, streams = 0, events = 0, modules = 0, graphs = 0, executables = 0;
  std::size_t left = 1000;
  std::map<sinter::cuda_pointer, std::size_t> memory{};
  std::set<void const*> pinned{};
  std::vector<std::string> log{};  ///< what was done, in order
  stream default_stream{};
};

inline machine& here() { return *machine::here; }
inline stream& stream_at(void* s) { return s ? *static_cast<stream*>(s) : here().default_stream; }

inline void fill_devices(sinter::cuda_driver& d) {
  d.init = [](unsigned) { return here().init_result; };
  d.driver_get_version = [](int* v) { return *v = here().version, 0; };
  d.get_error_string = [](int result, char const** text) {
    *text = result == 700 ? "an illegal memory access was encountered" : "it does not work";
    return 0;
  };
  d.device_get_count = [](int* count) { return *count = static_cast<int>(here().devices.size()), 0; };
  d.device_get = [](int* device, int ordinal) { return *device = ordinal, 0; };
  d.device_get_name = [](char* name, int bytes, int i) {
    std::strncpy(name, here().devices[static_cast<std::size_t>(i)].name.c_str(), static_cast<std::size_t>(bytes));
    return 0;
  };
  d.device_get_attribute = [](int* value, int attribute, int i) {
    int const capability = here().devices[static_cast<std::size_t>(i)].capability;
    *value = attribute == sinter::cuda::attribute_major   ? capability / 10
             : attribute == sinter::cuda::attribute_minor ? capability % 10
                                                          : 227 << 10;
    return 0;
  };
  d.device_total_mem = [](std::size_t* bytes, int i) {
    return *bytes = here().devices[static_cast<std::size_t>(i)].bytes, 0;
  };
  d.primary_ctx_retain = [](void** context, int) { return ++here().contexts, *context = &here(), 0; };
  d.primary_ctx_release = [](int) { return --here().contexts, 0; };
  d.ctx_push_current = [](void*) { return ++here().current, 0; };
  d.ctx_pop_current = [](void**) { return --here().current, 0; };
}

inline void fill_memory(sinter::cuda_driver& d) {
  d.mem_get_info = [](std::size_t* left, std::size_t* total) { return *left = here().left, *total = 1000, 0; };
  d.mem_alloc = [](sinter::cuda_pointer* memory, std::size_t bytes) {
    if (here().current == 0) return 201;
    if (bytes > here().left) return sinter::cuda::out_of_memory;
    here().left -= bytes;
    *memory = reinterpret_cast<sinter::cuda_pointer>(std::malloc(bytes));
    here().memory[*memory] = bytes;
    return 0;
  };
  d.mem_free = [](sinter::cuda_pointer memory) {
    auto const found = here().memory.find(memory);
    if (found == here().memory.end() || here().current == 0) return 1;
    here().left += found->second;
    here().memory.erase(found);
    std::free(reinterpret_cast<void*>(memory));
    return 0;
  };
  d.mem_host_alloc = [](void** memory, std::size_t bytes, unsigned) {
    return *memory = std::malloc(bytes), here().pinned.insert(*memory), 0;
  };
  d.mem_free_host = [](void* memory) { return here().pinned.erase(memory), std::free(memory), 0; };
  d.memcpy_htod_async = [](sinter::cuda_pointer to, void const* from, std::size_t bytes, void* s) {
    auto* const target = reinterpret_cast<void*>(to);
    if (here().pinned.contains(from)) {
      stream_at(s).give([=] { std::memcpy(target, from, bytes); });
    } else {
      here().log.push_back(fmt::format("direct upload of {}", bytes));
      auto const copy = std::make_shared<std::string>(static_cast<char const*>(from), bytes);
      stream_at(s).give([=] { std::memcpy(target, copy->data(), bytes); });
    }
    return 0;
  };
  d.memcpy_dtoh_async = [](void* to, sinter::cuda_pointer from, std::size_t bytes, void* s) {
    if (!here().pinned.contains(to)) here().log.push_back(fmt::format("direct download of {}", bytes));
    stream_at(s).give([=] { std::memcpy(to, reinterpret_cast<void const*>(from), bytes); });
    return 0;
  };
  d.memcpy_dtod_async = [](sinter::cuda_pointer to, sinter::cuda_pointer from, std::size_t bytes, void* s) {
    stream_at(s).give([=] {
      here().log.push_back(fmt::format("copy of {}", bytes));
      std::memcpy(reinterpret_cast<void*>(to), reinterpret_cast<void const*>(from), bytes);
    });
    return 0;
  };
  d.pointer_get_attribute = [](void* value, int attribute, sinter::cuda_pointer p) {
    bool const is_pinned = here().pinned.contains(reinterpret_cast<void const*>(p));
    if (!is_pinned && !here().memory.contains(p)) return sinter::cuda::invalid_value;
    if (attribute == sinter::cuda::pointer_device) return *static_cast<int*>(value) = 0, 0;
    *static_cast<unsigned*>(value) = is_pinned ? sinter::cuda::memory_type_host : sinter::cuda::memory_type_device;
    return 0;
  };
}

/// A cubin is "arch name name ...".
inline int load(void** handle, void const* image) {
  if (here().load_result) return here().load_result;
  auto* const made = new module;
  std::string const text(static_cast<char const*>(image));
  for (std::size_t at = text.find(' '); at != std::string::npos;) {
    auto const end = text.find(' ', at + 1);
    auto const name = text.substr(at + 1, end == std::string::npos ? end : end - at - 1);
    made->functions[name].name = name;
    at = end;
  }
  ++here().modules;
  *handle = made;
  return 0;
}

inline int launch(function const& f, std::array<unsigned, 3> grid, unsigned threads, unsigned shared, void* s,
                  void** arguments, char const* how) {
  if (here().launch_result) return here().launch_result;
  if (static_cast<int>(shared) > f.shared_bytes) return sinter::cuda::invalid_value;
  auto* const first = *static_cast<std::byte**>(arguments[0]);
  auto const line = fmt::format("{} {} {}x{}x{} {}", how, f.name, grid[0], grid[1], grid[2], threads);
  stream_at(s).give([=] {
    here().log.push_back(line);
    *first = static_cast<std::byte>(static_cast<int>(*first) + 1);
  });
  return 0;
}

inline void fill_code(sinter::cuda_driver& d) {
  d.module_load_data = load;
  d.module_unload = [](void* m) { return --here().modules, delete static_cast<module*>(m), 0; };
  d.module_get_function = [](void** f, void* m, char const* name) {
    auto& functions = static_cast<module*>(m)->functions;
    if (!functions.contains(name)) return 500;
    return *f = &functions.at(name), 0;
  };
  d.func_set_attribute = [](void* f, int, int value) { return static_cast<function*>(f)->shared_bytes = value, 0; };
  d.launch_kernel = [](void* f, unsigned x, unsigned y, unsigned z, unsigned threads, unsigned, unsigned,
                       unsigned shared, void* s, void** arguments, void**) {
    return launch(*static_cast<function*>(f), {x, y, z}, threads, shared, s, arguments, "launch");
  };
  d.launch_kernel_ex = [](sinter::cuda::launch_config const* c, void* f, void** arguments, void**) {
    bool const overlaps =
        c->attribute_count == 1 && c->attributes->id == sinter::cuda::launch_programmatic && c->attributes->value == 1;
    return launch(*static_cast<function*>(f), {c->grid[0], c->grid[1], c->grid[2]}, c->block[0], c->shared_bytes,
                  c->stream, arguments, overlaps ? "overlap" : "extended");
  };
}

inline void fill_streams(sinter::cuda_driver& d) {
  d.stream_create = [](void** s, unsigned) { return ++here().streams, *s = new stream, 0; };
  d.stream_destroy = [](void* s) { return --here().streams, delete static_cast<stream*>(s), 0; };
  d.stream_synchronize = [](void* s) {
    if (here().sync_result) return here().sync_result;
    return stream_at(s).run_until(stream_at(s).given), 0;
  };
  d.event_create = [](void** e, unsigned) { return ++here().events, *e = new event, 0; };
  d.event_record = [](void* e, void* s) { return *static_cast<event*>(e) = {&stream_at(s), stream_at(s).given}, 0; };
  d.event_synchronize = [](void* e) {
    auto const& at = *static_cast<event*>(e);
    return at.on->run_until(at.after), 0;
  };
  d.event_destroy = [](void* e) { return --here().events, delete static_cast<event*>(e), 0; };
}

using graph = std::vector<std::function<void()>>;

inline void fill_graphs(sinter::cuda_driver& d) {
  d.stream_begin_capture = [](void* s, int) { return ++here().graphs, stream_at(s).captured = new graph, 0; };
  d.stream_get_capture_info = [](void* s, int*, std::uint64_t*, void**, void* const** nodes, std::size_t* count) {
    *nodes = stream_at(s).nodes.data();
    *count = stream_at(s).nodes.size();
    return 0;
  };
  d.stream_end_capture = [](void* s, void** g) { return *g = std::exchange(stream_at(s).captured, nullptr), 0; };
  d.graph_instantiate = [](void** executable, void* g, unsigned long long) {
    return ++here().executables, *executable = new graph(*static_cast<graph*>(g)), 0;
  };
  d.graph_launch = [](void* executable, void* s) {
    for (auto const& work : *static_cast<graph*>(executable)) stream_at(s).give(work);
    return 0;
  };
  d.graph_exec_destroy = [](void* e) { return --here().executables, delete static_cast<graph*>(e), 0; };
  d.graph_destroy = [](void* g) { return --here().graphs, delete static_cast<graph*>(g), 0; };
  d.graph_exec_kernel_node_set_params = [](void* e, void* node, sinter::cuda::kernel_node const* p) {
    auto const index = reinterpret_cast<std::size_t>(node) - 1;
    auto* const first = *static_cast<std::byte**>(p->arguments[0]);
    auto const line = fmt::format("changed {} {}x{}x{} {}", static_cast<function*>(p->function)->name, p->grid[0],
                                  p->grid[1], p->grid[2], p->block[0]);
    (*static_cast<graph*>(e))[index] = [=] {
      here().log.push_back(line);
      *first = static_cast<std::byte>(static_cast<int>(*first) + 1);
    };
    return 0;
  };
}

inline sinter::cuda_driver driver() {
  sinter::cuda_driver d;
  fill_devices(d);
  fill_memory(d);
  fill_code(d);
  fill_streams(d);
  fill_graphs(d);
  d.event_elapsed_time = [](float* time, void*, void*) { return *time = 0, 0; };
  return d;
}

/// A compiler for texts "name name ...": it refuses names that start with "broken".
struct program {
  std::string text{}, log{}, code{};
};

inline std::atomic<int> compilations{0};
inline int compiler_major = 12;

inline sinter::nvrtc compiler() {
  sinter::nvrtc n;
  n.version = [](int* major, int* minor) { return *major = compiler_major, *minor = 3, 0; };
  n.get_error_string = [](int) { return "NVRTC_ERROR_COMPILATION"; };
  n.get_num_supported_archs = [](int* count) { return *count = 3, 0; };
  n.get_supported_archs = [](int* archs) { return archs[0] = 75, archs[1] = 86, archs[2] = 90, 0; };
  n.create_program = [](void** p, char const* text, char const*, int, char const* const*, char const* const*) {
    return *p = new program{text}, 0;
  };
  n.destroy_program = [](void** p) { return delete static_cast<program*>(*p), 0; };
  n.compile_program = [](void* p, int, char const* const* options) {
    ++compilations;
    auto& made = *static_cast<program*>(p);
    made.code = std::string(options[0]).substr(6) + " " + made.text;
    bool const is_broken = made.text.find("broken") != std::string::npos;
    made.log = is_broken ? "kernels.cu(1): error: expected a ;" : "ptxas info: 8 registers";
    return is_broken ? 6 : 0;
  };
  n.get_cubin_size = [](void* p, std::size_t* bytes) { return *bytes = static_cast<program*>(p)->code.size(), 0; };
  n.get_cubin = [](void* p, char* to) { return static_cast<program*>(p)->code.copy(to, std::string::npos), 0; };
  n.get_program_log_size = [](void* p, std::size_t* bytes) {
    return *bytes = static_cast<program*>(p)->log.size() + 1, 0;
  };
  n.get_program_log = [](void* p, char* to) { return std::strcpy(to, static_cast<program*>(p)->log.c_str()), 0; };
  return n;
}

/// A kernel with one argument, whose form is its name.
inline sinter::device_kernel kernel(std::string name) {
  sinter::device_kernel k;
  k.form = std::move(name);
  k.arguments.resize(1);
  return k;
}

inline sinter::cuda_emitter emitter() {
  return {.name = [](sinter::device_kernel const& k) { return k.form; },
          .text =
              [](std::span<sinter::device_kernel const> kernels) {
                std::string text;
                for (auto const& k : kernels) text += (text.empty() ? "" : " ") + k.form;
                return text;
              }};
}

inline sinter::cuda_options options() {
  return {.emitter = emitter(), .driver = driver(), .compiler = compiler, .most_modules = 2};
}

/// The error that `body` throws.
template <typename Body>
sinter::error error_of(Body&& body) {
  try {
    body();
  } catch (sinter::error const& e) {
    return e;
  }
  FAIL("no error");
  std::abort();
}

}  // namespace fake
