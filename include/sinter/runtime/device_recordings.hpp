#pragma once

#include <sinter/runtime/device_queue.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

/// How runs of generated programs use a device. Shipped with them.
namespace sinter {

/// The recordings of a workspace, one for each list of launches that runs give as one.
class device_recordings {
 public:
  /// Gives the launches that `give` makes on `queue`; they are recorded the first time, and again when `bases` have
  /// changed, the memory that they refer to.
  template <typename Give>
  void replay(device_queue& queue, std::size_t number, std::span<std::byte* const> bases, Give&& give) {
    if (recordings_.size() <= number) recordings_.resize(number + 1);
    auto& kept = recordings_[number];
    if (!kept.launches || !std::ranges::equal(kept.bases, bases)) {
      kept.bases.assign(bases.begin(), bases.end());
      kept.launches = queue.record(give);
    }
    queue.replay(*kept.launches);
  }

 private:
  struct recorded {
    std::unique_ptr<device_queue::recording> launches{};
    std::vector<std::byte*> bases{};  ///< that the launches refer to
  };
  std::vector<recorded> recordings_{};
};

/// Where kernels read an input: in its own memory, if it lies on the device (`is_there`) aligned as they want it, else
/// in `copy`.
inline std::byte* input_on_device(device_queue& queue, std::byte* data, std::size_t bytes, bool is_there,
                                  std::byte* copy) {
  constexpr std::uintptr_t widest_access = 16;
  if (is_there && reinterpret_cast<std::uintptr_t>(data) % widest_access == 0) return data;
  if (is_there)
    queue.copy(copy, data, bytes);
  else if (bytes > 0)
    queue.upload(copy, data, bytes);
  return copy;
}

}  // namespace sinter
