#pragma once

#include "cuda/emulator/module.hpp"
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What handles of the driver stand for.
namespace cuda_mock {

struct function {
  std::string name{};
  emulator::kernel_entry entry{};
  int most_shared_bytes = 48 << 10;
};

struct loaded_module {
  emulator::module code;
  std::map<std::string, std::unique_ptr<function>> functions{};
};

struct stream;

/// A point of a stream that an event was recorded at.
struct recorded_point {
  stream* in = nullptr;
  bool done = false;
  std::chrono::steady_clock::time_point time{};
};

struct event {
  bool has_time = true;
  std::shared_ptr<recorded_point> latest{};  ///< none before the first
  bool done() const { return !latest || latest->done; }
};

/// One piece of work of a stream or a graph.
struct operation {
  std::function<void()> run{};
  bool is_kernel = false;
};

struct graph {
  std::vector<std::unique_ptr<operation>> nodes{};
};

struct executable_graph {
  std::vector<std::pair<operation const*, operation>> nodes{};  ///< of the graph that it is made from, and its own
};

struct stream {
  std::deque<operation> queue{};
  std::size_t given = 0;         ///< pieces of work so far
  std::size_t synchronised = 0;  ///< how often somebody waited for it
  graph* captured = nullptr;     ///< work goes here if set
  bool capture_failed = false;
  void* latest_node = nullptr;
};

/// Things by the handles that stand for them.
template <class T>
class handles {
 public:
  T* add(std::unique_ptr<T> thing) {
    auto* const handle = thing.get();
    things_[handle] = std::move(thing);
    return handle;
  }
  /// Null for what is no handle.
  T* find(void* handle) const {
    auto const found = things_.find(handle);
    return found == things_.end() ? nullptr : found->second.get();
  }
  std::unique_ptr<T> remove(void* handle) {
    auto node = things_.extract(handle);
    return node.empty() ? nullptr : std::move(node.mapped());
  }
  std::size_t size() const { return things_.size(); }
  template <class Visit>
  void for_each(Visit&& visit) {
    for (auto& [handle, thing] : things_) visit(*thing);
  }

 private:
  std::map<void*, std::unique_ptr<T>> things_{};
};

}  // namespace cuda_mock
