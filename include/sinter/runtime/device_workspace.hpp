#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/runtime/accelerator.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace sinter {

/// What a run needs on a device: memory for the arena and the inputs, and an order of work. Used by one thread at a
/// time.
class device_workspace {
 public:
  /// Launches that were recorded for some bases.
  struct recorded {
    std::unique_ptr<device_queue::recording> launches{};
    std::vector<std::byte*> bases{};  ///< that the launches refer to
    bool is_whole = false;            ///< all of them do
    bool is_for(std::span<std::byte* const> wanted) const { return is_whole && std::ranges::equal(bases, wanted); }
  };

  /// `inputs` are the bytes of each input; the last words of the state are `checks`. Errors: those of the device.
  device_workspace(accelerator& device, std::size_t arena_bytes, std::size_t state_bytes,
                   std::span<std::size_t const> inputs, std::size_t outputs, std::size_t checks = 0)
      : device_(&device),
        state_(padded(arena_bytes)),
        given_there_(outputs),
        checks_(checks),
        queue_(device.make_queue()) {
    first_check_ = state_ + static_cast<std::int64_t>(state_bytes - checks * sizeof(std::int64_t));
    auto bytes = checked_add(state_, padded(state_bytes));
    for (auto const b : inputs) offsets_.push_back(bytes), bytes = checked_add(bytes, padded(b));
    if (bytes > 0) memory_ = device.allocate(static_cast<std::size_t>(bytes));
    clear_state(state_bytes);
  }

  device_queue& queue() const { return *queue_; }
  std::byte* arena() const { return memory_.get(); }
  std::byte* state() const { return memory_.get() + state_; }
  /// Room for a copy of input `i`.
  std::byte* input(std::size_t i) const { return memory_.get() + offsets_[i]; }
  bool owns(void const* data) const { return device_->owns(data); }
  /// Whether the memory that was given for output `i` is the device's.
  std::vector<bool>::reference given_there(std::size_t i) { return given_there_[i]; }
  /// The launches of a list; none yet, the first time.
  recorded& recording(std::size_t number) {
    if (recordings_.size() <= number) recordings_.resize(number + 1);
    return recordings_[number];
  }

  /// Before a run: the words of checks are zero, also where the last run came to no end.
  void start_checks() {
    if (!clean_) {
      std::ranges::fill(checks_, 0);
      queue_->upload(memory_.get() + first_check_, checks_.data(), check_bytes());
    }
    clean_ = checks_.empty();
  }
  /// What launches left there; it is known after the queue's `wait`.
  std::span<std::int64_t const> fetch_checks() {
    queue_->download(checks_.data(), memory_.get() + first_check_, check_bytes());
    return checks_;
  }
  /// All of them are zero.
  void end_checks() { clean_ = true; }

  bool on_callers_stream() const { return on_callers_stream_; }
  /// In this scope, runs go to a stream of the caller's.
  class borrowed_stream {
   public:
    borrowed_stream(device_workspace& in, void* stream) : in_(in) {
      in_.queue_->borrow(stream);
      in_.on_callers_stream_ = true;
    }
    borrowed_stream(borrowed_stream const&) = delete;
    borrowed_stream& operator=(borrowed_stream const&) = delete;
    ~borrowed_stream() {
      in_.on_callers_stream_ = false;
      in_.queue_->give_back();
    }

   private:
    device_workspace& in_;
  };

 private:
  void clear_state(std::size_t bytes) {
    if (bytes == 0) return;
    std::vector<std::byte> const zeros(bytes);
    queue_->upload(state(), zeros.data(), bytes);
    queue_->wait();
  }

  std::size_t check_bytes() const { return checks_.size() * sizeof(std::int64_t); }

  static std::int64_t padded(std::size_t bytes) { return round_up(static_cast<std::int64_t>(bytes), 256); }

  accelerator* device_;
  device_memory memory_;
  std::int64_t state_;  ///< where it begins
  std::int64_t first_check_ = 0;
  std::vector<std::int64_t> offsets_;  ///< of the inputs
  std::vector<bool> given_there_;
  std::vector<std::int64_t> checks_;  ///< as they were fetched
  bool clean_ = true;                 ///< the device's are zero
  std::vector<recorded> recordings_;
  bool on_callers_stream_ = false;
  std::unique_ptr<device_queue> queue_;  ///< ends first, when its work is done
};

}  // namespace sinter
