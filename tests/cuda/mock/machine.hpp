#pragma once

#include <sinter/runtime/cuda/driver.hpp>

#include "settings.hpp"
#include "work.hpp"
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace cuda_mock {

/// Results of the driver besides those that the library knows.
enum result : int {
  not_initialized = 3,
  invalid_image = 200,
  invalid_context = 201,
  invalid_handle = 400,
  not_found = 500,
  not_ready = 600,
  too_many_resources = 701,
  launch_failed = 719,
  capture_unsupported = 900,
  capture_invalidated = 901,
};

/// The state behind the functions of the mock driver.
class machine {
 public:
  using cuda_pointer = sinter::cuda_pointer;
  using memories = std::map<cuda_pointer, std::unique_ptr<emulator::guarded_memory>>;

  explicit machine(settings s) : how(std::move(s)) {}

  /// The one that the functions of the driver work on.
  static machine*& current() {
    static machine* result = nullptr;
    return result;
  }
  /// Contexts of this thread, the current one last.
  static std::vector<void*>& contexts() {
    static thread_local std::vector<void*> result;
    return result;
  }

  settings how;
  std::recursive_mutex mutex{};
  std::map<std::string, std::size_t> calls{};  ///< of each function, failed ones too
  std::map<std::string, std::pair<std::size_t, int>> injected{};
  bool started = false;
  int failed = sinter::cuda_api::success;  ///< what all calls return once work has failed
  std::string failure{};
  std::thread::id capturing{};

  memories device_memory{}, pinned_memory{};
  std::size_t used_bytes = 0;
  int retained_contexts = 0;
  handles<loaded_module> modules{};
  handles<stream> streams{};
  handles<event> events{};
  handles<graph> graphs{};
  handles<executable_graph> executables{};
  stream default_stream{};

  /// Why a call fails whatever it is to do; success where nothing is in its way.
  int refusal(char const* symbol, bool needs_context) {
    auto const count = ++calls[symbol];
    if (auto const found = injected.find(symbol); found != injected.end() && count > found->second.first)
      return found->second.second;
    if (!started) return not_initialized;
    if (!needs_context) return sinter::cuda_api::success;
    return contexts().empty() ? static_cast<int>(invalid_context) : failed;
  }

  /// The memory that has so many bytes from a pointer on, or null.
  static emulator::guarded_memory* find(memories const& in, cuda_pointer pointer, std::size_t bytes) {
    auto const after = in.upper_bound(pointer);
    if (after == in.begin()) return nullptr;
    auto const& [start, memory] = *std::prev(after);
    auto const offset = pointer - start;
    return offset <= memory->size() && bytes <= memory->size() - offset ? memory.get() : nullptr;
  }
  bool is_device(cuda_pointer pointer, std::size_t bytes) const { return find(device_memory, pointer, bytes); }
  bool is_pinned(void const* pointer, std::size_t bytes) const {
    return find(pinned_memory, reinterpret_cast<cuda_pointer>(pointer), bytes);
  }

  stream* find_stream(void* handle) { return handle ? streams.find(handle) : &default_stream; }
  /// Adds work to a stream, or to the graph that it captures.
  int give(stream& to, operation work) {
    if (to.captured) {
      to.latest_node = to.captured->nodes.emplace_back(std::make_unique<operation>(std::move(work))).get();
      return sinter::cuda_api::success;
    }
    ++to.given;
    to.queue.push_back(std::move(work));
    return how.late ? static_cast<int>(sinter::cuda_api::success) : finish(to);
  }
  /// Does the work of a stream, until `done` says that it is enough.
  template <class Done>
  int finish(stream& of, Done&& done) {
    while (failed == sinter::cuda_api::success && !of.queue.empty() && !done()) {
      auto const work = std::move(of.queue.front());
      of.queue.pop_front();
      try {
        work.run();
      } catch (emulator::error const& e) {
        failed = launch_failed;
        failure = e.what();
      }
    }
    return failed;
  }
  int finish(stream& of) {
    return finish(of, [] { return false; });
  }
  int finish_all() {
    finish(default_stream);
    streams.for_each([&](stream& s) { finish(s); });
    return failed;
  }

  /// Whether this thread captures, when it may not take memory and the like; the capture fails.
  bool spoils_capture() {
    if (capturing != std::this_thread::get_id()) return false;
    default_stream.capture_failed = default_stream.captured;
    streams.for_each([](stream& s) { s.capture_failed = s.captured; });
    return true;
  }
};

/// A function of the driver: `body(machine)` for one that has a current context.
template <class Body>
int call(char const* symbol, Body&& body) {
  auto& m = *machine::current();
  auto const lock = std::lock_guard(m.mutex);
  auto const refused = m.refusal(symbol, true);
  return refused != sinter::cuda_api::success ? refused : body(m);
}
/// One that needs no context.
template <class Body>
int call_without_context(char const* symbol, Body&& body) {
  auto& m = *machine::current();
  auto const lock = std::lock_guard(m.mutex);
  auto const refused = m.refusal(symbol, false);
  return refused != sinter::cuda_api::success ? refused : body(m);
}

}  // namespace cuda_mock
