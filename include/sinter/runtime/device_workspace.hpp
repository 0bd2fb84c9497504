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
  /// `inputs` are the bytes of each input. Errors: those of the device.
  device_workspace(accelerator& device, std::size_t arena_bytes, std::size_t state_bytes,
                   std::span<std::size_t const> inputs)
      : queue(device.make_queue()), device_(&device), state_(padded(arena_bytes)) {
    auto bytes = checked_add(state_, padded(state_bytes));
    for (auto const b : inputs) offsets_.push_back(bytes), bytes = checked_add(bytes, padded(b));
    if (bytes > 0) memory_ = device.allocate(static_cast<std::size_t>(bytes));
    clear_state(state_bytes);
  }

  std::byte* arena() const { return memory_.get(); }
  std::byte* state() const { return memory_.get() + state_; }
  /// Room for a copy of input `i`.
  std::byte* input(std::size_t i) const { return memory_.get() + offsets_[i]; }
  bool owns(void const* data) const { return device_->owns(data); }

  /// The launches that `give` makes; they are recorded the first time, and again when `bases` have changed.
  template <typename Give>
  void replay(std::size_t number, std::span<std::byte* const> bases, Give&& give) {
    if (recordings_.size() <= number) recordings_.resize(number + 1);
    auto& kept = recordings_[number];
    if (!kept.launches || !std::ranges::equal(kept.bases, bases)) {
      kept.bases.assign(bases.begin(), bases.end());
      kept.launches = queue->record(give);
    }
    queue->replay(*kept.launches);
  }

  std::unique_ptr<device_queue> const queue;

 private:
  struct recorded {
    std::unique_ptr<device_queue::recording> launches{};
    std::vector<std::byte*> bases{};  ///< that the launches refer to
  };

  void clear_state(std::size_t bytes) {
    if (bytes == 0) return;
    std::vector<std::byte> const zeros(bytes);
    queue->upload(state(), zeros.data(), bytes);
    queue->wait();
  }

  static std::int64_t padded(std::size_t bytes) { return round_up(static_cast<std::int64_t>(bytes), 256); }

  accelerator* device_;
  device_memory memory_;
  std::int64_t state_;                 ///< where it begins
  std::vector<std::int64_t> offsets_;  ///< of the inputs
  std::vector<recorded> recordings_;
};

}  // namespace sinter
