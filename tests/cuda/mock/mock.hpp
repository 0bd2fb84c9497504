#pragma once

#include <sinter/runtime/cuda/driver.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>

#include "device_calls.hpp"
#include "graph_calls.hpp"
#include "memory_calls.hpp"
#include "module_calls.hpp"
#include "nvrtc_calls.hpp"
#include "stream_calls.hpp"
#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

/// A CUDA device whose kernels run on the emulator, as the tables that the library fills from libcuda and NVRTC:
///
///   cuda_mock::device gpu({.capability = 80, .memory_bytes = 1 << 20});
///   auto const driver = gpu.driver();
///   gpu.fail("cuMemAlloc_v2", 2, 3);  // the fourth call and those that follow
///
/// Memory is NaN when it is allocated. Work is done when something waits for it (`settings::late`). Work that fails,
/// from accesses beside memory to pointers of the host, makes all calls that follow fail; what was wrong is the text
/// of their result.
namespace cuda_mock {

/// One at a time in a process.
class device {
 public:
  explicit device(settings s = {}) : machine_(std::move(s)) { machine::current() = &machine_; }
  device(device const&) = delete;
  device& operator=(device const&) = delete;
  ~device() { machine::current() = nullptr; }

  sinter::cuda_driver driver() const {
    sinter::cuda_driver d;
    fill_device_calls(d);
    fill_context_calls(d);
    fill_memory_calls(d);
    fill_copy_calls(d);
    fill_module_calls(d);
    fill_launch_calls(d);
    fill_stream_calls(d);
    fill_event_calls(d);
    fill_capture_calls(d);
    fill_graph_calls(d);
    remove_missing(d);
    return d;
  }
  sinter::nvrtc compiler() const {
    sinter::nvrtc n;
    fill_nvrtc_calls(n);
    remove_missing(n);
    return n;
  }

  /// Makes a function return `result`, from its call number `after` on, counted from 0.
  void fail(std::string const& symbol, int result, std::size_t after = 0) {
    machine_.injected[symbol] = {machine_.calls[symbol] + after, result};
  }
  /// How often a function was called.
  std::size_t calls(std::string const& symbol) const {
    auto const found = machine_.calls.find(symbol);
    return found == machine_.calls.end() ? 0 : found->second;
  }
  /// A stream, as the mock sees it.
  stream const& at(void* handle) { return *machine_.find_stream(handle); }
  /// What was not given back.
  std::size_t live_things() const {
    auto const& m = machine_;
    return m.device_memory.size() + m.pinned_memory.size() + m.modules.size() + m.streams.size() + m.events.size() +
           m.graphs.size() + m.executables.size() + static_cast<std::size_t>(m.retained_contexts);
  }
  /// How kernels run from now on.
  void set(emulator::options const& threads) { machine_.how.threads = threads; }

 private:
  template <class Table>
  void remove_missing(Table& table) const {
    auto const& missing = machine_.how.missing_symbols;
    for_each_symbol(table, [&](char const* symbol, auto& function, bool) {
      if (std::find(missing.begin(), missing.end(), symbol) != missing.end()) function = nullptr;
    });
  }

  machine machine_;
};

}  // namespace cuda_mock
