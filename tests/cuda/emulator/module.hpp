#pragma once

#include "compiler.hpp"
#include "engine.hpp"
#include <dlfcn.h>
#include <memory>
#include <string>
#include <vector>

namespace emulator {

/// Compiled kernel text, loaded.
class module {
 public:
  explicit module(std::string const& text) : module(loaded(compile(text))) {}
  /// From what `compile` returns.
  static module of_bytes(std::string const& bytes) { return module(loaded(bytes)); }

  /// Null where there is no such kernel.
  kernel_entry const* find(std::string const& name) const {
    auto const* const entry =
        static_cast<kernel_entry const*>(dlsym(library_.get(), ("emulator_entry_" + name).c_str()));
    if (entry) engine::connect(*entry->where);
    return entry;
  }

  /// Arguments are pointers to memory; see options.hpp. Errors name kernel, block and thread.
  void launch(std::string const& name, launch_size const& size, std::vector<void const*> pointers,
              options const& how = {}) const {
    auto const* const entry = find(name);
    if (!entry) throw error("no kernel " + name);
    if (entry->arguments != pointers.size())
      throw error("kernel " + name + " has " + std::to_string(entry->arguments) + " arguments, not " +
                  std::to_string(pointers.size()));
    std::vector<void*> arguments;
    for (auto& pointer : pointers) arguments.push_back(&pointer);
    engine::instance().launch(name, *entry, size, arguments.data(), how);
  }

 private:
  explicit module(std::shared_ptr<void> library) : library_(std::move(library)) {}
  static std::shared_ptr<void> loaded(std::string const& bytes) {
    temporary_folder const folder;
    auto* const library = dlopen(folder.write("kernels.so", bytes).c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) throw error(std::string("cannot load a module: ") + dlerror());
    return {library, dlclose};
  }

  std::shared_ptr<void> library_;
};

}  // namespace emulator
