#pragma once

#include <sinter/runtime/cuda/context.hpp>
#include <sinter/runtime/cuda/driver.hpp>
#include <sinter/runtime/cuda/module.hpp>
#include <sinter/runtime/device_queue.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// A stream of a device, destroyed at the end.
class cuda_stream {
 public:
  /// Errors: system.
  explicit cuda_stream(std::shared_ptr<cuda_context const> context) : context_(std::move(context)) {
    cuda_context::current const scope(*context_);
    context_->check(context_->driver().stream_create(&handle_, cuda_api::stream_non_blocking), "cuStreamCreate");
  }
  cuda_stream(cuda_stream const&) = delete;
  cuda_stream& operator=(cuda_stream const&) = delete;
  ~cuda_stream() {
    cuda_context::current const scope(*context_);
    context_->driver().stream_destroy(handle_);
  }
  void* handle() const { return handle_; }

 private:
  std::shared_ptr<cuda_context const> context_;
  void* handle_ = nullptr;
};

/// An event of a device, destroyed at the end.
class cuda_event {
 public:
  /// Errors: system.
  explicit cuda_event(std::shared_ptr<cuda_context const> context) : context_(std::move(context)) {
    cuda_context::current const scope(*context_);
    context_->check(context_->driver().event_create(&handle_, cuda_api::event_without_time), "cuEventCreate");
  }
  cuda_event(cuda_event const&) = delete;
  cuda_event& operator=(cuda_event const&) = delete;
  ~cuda_event() {
    cuda_context::current const scope(*context_);
    context_->driver().event_destroy(handle_);
  }
  void* handle() const { return handle_; }

 private:
  std::shared_ptr<cuda_context const> context_;
  void* handle_ = nullptr;
};

/// A graph of launches that is ready to replay, destroyed at the end.
class cuda_recording final : public device_queue::recording {
 public:
  struct launch {
    cuda_function const* function = nullptr;
    void* node = nullptr;  ///< of the graph; null where the driver does not tell it
  };

  /// Takes over `graph`. Errors: system.
  cuda_recording(std::shared_ptr<cuda_context const> context, void* graph, std::vector<launch> launches)
      : context_(std::move(context)), graph_(graph), launches_(std::move(launches)) {
    for (auto const& l : launches_) functions_.push_back(l.function);
    int const result = context_->driver().graph_instantiate(&executable_, graph_, 0);
    if (result != cuda_api::success) context_->driver().graph_destroy(graph_);
    context_->check(result, "making a graph of launches");
  }
  cuda_recording(cuda_recording const&) = delete;
  cuda_recording& operator=(cuda_recording const&) = delete;
  ~cuda_recording() override {
    cuda_context::current const scope(*context_);
    context_->driver().graph_exec_destroy(executable_);
    context_->driver().graph_destroy(graph_);
  }

  void* executable() const { return executable_; }
  std::vector<launch> const& launches() const { return launches_; }
  std::vector<cuda_function const*> const& functions() const { return functions_; }

 private:
  std::shared_ptr<cuda_context const> context_;
  void* graph_;
  void* executable_ = nullptr;
  std::vector<launch> launches_;
  std::vector<cuda_function const*> functions_{};
};

}  // namespace sinter
