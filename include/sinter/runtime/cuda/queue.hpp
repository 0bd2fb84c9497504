#pragma once

#include <sinter/core/failure.hpp>
#include <sinter/core/joined_text.hpp>
#include <sinter/runtime/cuda/context.hpp>
#include <sinter/runtime/cuda/driver.hpp>
#include <sinter/runtime/cuda/module.hpp>
#include <sinter/runtime/cuda/recent_kernels.hpp>
#include <sinter/runtime/cuda/recording.hpp>
#include <sinter/runtime/cuda/staging.hpp>
#include <sinter/runtime/device_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// Work of one stream, its own or a borrowed one: a CUstream or cudaStream_t of the device's primary context (null: the
/// default stream), which must not be capturing. Code of launches outlives the work.
class cuda_queue final : public device_queue {
 public:
  /// Errors: system.
  explicit cuda_queue(std::shared_ptr<cuda_context const> context)
      : context_(std::move(context)),
        own_(context_),
        handed_over_(context_),
        stream_(own_.handle()),
        staging_(context_),
        overlaps_(context_->info().capability >= 90 && context_->version() >= 12030 && driver().launch_kernel_ex) {}
  cuda_queue(cuda_queue const&) = delete;
  cuda_queue& operator=(cuda_queue const&) = delete;
  ~cuda_queue() override {
    cuda_context::current const scope(*context_);
    driver().stream_synchronize(own_.handle());
  }

  void upload(std::byte* to, void const* from, std::size_t bytes) override {
    SINTER_ASSERT(!captured_);
    if (bytes == 0) return;
    cuda_context::current const scope(*context_);
    if (bytes <= direct_bytes || is_pinned(from))
      return check(driver().memcpy_htod_async(pointer(to), from, bytes, stream_), "copying to the device");
    with_kernels([&] { staging_.upload(pointer(to), static_cast<std::byte const*>(from), bytes, stream_); });
  }

  void download(void* to, std::byte const* from, std::size_t bytes) override {
    SINTER_ASSERT(!captured_);
    if (bytes == 0) return;
    cuda_context::current const scope(*context_);
    if (is_pinned(to))
      return check(driver().memcpy_dtoh_async(to, pointer(from), bytes, stream_), "copying from the device");
    with_kernels([&] { staging_.download(static_cast<std::byte*>(to), pointer(from), bytes, stream_); });
  }

  void copy(std::byte* to, std::byte const* from, std::size_t bytes) override {
    if (bytes == 0) return;
    cuda_context::current const scope(*context_);
    check(driver().memcpy_dtod_async(pointer(to), pointer(from), bytes, stream()), "copying within the device");
  }

  void launch(device_launch const& what) override {
    cuda_context::current const scope(*context_);
    auto const& function = *static_cast<cuda_function const*>(what.function);
    auto* const arguments = arguments_of(what);
    int const result = overlaps_ ? start_overlapping(function, what, arguments) : start(function, what, arguments);
    if (result != cuda_api::success) check(result, launch_text(function, what));
    if (captured_)
      captured_->push_back({&function, latest_node()});
    else
      recent_.add(&function);
  }

  void wait() override {
    SINTER_ASSERT(!captured_);
    cuda_context::current const scope(*context_);
    int const result = driver().stream_synchronize(stream_);
    if (result != cuda_api::success) staging_.drop();
    check(result, "work failed");
    staging_.finish();
    recent_.clear();
  }

  void borrow(void* stream) override {
    SINTER_ASSERT(!captured_ && stream_ == own_.handle());
    cuda_context::current const scope(*context_);
    check(hand_over(own_.handle(), stream), "using a stream of the caller");
    stream_ = stream;
  }

  void give_back() noexcept override {
    cuda_context::current const scope(*context_);
    auto* const given = std::exchange(stream_, own_.handle());
    if (hand_over(given, own_.handle()) != cuda_api::success) driver().stream_synchronize(given);
  }

  std::unique_ptr<recording> record(std::function<void()> const& give) override {
    SINTER_ASSERT(!captured_);
    cuda_context::current const scope(*context_);
    check(driver().stream_begin_capture(own_.handle(), cuda_api::capture_thread_local), "recording launches");
    std::vector<cuda_recording::launch> launches;
    auto* const graph = capture(give, launches);
    return std::make_unique<cuda_recording>(context_, graph, std::move(launches));
  }

  void replay(recording& what) override {
    SINTER_ASSERT(!captured_);
    cuda_context::current const scope(*context_);
    auto const& recorded = static_cast<cuda_recording const&>(what);
    recent_.add(recorded.functions());
    check(driver().graph_launch(recorded.executable(), stream_), "replaying launches");
  }

  bool change(recording& what, std::size_t index, device_launch const& with) override {
    auto const& launch = static_cast<cuda_recording const&>(what).launches().at(index);
    SINTER_ASSERT(launch.function == with.function);
    if (!launch.node || !driver().graph_exec_kernel_node_set_params) return false;
    cuda_context::current const scope(*context_);
    cuda_api::kernel_node const node{.function = launch.function->handle,
                                     .grid = {with.blocks[0], with.blocks[1], with.blocks[2]},
                                     .block = {with.threads, 1, 1},
                                     .shared_bytes = with.shared_bytes,
                                     .arguments = arguments_of(with)};
    auto* const executable = static_cast<cuda_recording const&>(what).executable();
    check(driver().graph_exec_kernel_node_set_params(executable, launch.node, &node), "changing a recorded launch");
    return true;
  }

 private:
  /// The driver itself keeps a copy of uploads up to this size.
  static constexpr std::size_t direct_bytes = std::size_t{64} << 10;

  cuda_driver const& driver() const { return context_->driver(); }
  /// Lets what `to` is given from now on wait for what `from` has been given.
  int hand_over(void* from, void* to) const {
    int const result = driver().event_record(handed_over_.handle(), from);
    return result == cuda_api::success ? driver().stream_wait_event(to, handed_over_.handle(), 0) : result;
  }

  /// Where launches go: recordings are made on the queue's own stream, whatever a borrowed one is doing.
  void* stream() const { return captured_ ? own_.handle() : stream_; }
  static cuda_pointer pointer(std::byte const* p) { return reinterpret_cast<cuda_pointer>(p); }

  bool is_pinned(void const* p) const {
    unsigned type = 0;
    return driver().pointer_get_attribute(&type, cuda_api::pointer_memory_type, reinterpret_cast<cuda_pointer>(p)) ==
               cuda_api::success &&
           type == cuda_api::memory_type_host;
  }

  /// Runs `body`; an error gets the kernels that were launched as context.
  template <typename Body>
  void with_kernels(Body&& body) const {
    auto const where = [&] {
      auto const kernels = recent_.text();
      if (kernels.empty()) return std::string("work without kernels");
      return joined_text("work with the kernels ", kernels,
                         " (the last first; CUDA_LAUNCH_BLOCKING=1 in the environment tells which one fails)");
    };
    with_context(where, body);
  }

  void check(int result, std::string_view doing) const {
    if (result != cuda_api::success) with_kernels([&] { context_->check(result, doing); });
  }

  /// Pointers to the arguments, as the driver takes them.
  void** arguments_of(device_launch const& what) {
    SINTER_ASSERT(what.arguments.size() == static_cast<cuda_function const*>(what.function)->arguments);
    arguments_.clear();
    for (auto const& a : what.arguments) arguments_.push_back(const_cast<std::byte**>(&a));
    return arguments_.data();
  }

  int start(cuda_function const& f, device_launch const& what, void** arguments) const {
    return driver().launch_kernel(f.handle, what.blocks[0], what.blocks[1], what.blocks[2], what.threads, 1, 1,
                                  what.shared_bytes, stream(), arguments, nullptr);
  }

  /// The kernel may start before the one before it ends; it waits itself for what that one stores.
  int start_overlapping(cuda_function const& f, device_launch const& what, void** arguments) const {
    cuda_api::launch_attribute overlap{.id = cuda_api::launch_programmatic, .value = 1};
    cuda_api::launch_config const config{.grid = {what.blocks[0], what.blocks[1], what.blocks[2]},
                                         .block = {what.threads, 1, 1},
                                         .shared_bytes = what.shared_bytes,
                                         .stream = stream(),
                                         .attributes = &overlap,
                                         .attribute_count = 1};
    return driver().launch_kernel_ex(&config, f.handle, arguments, nullptr);
  }

  static std::string launch_text(cuda_function const& f, device_launch const& what) {
    return joined_text("launching kernel '", f.name, "' (", what.blocks[0], "x", what.blocks[1], "x", what.blocks[2],
                       " blocks of ", what.threads, " threads, ", what.shared_bytes, " bytes of shared memory)");
  }

  /// The node of the launch that was captured last.
  void* latest_node() const {
    int status = 0;
    std::uint64_t id = 0;
    void* graph = nullptr;
    void* const* nodes = nullptr;
    std::size_t count = 0;
    if (!driver().stream_get_capture_info ||
        driver().stream_get_capture_info(own_.handle(), &status, &id, &graph, &nodes, &count) != cuda_api::success)
      return nullptr;
    return count == 1 ? nodes[0] : nullptr;
  }

  /// Ends the capture, also when `give` throws.
  void* capture(std::function<void()> const& give, std::vector<cuda_recording::launch>& launches) {
    void* graph = nullptr;
    captured_ = &launches;
    try {
      give();
    } catch (...) {
      captured_ = nullptr;
      if (driver().stream_end_capture(own_.handle(), &graph) == cuda_api::success && graph)
        driver().graph_destroy(graph);
      throw;
    }
    captured_ = nullptr;
    check(driver().stream_end_capture(own_.handle(), &graph), "recording launches");
    return graph;
  }

  std::shared_ptr<cuda_context const> context_;
  cuda_stream own_;
  cuda_event handed_over_;  ///< the work of one stream to the other
  void* stream_;
  cuda_staging staging_;
  bool overlaps_;
  std::vector<cuda_recording::launch>* captured_ = nullptr;  ///< while recording
  recent_kernels recent_{};
  std::vector<void*> arguments_{};
};

}  // namespace sinter
