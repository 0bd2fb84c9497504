#pragma once

#include "image.hpp"
#include "machine.hpp"
#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

/// Code, and launches of its kernels.
namespace cuda_mock {

inline function* find_function(machine& m, void* handle) {
  function* found = nullptr;
  m.modules.for_each([&](loaded_module& module) {
    for (auto const& [name, f] : module.functions)
      if (f.get() == handle) found = f.get();
  });
  return found;
}

/// What a kernel is launched with; arguments have their values of when it was given.
struct launch {
  void* handle = nullptr;
  emulator::launch_size size{};
  std::vector<std::string> arguments{};

  /// Errors, besides those of the kernel: code that was unloaded, pointers that are not of the device.
  void run(machine& m) const {
    auto const* const f = find_function(m, handle);
    if (!f) throw emulator::error("a kernel of an unloaded module");
    std::vector<void*> values;
    for (auto const& a : arguments) {
      machine::cuda_pointer pointer = 0;
      std::memcpy(&pointer, a.data(), std::min(a.size(), sizeof pointer));
      if (a.size() == sizeof pointer && pointer != 0 && !m.is_device(pointer, 0))
        throw emulator::error("kernel " + f->name + ": argument " + std::to_string(values.size()) +
                              " does not point to memory of the device");
      values.push_back(const_cast<char*>(a.data()));
    }
    emulator::engine::instance().launch(f->name, f->entry, size, values.data(), m.how.threads);
  }
};

/// Checks a launch as cuLaunchKernel does, and makes it work of a stream.
inline int make_launch(machine& m, void* handle, unsigned const* grid, unsigned const* block, unsigned shared_bytes,
                       void** arguments, void** extra, operation& made) {
  using namespace sinter::cuda_api;
  auto const* const f = find_function(m, handle);
  if (!f) return invalid_handle;
  auto const is_grid = grid[0] - 1 < 0x7fffffff && grid[1] - 1 < 65535 && grid[2] - 1 < 65535;
  auto const is_row = block[0] - 1 < 1024 && block[1] == 1 && block[2] == 1;  // all that thread() is for
  if (!is_grid || !is_row || extra || static_cast<int>(shared_bytes) > f->most_shared_bytes) return invalid_value;
  if (block[0] > f->entry.most_threads) return too_many_resources;
  launch l{handle, {{grid[0], grid[1], grid[2]}, block[0], shared_bytes}, {}};
  for (unsigned i = 0; i < f->entry.arguments; ++i)
    l.arguments.emplace_back(static_cast<char const*>(arguments[i]), f->entry.argument_bytes[i]);
  made = {[l = std::move(l), &m] { l.run(m); }, true};
  return success;
}

inline void fill_module_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  d.module_load_data = [](void** module, void const* data) {
    return call("cuModuleLoadData", [&](machine& m) {
      if (!image::is_at(data)) return static_cast<int>(invalid_image);
      auto const header = image::header_at(data);
      if (!header.runs_on(m.how.capability)) return no_binary_for_gpu;
      auto code = emulator::module::of_bytes(header.object_at(data));
      *module = m.modules.add(std::make_unique<loaded_module>(loaded_module{std::move(code), {}}));
      return success;
    });
  };
  d.module_unload = [](void* module) {
    return call("cuModuleUnload",
                [&](machine& m) { return m.modules.remove(module) ? success : static_cast<int>(invalid_handle); });
  };
  d.module_get_function = [](void** result, void* module, char const* name) {
    return call("cuModuleGetFunction", [&](machine& m) {
      auto* const in = m.modules.find(module);
      if (!in) return static_cast<int>(invalid_handle);
      auto const* const entry = in->code.find(name);
      if (!entry) return static_cast<int>(not_found);
      auto& f = in->functions[name];
      if (!f) f = std::make_unique<function>(function{name, *entry});
      *result = f.get();
      return success;
    });
  };
  d.func_set_attribute = [](void* handle, int attribute, int value) {
    return call("cuFuncSetAttribute", [&](machine& m) {
      auto* const f = find_function(m, handle);
      if (!f) return static_cast<int>(invalid_handle);
      if (attribute != function_dynamic_shared_bytes || value < 0 || value > m.how.shared_bytes) return invalid_value;
      f->most_shared_bytes = value;
      return success;
    });
  };
}

inline void fill_launch_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  d.launch_kernel = [](void* function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                       unsigned block_y, unsigned block_z, unsigned shared_bytes, void* stream, void** arguments,
                       void** extra) {
    return call("cuLaunchKernel", [&](machine& m) {
      unsigned const grid[] = {grid_x, grid_y, grid_z}, block[] = {block_x, block_y, block_z};
      operation work;
      auto* const s = m.find_stream(stream);
      if (!s) return static_cast<int>(invalid_handle);
      auto const result = make_launch(m, function, grid, block, shared_bytes, arguments, extra, work);
      return result == success ? m.give(*s, std::move(work)) : result;
    });
  };
  d.launch_kernel_ex = [](launch_config const* c, void* function, void** arguments, void** extra) {
    return call("cuLaunchKernelEx", [&](machine& m) {
      operation work;
      auto* const s = m.find_stream(c->stream);
      if (!s) return static_cast<int>(invalid_handle);
      for (unsigned i = 0; i < c->attribute_count; ++i)
        if (c->attributes[i].id != launch_programmatic || m.how.capability < 90) return invalid_value;
      auto const result = make_launch(m, function, c->grid, c->block, c->shared_bytes, arguments, extra, work);
      return result == success ? m.give(*s, std::move(work)) : result;
    });
  };
}

}  // namespace cuda_mock
